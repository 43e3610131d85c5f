"""Textual logs of measurement registers: the kernel RFC's, and those of attestation agents.

Rules of the room:

1. `room` is the format; what a line is, `dialects` say, and nothing else does.
2. The bytes that are hashed are the line's own, or those that its dialect names: no line is ever cleaned up first.
3. INIT, SYNC and ``.EXTEND`` state things of a register. Whether they are true is for `evlog.replaying` to say.
"""
