"""Results as JSON objects: what the command prints with ``--json``, and ``to_json()`` of the library gives.

Rules of the room:

1. One file for each noun, with ``document``: a dictionary that `json.dumps` takes, with its ``schema`` (schemas/).
2. Bytes are lower-case hex, registers and banks names. Members may be added later, never taken away.
3. The document of a log is what its format writes (`evlog.formats.evlog_json`); it is not repeated here.
"""
