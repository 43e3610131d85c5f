"""Documents for other tools and for people, made from a `Log`.

Rules of the room:

1. A document is one file, and a function that gives its text; nothing here opens a file or prints.
2. It is not a format: nothing reads it back as a log. What is read back has a room in `evlog.formats`.
3. What a document says of an event is asked of contents, decoders and trades; what comes from a log is escaped.
"""
