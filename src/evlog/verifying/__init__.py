"""Verifying: what logs lead to against register values from elsewhere, with a reason for every difference.

Rules of the room:

1. The verdict on a register is decided in `evlog.verifying.comparison`, whether it suffices in
   `evlog.verifying.judgement`, and nowhere else. Nothing in the input makes a demand smaller.
2. An explanation is computed, never guessed: an edit of the register's trail that gives the register's value.
3. Where the values come from and who vouches for them is the business of `evlog.evidence`; no log is read here.
"""
