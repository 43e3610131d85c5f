"""keylime's runtime policy: the files, keys and buffers that IMA lists of good boots have.

Source: keylime 7.14.3, ima/ima.py (RUNTIME_POLICY_SCHEMA, what is checked), ima/ast.py (templates). Digests are by path
and by no algorithm; a violation is a failure whatever the policy says; other templates cannot be read.
"""

from __future__ import annotations

from evlog.contents.ima import ImaEvent, is_violation
from evlog.decoders import decode
from evlog.errors import ConversionError
from evlog.model import Finding, Loss
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from evlog.references.reference import Boot, Reference

__all__ = ["document", "policy"]

#: Templates that keylime reads, and what it takes as the algorithm of a list.
_TEMPLATES = ("ima", "ima-ng", "ima-sig", "ima-buf")
_ALGORITHMS = ("sha1", "sha256", "sha384", "sha512")
_AGGREGATE = "boot_aggregate"
_PCR10 = Register("pcr", 10)
#: Digests that its schema takes, in bytes.
_SIZES = range(20, 65)


def policy(boots: Sequence[Boot], losses: list[Loss], findings: list[Finding]) -> dict[str, Any]:
    """The runtime policy of some lists: each path with the digests that were seen, in the order of first sight.

    Raises ConversionError for lists whose own digests are of several algorithms, or of one that keylime lacks.
    """
    maps: dict[str, dict[str, list[str]]] = {"digests": {}, "keyrings": {}, "ima-buf": {}}
    algorithms: set[str] = set()
    for boot in boots:
        prefix = f"{boot.name}: " if len(boots) > 1 else ""
        for reference in boot:
            content = reference.event.content
            if not isinstance(content, ImaEvent):
                losses.append(Loss(reference.number, "content", f"{prefix}no entry of an IMA list"))
                continue
            # What a list records, of which the banks are made.
            algorithms.add(reference.event.digests[0].alg.name if reference.event.digests else "none")
            reason = _add(reference, content, maps)
            if reason:
                losses.append(Loss(reference.number, "content", prefix + reason))
    if len(algorithms) > 1 or not algorithms.issubset(_ALGORITHMS):
        raise ConversionError(
            f"keylime reads lists with digests of one algorithm, not of {', '.join(sorted(algorithms))}"
        )
    if not any(maps.values()):
        raise ConversionError("no entry of the lists has a place in a runtime policy")
    if _AGGREGATE in maps["digests"]:
        message = "boot_aggregate binds the policy to one state of the firmware: leave it out if boot logs are verified"
        findings.append(Finding("keylime_boot_aggregate", "note", message))
    return document(maps, algorithms.pop())


def document(maps: dict[str, dict[str, list[str]]], algorithm: str, excludes: Sequence[str] = ()) -> dict[str, Any]:
    """The runtime policy of names and digests: ``digests`` of files, ``keyrings``, ``ima-buf``.

    ``algorithm`` is that of the list's own digests; ``excludes`` are regular expressions of paths.
    """
    return {
        "meta": {"version": 1, "generator": 0},
        "release": 0,
        "digests": maps["digests"],
        "excludes": list(excludes),
        "keyrings": maps["keyrings"],
        "ima": {"ignored_keyrings": [], "log_hash_alg": algorithm, "dm_policy": None},
        "ima-buf": maps["ima-buf"],
        "verification-keys": "",
    }


def _add(reference: Reference, content: ImaEvent, maps: dict[str, dict[str, list[str]]]) -> str:
    """Enter an entry; or why it is left out."""
    if any(is_violation(digest.value) for digest in reference.event.digests):
        return "a violation: keylime refuses it whatever the policy says"
    if reference.register != _PCR10:
        return f"keylime takes every entry to be on {_PCR10}, this one is on {reference.register}"
    if content.template not in _TEMPLATES:
        return "keylime does not read its template"
    if not reference.proven:
        return "its digest is not the hash of its data"
    fields = content.decoded
    if fields is None or fields.name is None or fields.file_digest is None:
        return "its data has no name and digest"
    if len(fields.file_digest.value) not in _SIZES:
        return "keylime takes no digest of that size"
    try:
        name = fields.name.decode("utf-8")
    except UnicodeDecodeError:
        return "its name is no UTF-8"
    group = "digests"
    if content.template == "ima-buf":
        decoded = decode(reference.event)
        group = "keyrings" if getattr(decoded, "certificate", None) is not None else "ima-buf"
    seen = maps[group].setdefault(name, [])
    value = fields.file_digest.value.hex()
    if value not in seen:
        seen.append(value)
    return ""
