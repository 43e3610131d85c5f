"""Changes of what an exact rule covers, and who refuses them: evlog, its Rego as OPA and rego-cpp have it, pcrlock.

python -m tests.policy_mutations                 10,000 changes; exit 1 if one is kept, or two judges differ
python -m tests.policy_mutations 500 --seed x    other ones
python -m tests.policy_mutations --rego-cpp 10   every tenth is put to rego-cpp, too, which takes its time
python -m tests.policy_mutations --real 40       so many are put to systemd-pcrlock itself (tests/systemd_pcrlock.py)

A change is of one digest in one bank, of two events' order on one register, an event more (of the log, on its register
or another), or one less. Each judge gets the bytes of the changed log: evlog reads them, Rego gets what ``evlog show
--json`` prints of them, pcrlock's rule is a reader of its own (tests/plain_pcrlock.py). With ``--several`` the policies
are of two boots each, whose rules are of every kind; there no change has to be refused, but the judges have to agree.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import evlog
from evlog.intake.outputs import write_folder
from evlog.policy.export import export_policy
from evlog.policy.learn import GoodBoot
from tests import go_programs, plain_pcrlock, systemd_pcrlock
from tests.command import run
from tests.conftest import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

LOGS = ("secure-boot", "ovmf", "uki", "seabios")
KINDS = ("digest", "order", "addition", "removal")
#: PCRs that a TPM lets nobody extend from locality 0.
_DRTM = range(17, 23)
#: What the module asks for of an event: the rest is long, and costs rego-cpp most.
_ASKED = ("number", "register", "measured", "digests", "checks", "decoded")


class Change(NamedTuple):
    """A log with one thing changed that a register covers."""

    kind: str
    at: int
    name: str
    data: bytes

    def __str__(self) -> str:
        return f"{self.name}: {self.kind} at event {self.at}"


class Good(NamedTuple):
    """A policy, and what its consumers take of it."""

    name: str
    policy: evlog.BootPolicy
    rego: str
    components: dict[str, bytes]
    logs: tuple[evlog.Log, ...]


def sample(name: str) -> evlog.Log:
    """A log of the samples, with its events at hand."""
    log = evlog.read(SAMPLES / "tcg2" / f"{name}.bin")
    return log.replace(events=tuple(log.events))


def good(*names: str) -> Good:
    """The policy that boots of some samples make."""
    logs = tuple(map(sample, names))
    policy = evlog.learn([GoodBoot(name, (log,)) for name, log in zip(names, logs, strict=True)]).policy
    module = export_policy(policy, "rego").data.decode()
    return Good(" ".join(names), policy, module, dict(export_policy(policy, "pcrlock").files), logs)


def changes(logs: Sequence[evlog.Log], count: int, seed: object) -> Iterator[Change]:
    """So many changes of logs, the same for the same seed."""
    chance = random.Random(f"{seed}")
    for _ in range(count):
        log = chance.choice(logs)
        kind, at, changed = _changed(log, chance)
        yield Change(kind, at, log.name, evlog.write(changed))


def _changed(log: evlog.Log, chance: random.Random) -> tuple[str, int, evlog.Log]:
    events = list(log.events)
    measured = [index for index, event in enumerate(events) if event.measured]
    kind, at = chance.choice(KINDS), chance.choice(measured)
    event = events[at]
    if kind == "digest":
        place = chance.randrange(len(event.digests))
        value = bytearray(event.digests[place].value)
        value[chance.randrange(len(value))] ^= 1 << chance.randrange(8)
        digests = list(event.digests)
        digests[place] = digests[place].replace(value=bytes(value))
        events[at] = event.replace(digests=tuple(digests))
    elif kind == "order":
        same = [i for i in measured if events[i].register == event.register and events[i].digests != event.digests]
        if not same:
            return _changed(log, chance)
        other = chance.choice(same)
        events[at], events[other] = events[other], events[at]
    elif kind == "addition":
        added = events[chance.choice(measured)]
        if chance.random() < 0.5:
            added = added.replace(register=evlog.Register("pcr", chance.randrange(24)))
        at = chance.randrange(1, len(events) + 1)
        events.insert(at, added)
    else:
        del events[at]
    numbered = tuple(each.replace(number=number) for number, each in enumerate(events))
    return kind, at, log.replace(events=numbered)


# Judges: each says of a policy and the bytes of a log whether all is as the policy wants it.


def own(policy: Good, data: bytes, _: str) -> bool:
    """`evlog.check_policy`, which names what it refuses."""
    result = evlog.check_policy(policy.policy, evlog.read(data), unverified=True)
    named = any(row.verdict not in ("kept", "free") for row in result.rules) or bool(result.unspoken)
    assert result.ok is not named, "what is refused is not named"
    return result.ok


def by_pcrlock(policy: Good, data: bytes, _: str) -> bool:
    """pcrlock's rule by a plain reader."""
    return plain_pcrlock.told(policy.components, data).accepted


