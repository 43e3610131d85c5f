"""What other tools print of a log, read as a log: registers and digests are all there, data for the most part is not.

Rules of the room:

1. A report is only read: its rooms have neither `write` nor `adapt`, and say once what the tool dropped
   (``from_report``).
2. An event whose data the report does not have as bytes is `DigestOnly`; text is data only if a digest proves it.
3. What a tool replayed itself is held against the events, and is no value of a machine unless the tool read it there.
"""
