"""Intake: from whatever people hold to a `Log`, and from a source of register values to `Evidence`.

Rules of the room:

1. Everything that opens a file, looks into a folder or takes a wrapping off bytes is here; no other room reads files.
2. It knows the registry of formats, and no format: what a log's bytes mean is for its room in `evlog.formats` to say.
3. Whoever writes a file does it by `outputs`: what stands in the way of one may have been put there by somebody else.
4. Nothing is believed of lengths or of what a wrapping unpacks to: bounds come before memory.
"""