class RegoCpp:
    """rego-cpp, by regopy: one interpreter for each policy."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}

    def __call__(self, policy: Good, data: bytes, document: str) -> bool:
        import regopy  # type: ignore[import-untyped]

        if policy.name not in self._known:
            self._known[policy.name] = regopy.Interpreter()
            self._known[policy.name].add_module("policy", policy.rego)
        interpreter = self._known[policy.name]
        interpreter.set_input(_asked(json.loads(document)))
        # A bare query that is false says nothing.
        answer = str(interpreter.query("x := data.evlog.allow")).replace(" ", "")
        assert '"x":' in answer, answer
        return '"x":true' in answer


class Opa:
    """OPA, the reference engine: one process for each policy."""

    def __init__(self, program: Path) -> None:
        self._program = program
        self._known: dict[str, subprocess.Popen[str]] = {}

    def __call__(self, policy: Good, data: bytes, document: str) -> bool:
        if policy.name not in self._known:
            module = self._program.parent / f"{len(self._known)}.rego"
            module.write_text(policy.rego)
            self._known[policy.name] = subprocess.Popen(
                [self._program, module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        process = self._known[policy.name]
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(document.replace("\n", " ") + "\n")
        process.stdin.flush()
        return {"true\n": True, "false\n": False}[process.stdout.readline()]

    def close(self) -> None:
        """End the processes."""
        for process in self._known.values():
            process.communicate()


def _asked(document: dict[str, Any]) -> dict[str, Any]:
    events = []
    for event in document["events"]:
        content = {name: event["content"].get(name) for name in ("kind", "event_type_name", "template")}
        events.append({**{name: event[name] for name in _ASKED}, "content": content})
    return {"events": events, "findings": document["findings"]}


def shown(data: bytes, folder: Path) -> str:
    """What ``evlog show --json`` prints of a log."""
    path = folder / "log"
    path.write_bytes(data)
    return run("show", "--json", str(path)).out


# The run


class Tally:
    """How many of each kind each judge was asked, and refused; and what was wrong."""

    def __init__(self) -> None:
        self.asked: Counter[tuple[str, str]] = Counter()
        self.refused: Counter[tuple[str, str]] = Counter()
        self.seconds: Counter[str] = Counter()
        self.wrong: list[str] = []

    def ask(self, judge: str, change: Change, answer: Callable[[], bool]) -> bool:
        began = time.process_time()
        found = answer()
        self.seconds[judge] += time.process_time() - began  # type: ignore[assignment]
        self.asked[judge, change.kind] += 1
        self.refused[judge, change.kind] += not found
        return found

    def table(self) -> Iterator[str]:
        judges = dict.fromkeys(judge for judge, _ in self.asked)
        width = max(map(len, judges)) + 2
        yield " " * width + "".join(f"{kind:>18}" for kind in KINDS)
        for judge in judges:
            cells = (f"{self.refused[judge, kind]} of {self.asked[judge, kind]}" for kind in KINDS)
            yield f"{judge:{width}}" + "".join(f"{cell:>18}" for cell in cells)


def tried(
    found: Iterator[tuple[Good, Change]],
    folder: Path,
    judges: dict[str, tuple[int, Callable[[Good, bytes, str], bool]]],
    *,
    refused: bool,
) -> Tally:
    """Put changes to judges, every so many of them to each; ``refused`` says that every answer has to be no."""
    tally = Tally()
    for number, (policy, change) in enumerate(found):
        document = shown(change.data, folder)
        answers = {}
        for judge, (every, answer) in judges.items():
            if number % every == 0:
                answers[judge] = tally.ask(judge, change, lambda: answer(policy, change.data, document))  # noqa: B023
        if refused and any(answers.values()):
            tally.wrong.append(
                f"{policy.name}: {change}: kept by {', '.join(j for j, kept in answers.items() if kept)}"
            )
        elif answers.get("pcrlock") and not answers["evlog"]:
            tally.wrong.append(f"{policy.name}: {change}: pcrlock alone takes it")
        elif len({kept for judge, kept in answers.items() if judge != "pcrlock"}) > 1:
            tally.wrong.append(f"{policy.name}: {change}: {answers}")
    return tally


def exact(count: int, seed: object) -> Iterator[tuple[Good, Change]]:
    """Changes under the policy of the one boot that they are of."""
    policies = {name: good(name) for name in LOGS}
    by_name = {each.logs[0].name: each for each in policies.values()}
    logs = [each.logs[0] for each in policies.values()]
    for change in changes(logs, count, seed):
        yield by_name[change.name], change


def several(count: int, seed: object) -> Iterator[tuple[Good, Change]]:
    """Changes under policies of two boots: of theirs, and of a third one's."""
    policies = [good(one, other) for one, other in combinations(LOGS[:3], 2)]
    logs = [sample(name) for name in LOGS[:3]]
    for number, change in enumerate(changes(logs, count, seed)):
        yield policies[number % len(policies)], change


