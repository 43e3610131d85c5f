"""Comparing: two boots, register by register, event by event, in words.

Rules of the room:

1. Events are paired by what they are about, in order; the pairing never costs more than n log n.
2. A register differs where its digests do. What no register covers may be told, and makes no register another.
3. Nothing is verified here: neither boot is the true one.
"""
