"""References: what registers and events of a good boot are, as other verifiers take it.

Rules of the room:

1. One noun, `evlog.references.reference.Boot`, and one file for each consumer, with ``ID``, ``TITLE``, ``BY``, ``write``
   and ``read``; consumers know nothing of each other.
2. Only what a register covers becomes a reference. What is left out, and what the consumer has no words for, is a
   `Loss`; nothing is guessed, and nothing that a log merely says is written as if it were proven.
3. What was written is read back, and led to the values of the log's replay, before anybody gets it.
4. A consumer is tested against the program itself, not against its description.
"""
