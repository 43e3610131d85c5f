"""How long decoding every event of a log takes, beyond starting up and reading it: each run is a process of its own.

    python benchmarks/decode.py LOG [RUNS]

Prints the best and the median of the cold time (imports included, from bytecode as an installed package has it) and of
the warm time (a second pass).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile

ONCE = """
import json, sys, time
import evlog
log = evlog.read(sys.argv[1])
events = list(log.events)
start = time.perf_counter()
from evlog.decoders import Context, decode, to_json
context = Context.of(log)
shown = [to_json(decode(event, context)) for event in events]
cold = time.perf_counter()
for event in events:
    to_json(decode(event, context))
warm = time.perf_counter()
print(json.dumps([len(events), cold - start, warm - cold]))
"""


def main() -> None:
    log, *more = sys.argv[1:]
    runs = int(more[0]) if more else 10
    rows: list[tuple[int, float, float]] = []
    with tempfile.TemporaryDirectory() as bytecode:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode, "PYTHONDONTWRITEBYTECODE": ""}
        for _ in range(runs + 1):
            command = [sys.executable, "-c", ONCE, log]
            output = subprocess.run(command, capture_output=True, check=True, env=environment).stdout
            rows.append(tuple(json.loads(output)))
    del rows[0]  # which compiled the bytecode
    for name, column in (("cold", 1), ("warm", 2)):
        times = [1000 * row[column] for row in rows]
        print(f"{name}: {min(times):.1f} ms best, {statistics.median(times):.1f} ms median, {rows[0][0]} events")


if __name__ == "__main__":
    main()
