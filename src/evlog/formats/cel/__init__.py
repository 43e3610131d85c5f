"""The Canonical Event Log: one record model, and a room for each of its encodings.

Spec: TCG Canonical Event Log Format 1.1.

Rules of the room:

1. `tlv`, `cbor` and `json` are the formats, and do not import each other; what they share stands beside them.
2. `record` says what a log must become to be one, and what is noticed while reading one, whatever the encoding.
3. `scan` and `nested` have the framing of TLV records as columns, and contents as TLVs; `reader`, `writer`, `fields`
   and `dialect` records and contents as maps, which CBOR and JSON have in common; `item` CBOR as bytes.
"""
