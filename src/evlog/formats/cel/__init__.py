"""The Canonical Event Log: one record model, and a room for each of its encodings.

Spec: TCG Canonical Event Log Format 1.1. `tlv`, `cbor` and `json` are the rooms; what they share has an underscore:
`_record` (what a log must become to be one, and what is noticed while reading one); `_scan` and `_tlv` (the framing of
TLV records as columns, and contents as TLVs); `_reader`, `_writer`, `_fields` and `_dialect` (records and contents as
maps, which CBOR and JSON have in common); `_item` (CBOR as bytes).
"""
