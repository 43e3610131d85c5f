"""The tags that may stand around a CBOR log, and around its records: 24 (encoded CBOR) and 55799 (self-described CBOR).

Spec: RFC 8949, section 3.4.
"""

from __future__ import annotations

from evlog.errors import ParseError
from evlog.formats.cel.item import Head, head, item_end

__all__ = ["ENCODED", "record_head", "unwrapped"]

ENCODED, _SELF_DESCRIBED = 24, 55799
_BYTES, _MAP, _TAG = 2, 5, 6


def unwrapped(data: bytes) -> tuple[int, int, tuple[int, ...]]:
    """Where the log starts and ends behind the tags that may stand around it, and those tags."""
    position, end = 0, len(data)
    tags: list[int] = []
    while len(tags) < 2:
        start = position
        one = head(data, start)
        if one.major != _TAG or one.argument not in (ENCODED, _SELF_DESCRIBED):
            break
        position = one.end
        tags.append(one.argument)
        if one.argument == ENCODED:
            string = head(data, position)
            if string.major != _BYTES or string.argument is None or string.argument > end - string.end:
                raise ParseError("tag 24 without a byte string that is whole", offset=position)
            if string.end + string.argument < end and _is_record(data[string.end : string.end + string.argument]):
                # The tag is around the first record of a sequence, not around the log.
                position = start
                tags.pop()
                break
            position, end = string.end, string.end + string.argument
    return position, end, tuple(tags)


def _is_record(item: bytes) -> bool:
    """Whether some bytes are one map."""
    try:
        return head(item, 0).major == _MAP and item_end(item, 0) == len(item)
    except ParseError:
        return False


def record_head(data: bytes, position: int) -> Head:
    """The head of the record at ``position``, behind the tag that may stand around it."""
    one = head(data, position)
    if one.major != _TAG or one.argument != ENCODED:
        return one
    return head(data, head(data, one.end).end)
