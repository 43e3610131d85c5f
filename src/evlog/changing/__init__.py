"""Changing: a log in another format, in parts, with other events, or with more of them.

Rules of the room:

1. What is written is read back and replayed; a register that would change is refused, unless it was asked for.
2. What the result cannot carry is a `Loss` with event, field and reason; nothing is dropped unsaid.
3. It knows the registry of formats, and no format.
"""
