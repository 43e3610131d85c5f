"""Logs of the firmware: TCG's own two forms, and the one of confidential machines.

Rules of the room:

1. `tcg1`, `tcg2` and `ccel` are the formats, and do not import each other; what they share stands beside them.
2. The framing is declared in `evlog.wire.tcg`, and scanned by `frame`; the two are held equal by tests.
3. What a record means (its type, the Spec ID event) is said in `evlog.contents`, and asked there.
"""