def real(found: Iterator[tuple[Good, Change]], count: int, folder: Path) -> Tally:
    """Put changes to systemd-pcrlock: what it says of each PCR has to be what its rule is read as."""
    tally = Tally()
    for number, (policy, change) in enumerate(found):
        log = evlog.read(change.data)
        if any(event.register.index in _DRTM for event in log.events if event.measured):
            continue
        place = folder / f"real-{number}"
        place.mkdir()
        write_folder(str(place / "components"), policy.components)
        (place / "log").write_bytes(change.data)
        said = _by_systemd(log, place)
        plain = plain_pcrlock.told(policy.components, change.data)
        kept = tally.ask("systemd-pcrlock", change, lambda: said.accepted)  # noqa: B023
        if kept or said.matched != plain.matched or said.missing != plain.missing:
            tally.wrong.append(f"{change}: systemd-pcrlock says {said}, its rule {plain}")
        # What it does not predict at all nobody can hold a value against.
        if any(value != plain.predicted[pcr] for pcr, value in said.predicted.items()):
            tally.wrong.append(f"{change}: systemd-pcrlock predicts {said.predicted}, its rule {plain.predicted}")
        if sum(tally.asked.values()) == count:
            break
    return tally


def _by_systemd(log: evlog.Log, place: Path) -> plain_pcrlock.Told:
    given = f"--components={place / 'components'}"
    with systemd_pcrlock.tpm(log, place) as environment:
        seen = systemd_pcrlock.run_pcrlock(place / "log", environment, "log", given)
        used = [row for row in seen["pcrs"] if row["count"]]
        asked = (f"--pcr={row['pcr']}" for row in used)
        predicted = systemd_pcrlock.run_pcrlock(place / "log", environment, "predict", given, *asked)
    values = {(row.register.index, row.alg.name): (row.value or b"").hex() for row in evlog.replay(log).rows}
    said: dict[int, bool] = {}
    for alg, rows in predicted.items():
        for row in rows:
            said[row["pcr"]] = said.get(row["pcr"], True) and values[row["pcr"], alg] in row["values"]
    return plain_pcrlock.Told(
        {row["pcr"]: row["allEventsMatched"] for row in used},
        {row["pcr"] for row in seen["pcrs"] if not row["noMissingComponents"]},
        said,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.policy_mutations", description=__doc__.splitlines()[0])
    parser.add_argument("count", nargs="?", type=int, default=10_000)
    parser.add_argument("--seed", default="evlog")
    parser.add_argument("--several", action="store_true", help="policies of two boots each")
    parser.add_argument("--rego-cpp", type=int, default=10, metavar="N", help="put every Nth to rego-cpp; 0 none")
    parser.add_argument(
        "--real", type=int, default=0, metavar="N", help="put N of them to systemd-pcrlock, and no others"
    )
    parsed = parser.parse_args(arguments)
    source = several if parsed.several else exact
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        if parsed.real:
            if systemd_pcrlock.MISSING is not None:
                print(f"systemd-pcrlock cannot be run: {systemd_pcrlock.MISSING}")
                return 1
            tally = real(source(parsed.count, parsed.seed), parsed.real, folder)
        else:
            judges: dict[str, tuple[int, Callable[[Good, bytes, str], bool]]] = {
                "evlog": (1, own),
                "pcrlock": (1, by_pcrlock),
            }
            try:
                opa = Opa(go_programs.built("rego", folder))
                judges["OPA"] = 1, opa
            except go_programs.NotBuiltError as error:
                print(f"without OPA: {error}")
            if parsed.rego_cpp:
                judges["rego-cpp"] = parsed.rego_cpp, RegoCpp()
            tally = tried(source(parsed.count, parsed.seed), folder, judges, refused=not parsed.several)
            if "OPA" in judges:
                opa.close()
    print(*tally.table(), sep="\n")
    print(*tally.wrong[:20], sep="\n", end="\n" if tally.wrong else "")
    print(f"{sum(tally.asked.values())} answers, {len(tally.wrong)} wrong")
    return int(bool(tally.wrong))


if __name__ == "__main__":
    sys.exit(main())
