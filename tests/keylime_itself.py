"""keylime's own code, in a Python that has it: the one that runs the tests, or the one that EVLOG_KEYLIME names.

For the measured boot state it needs tpm2_eventlog in PATH and libefivar, which crashes on some logs: so each runs in a
process of its own.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

PYTHON = os.environ.get("EVLOG_KEYLIME") or (sys.executable if importlib.util.find_spec("keylime") else None)
MISSING = "no keylime here" if PYTHON is None else None
NO_EVENTLOG = MISSING or (None if shutil.which("tpm2_eventlog") else "no tpm2_eventlog here")

_STATE = """
import json, os, sys, logging
from argparse import Namespace
logging.disable(logging.CRITICAL)
from keylime.mba.elchecking.example import Example
from keylime.mba.elparsing.tpm2_tools_elparser import parse_binary_bootlog
from keylime.policy.create_mb_policy import create_mb_refstate
state = create_mb_refstate(Namespace(eventlog_file=sys.argv[1], without_secureboot=True, output=os.devnull))
why = None
if state is not None:
    _, parsed = parse_binary_bootlog(open(sys.argv[1], "rb").read())
    try:
        why = str(Example().refstate_to_test(json.loads(json.dumps(state))).why_not({}, parsed))
    except Exception as error:
        why = repr(error)
print("\\n" + json.dumps([state, why]))
"""

_POLICY = """
import json, sys, types, logging
logging.disable(logging.CRITICAL)
# Which is in no package of PyPI; signatures are not looked at here.
sys.modules.setdefault("gpg", types.ModuleType("gpg"))
import jsonschema
from keylime.common.algorithms import Hash
from keylime.ima import ima
policy = json.load(open(sys.argv[1]))
jsonschema.validate(policy, ima.RUNTIME_POLICY_SCHEMA)
lines = open(sys.argv[2]).read().split("\\n")
value, failure = ima.process_measurement_list(None, lines, policy, pcrval=sys.argv[4], hash_alg=Hash(sys.argv[3]))[:2]
print("\\n" + json.dumps([value, [event.event_id for event in failure.events]]))
"""


def _run(script: str, *arguments: object) -> Any:
    assert PYTHON is not None
    done = subprocess.run(
        [PYTHON, "-c", script, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=300
    )
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 and done.stdout.strip() else None


def state_of(log: Path) -> tuple[dict[str, Any] | None, str | None]:
    """The reference state that keylime makes of a log, and why its example policy refuses the log by it ("" if not)."""
    found = _run(_STATE, log)
    return (None, None) if found is None else (found[0], found[1])


def failures_of(policy: Path, lines: Path, bank: str, value: str) -> tuple[str, list[str]]:
    """The PCR that an ascii list leads to, and what keylime has against it by a runtime policy."""
    found = _run(_POLICY, policy, lines, bank, value)
    assert found is not None, "keylime gave no answer"
    return found[0], found[1]
