"""Checking: each digest of an event against the event's own bytes, and the shape of a log as a whole.

Rules of the room:

1. A digest has one of three verdicts, and a rule if it matches; which rules an event may follow its content says.
2. What is odd about a log is a `Finding` with a stable code, one function or one row of a table for each code.
3. Nothing here changes a log, replays a register or knows a format.
"""
