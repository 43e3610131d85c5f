"""Components of systemd-pcrlock: matched as it matches, and, where it can be run, by itself."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

import evlog
from evlog.errors import ConversionError, ParseError
from evlog.intake.outputs import write_folder
from evlog.references import pcrlock
from tests.conftest import SAMPLES
from tests.made import event, header, variable
from tests.systemd_pcrlock import MISSING, run_pcrlock, tpm

LOG = SAMPLES / "tcg2" / "secure-boot.bin"
SEPARATOR, APPLICATION, ACTION, CONFIG = 4, 0x80000003, 0x80000007, 0x80000001
BANKS = ("sha1", "sha256")
CALLING = b"Calling EFI Application from Boot Option"
LEAVING = (b"Exit Boot Services Invocation", b"Exit Boot Services Returned with Success")


def boot(*events: bytes) -> evlog.Boot:
    return evlog.boot_of(evlog.read(header(*BANKS) + b"".join(events)))


def one(register: int, text: bytes, event_type: int = ACTION) -> bytes:
    return event(register, event_type, text, *BANKS)


def components(*boots: evlog.Boot, beside: bool = False) -> dict[str, list[list[tuple[int, str]]]]:
    """The variants of each component, with the PCR of each record and the start of its SHA-256."""
    read = pcrlock.read(dict(evlog.export(list(boots), "pcrlock", beside=beside).files))
    return {
        name: [[(record.pcr, record.digests[-1].value.hex()[:8]) for record in variant] for variant in variants]
        for name, variants in read.items()
    }


def sha(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:8]


def test_a_component_for_each_register_has_all_of_its_events_in_order() -> None:
    log = evlog.read(LOG)
    files = dict(evlog.export(evlog.boot_of(log), "pcrlock").files)
    assert sorted(files)[:2] == ["300-evlog-pcr0.pcrlock", "301-evlog-pcr1.pcrlock"]
    assert len(files) == 11
    told: dict[int, list[dict[str, str]]] = {}
    for path in sorted(files):
        for record in json.loads(files[path])["records"]:
            assert set(record) == {"pcr", "digests"}
            told.setdefault(record["pcr"], []).append({each["hashAlg"]: each["digest"] for each in record["digests"]})
    want: dict[int, list[dict[str, str]]] = {}
    for each in log.events:
        if each.measured:
            want.setdefault(each.register.number, []).append({d.alg.name: d.value.hex() for d in each.digests})
    assert told == want


def test_boots_that_differ_are_variants_the_longest_first() -> None:
    short, long = boot(one(4, b"a")), boot(one(4, b"a"), one(4, b"b"), one(9, b"c"))
    assert components(short, long, short) == {
        "304-evlog-pcr4": [[(4, sha(b"a")), (4, sha(b"b"))], [(4, sha(b"a"))]],
        # A boot without the register is a variant too, which matches anything and so comes last.
        "309-evlog-pcr9": [[(9, sha(b"c"))], []],
    }
    files = dict(evlog.export([short, long], "pcrlock").files)
    assert sorted(files) == [
        "304-evlog-pcr4.pcrlock.d/001-boot-2.pcrlock",
        "304-evlog-pcr4.pcrlock.d/002-boot-1.pcrlock",
        "309-evlog-pcr9.pcrlock.d/001-boot-2.pcrlock",
        "309-evlog-pcr9.pcrlock.d/002-absent.pcrlock",
    ]


def test_too_many_combinations_are_whole_boots() -> None:
    boots = [boot(*(one(pcr, b"%d of %d" % (pcr, number)) for pcr in range(8))) for number in range(6)]
    made = evlog.export(boots, "pcrlock")
    assert {path.split("/")[0] for path, _ in made.files} == {"300-evlog-boot.pcrlock.d"}
    assert len(made.files) == 6
    assert [finding.code for finding in made.findings] == ["pcrlock_whole_boots"]


def test_what_pcrlock_has_no_words_for_is_a_loss() -> None:
    mixed = header("sha256") + event(4, ACTION, b"a", "sha256") + event(40, ACTION, b"b", "sha256")
    made = evlog.export(evlog.boot_of(evlog.read(mixed)), "pcrlock")
    assert [path for path, _ in made.files] == ["304-evlog-pcr4.pcrlock"]
    assert any(loss.field == "register" for loss in made.losses)
    sha3 = evlog.export(evlog.boot_of(evlog.read(SAMPLES / "tcg2" / "sha3.bin")), "pcrlock")
    assert any(loss.field.startswith("digests.sha3") for loss in sha3.losses)
    with pytest.raises(ConversionError, match="PCR 0 to 23"):
        evlog.export(evlog.boot_of(evlog.read(SAMPLES / "ccel" / "ovmf-tdx.bin")), "pcrlock")
    started = evlog.export(evlog.boot_of(evlog.read(SAMPLES / "tcg2" / "h-crtm.bin")), "pcrlock")
    assert [loss.field for loss in started.losses if "h-crtm" in loss.reason] == ["start"]


def test_a_boot_of_which_nothing_is_left_is_no_variant() -> None:
    """A variant without records matches any log: nobody booted so."""
    guest = evlog.boot_of(evlog.read(SAMPLES / "ccel" / "ovmf-tdx.bin"))
    alone, with_guest = (
        evlog.export(boots, "pcrlock") for boots in ([boot(one(4, b"a"))], [boot(one(4, b"a")), guest])
    )
    assert with_guest.files == alone.files
    assert any("ccmr:1" in loss.reason for loss in with_guest.losses)


def test_beside_systemd_what_it_defines_is_left_out() -> None:
    separators = [one(pcr, bytes(4), SEPARATOR) for pcr in range(7)]
    made = boot(
        one(0, b"firmware", 8),
        one(7, variable("PK", b""), CONFIG),
        one(7, bytes(4), SEPARATOR),
        one(4, b"driver"),
        one(4, CALLING),
        *separators,
        one(4, b"loader"),
        one(5, b"gpt"),
        *(one(5, text) for text in LEAVING),
        one(9, b"initrd"),
    )
    assert components(made, beside=True) == {
        "200-evlog-pcr0": [[(0, sha(b"firmware"))]],
        "204-evlog-pcr4": [[(4, sha(b"driver"))]],
        "207-evlog-pcr7": [[(7, sha(variable("PK", b"")))]],
        "604-evlog-pcr4": [[(4, sha(b"loader"))]],
        "605-evlog-pcr5": [[(5, sha(b"gpt"))]],
        "609-evlog-pcr9": [[(9, sha(b"initrd"))]],
    }
    assert not [loss for loss in evlog.export(made, "pcrlock", beside=True).losses if loss.event is None]


def test_beside_systemd_a_register_in_another_order_is_left_out() -> None:
    separators = [one(pcr, bytes(4), SEPARATOR) for pcr in range(7)]
    # The separator before the action that systemd's components have before it: its value would be another one.
    made = boot(one(0, b"x", 8), one(7, bytes(4), SEPARATOR), *separators, one(4, CALLING), one(4, b"loader"))
    export = evlog.export(made, "pcrlock", beside=True)
    assert [path for path, _ in export.files] == ["200-evlog-pcr0.pcrlock"]
    assert [loss.field for loss in export.losses if "pcr:4" in loss.reason] == ["components"]


def test_beside_systemd_equal_records_on_both_sides_are_left_out() -> None:
    separators = [one(pcr, bytes(4), SEPARATOR) for pcr in range(7)]
    made = boot(one(4, b"same"), *separators, one(4, b"same"), one(1, b"x"))
    export = evlog.export(made, "pcrlock", beside=True)
    # pcrlock finds each component from the start of the log: the second of the equal records is nobody's.
    assert not [path for path, _ in export.files if "pcr4" in path]
    assert [path for path, _ in export.files if "pcr1" in path]


def test_beside_systemd_nothing_may_be_left() -> None:
    """Behind what systemd measures nothing has a name: a boot of that alone has no components."""
    made = boot(one(11, b"enter-initrd"), one(11, b"behind it"))
    with pytest.raises(ConversionError, match="no event is left"):
        evlog.export(made, "pcrlock", beside=True)


def test_it_is_proven_before_anybody_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcrlock, "_alone", lambda told: [pcrlock._Part("300-x", told.of(4)[::-1])])
    with pytest.raises(ConversionError, match="PCR 4"):
        evlog.export(boot(one(4, b"a"), one(4, b"b")), "pcrlock")


def test_what_systemd_ships_has_the_digests_that_it_ships() -> None:
    # The files of Debian 13's systemd 257 in /usr/lib/pcrlock.d.
    shipped = {
        "350-action-efi-application": "3d6772b4",
        "400-secureboot-separator": "df3f6198",
        "500-separator": "df3f6198",
        "700-action-efi-exit-boot-services": "d8043d6b",
        "750-enter-initrd": "51e6b92f",
        "800-leave-initrd": "3be261af",
        "850-sysinit": "730bb5a5",
        "900-ready": "b24d6d33",
        "950-shutdown": "08434ba9",
        "990-final": "2443630b",
    }
    assert {name: sha(alternatives[0][0]) for name, (_, alternatives) in pcrlock._SHIPPED.items()} == shipped
    assert sha(pcrlock._SHIPPED["400-secureboot-separator"][1][1][0]) == "ad95131b"
    assert sha(pcrlock._SHIPPED["700-action-efi-exit-boot-services"][1][0][1]) == "b54f7542"


DIGEST = {"hashAlg": "sha1", "digest": "00" * 20}


@pytest.mark.parametrize(
    "document",
    [
        "no JSON",
        [],
        {"records": {}},
        {"records": [{"digests": [DIGEST]}]},
        {"records": [{"pcr": "4", "digests": [DIGEST]}]},
        {"records": [{"pcr": True, "digests": [DIGEST]}]},
        {"records": [{"pcr": 24, "digests": [DIGEST]}]},
        {"records": [{"pcr": 4}]},
        {"records": [{"pcr": 4, "digests": []}]},
        {"records": [{"pcr": 4, "digests": [DIGEST, DIGEST]}]},
        {"records": [{"pcr": 4, "digests": [{"hashAlg": "sm3_256", "digest": "00" * 32}]}]},
        {"records": [{"pcr": 4, "digests": [{"hashAlg": "sha1", "digest": "00"}]}]},
        {"records": [{"pcr": 4, "digests": [{"hashAlg": "sha1", "digest": "zz" * 20}]}]},
        {"records": [{"pcr": 4, "digests": ["00" * 20]}]},
    ],
)
def test_what_pcrlock_refuses_or_aborts_at_is_refused(document: object) -> None:
    data = document.encode() if isinstance(document, str) else json.dumps(document).encode()
    with pytest.raises(ParseError):
        pcrlock.read({"300-x.pcrlock": data})


def test_components_come_in_the_order_of_their_file_names() -> None:
    empty = b'{"records": []}'
    found = pcrlock.read(
        {"300-a.pcrlock": empty, "300-a-b.pcrlock": empty, "300-a.pcrlock.d/1.pcrlock": empty, "x": b""}
    )
    assert [(name, len(variants)) for name, variants in found.items()] == [("300-a-b", 1), ("300-a", 2)]


needs_pcrlock = pytest.mark.skipif(MISSING is not None, reason=MISSING or "")


@needs_pcrlock
@pytest.mark.parametrize("beside", [False, True])
def test_the_real_one_matches_all_and_predicts_what_the_log_leads_to(tmp_path: Path, beside: bool) -> None:
    log = evlog.read(LOG)
    folder = tmp_path / "components"
    write_folder(str(folder), dict(evlog.export(evlog.boot_of(log), "pcrlock", beside=beside).files))
    given = [f"--components={folder}"]
    if beside:
        shipped = tmp_path / "shipped"
        write_folder(str(shipped), _shipped_files())
        given.append(f"--components={shipped}")
    with tpm(log, tmp_path) as environment:
        seen = run_pcrlock(LOG, environment, "log", *given)
        used = [row for row in seen["pcrs"] if row["count"]]
        assert len(used) == 11
        for row in used:
            assert row["hashMatchesEventLog"]
            assert row["allEventsMatched"]
            assert row["noMissingComponents"]
        predicted = run_pcrlock(LOG, environment, "predict", *given, *(f"--pcr={row['pcr']}" for row in used))
    values = {(alg, row["pcr"]): row["values"] for alg, rows in predicted.items() for row in rows}
    replayed = {(row.alg.name, row.register.index): row.value for row in evlog.replay(log).rows}
    assert set(values) == set(replayed)
    for key, value in replayed.items():
        assert value is not None
        assert value.hex() in values[key]


def _shipped_files() -> dict[str, bytes]:
    """What systemd has in /usr/lib/pcrlock.d of the firmware's part of the boot."""

    def record(pcr: int, text: bytes) -> dict[str, object]:
        banks = ("sha1", "sha256", "sha384", "sha512")
        return {"pcr": pcr, "digests": [{"hashAlg": n, "digest": hashlib.new(n, text).hexdigest()} for n in banks]}

    def variants(name: str, *each: list[dict[str, object]]) -> dict[str, bytes]:
        return {
            f"{name}.pcrlock.d/{300 * place}.pcrlock": json.dumps({"records": records}).encode()
            for place, records in enumerate(each, 1)
        }

    zeros, ones = bytes(4), b"\xff" * 4
    return {
        "350-action-efi-application.pcrlock": json.dumps({"records": [record(4, CALLING)]}).encode(),
        **variants("400-secureboot-separator", [record(7, zeros)], [record(7, ones)]),
        **variants("500-separator", *([record(pcr, text) for pcr in range(7)] for text in (zeros, ones))),
        **variants("700-action-efi-exit-boot-services", [record(5, text) for text in LEAVING], []),
    }
