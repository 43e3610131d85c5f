"""What becomes of the events of many logs: by event type the count, how many are decoded, how many raw, and why.

python benchmarks/decoded_types.py LOG...
"""

from __future__ import annotations

import re
import sys
from collections import Counter, defaultdict

from evlog.contents.pcclient import PCClientEvent
from evlog.decoders import Context, Raw, decode
from evlog.intake.read import read


def main() -> None:
    decoded: Counter[str] = Counter()
    raw: dict[str, Counter[str]] = defaultdict(Counter)
    for name in sys.argv[1:]:
        log = read(name)
        context = Context.of(log)
        for event in log.events:
            if not isinstance(event.content, PCClientEvent):
                continue
            found = decode(event, context)
            if isinstance(found, Raw):
                raw[event.content.event_type_name][re.sub(r" \(at byte.*", "", found.reason)] += 1
            else:
                decoded[event.content.event_type_name] += 1
    print(f"{'type':34} {'events':>6} {'decoded':>7} {'raw':>5}")
    for name in sorted({*decoded, *raw}):
        undecoded = raw[name].total()
        print(f"{name:34} {decoded[name] + undecoded:6} {decoded[name]:7} {undecoded:5}")
        for reason, count in raw[name].most_common():
            print(f"{'':34} {count:20}  {reason}")
    print(f"{'all':34} {decoded.total() + sum(r.total() for r in raw.values()):6} {decoded.total():7}")


if __name__ == "__main__":
    main()
