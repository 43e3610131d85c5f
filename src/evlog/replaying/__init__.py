"""Replaying: registers led through the events of logs, from a start value, bank by bank.

Rules of the room:

1. Which value a register starts at, and why, is said in `evlog.replaying.start` and nowhere else.
2. What an event extends is asked of its content; rows of columns are folded in batches, and no event is made for that.
3. Nothing is compared with evidence here: a replay says what must be if the logs are true, and judges nobody.
"""
