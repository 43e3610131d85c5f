"""Merging: the logs of one machine as one, in the order in which they were written.

Rules of the room:

1. Order comes from evidence in the logs: what a log states of a register, what an IMA list says of the boot before it.
2. What two logs have in common is found by what their events extend, never by names of files.
3. Each point where one log ends and another goes on is a hand-over with a verdict; none is left unsaid.
"""
