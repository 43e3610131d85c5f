"""The JSON Schema of decoded values, made from the records' annotations.

``python -m evlog.decoders._schema > schemas/decoded.schema.json`` writes it; a test holds the file to this module.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from importlib import import_module
from typing import Any

from evlog._record import Record
from evlog.decoders import CONTENTS, FAMILIES, Decoded

__all__ = ["schema"]

_SCALARS: dict[str, dict[str, Any]] = {
    "int": {"type": "integer"},
    "str": {"type": "string"},
    "bool": {"type": "boolean"},
    "None": {"type": "null"},
    "bytes": {"type": "string", "pattern": "^([0-9a-f]{2})*$"},
}


def schema() -> dict[str, Any]:
    """The schema of the ``decoded`` member of an event: one definition for each kind, and for the records in them."""
    for family in (*FAMILIES, *CONTENTS.values()):
        import_module(f"evlog.decoders.{family}")
    definitions: dict[str, Any] = {}
    kinds = sorted(_kinds(Decoded), key=lambda cls: cls.kind)
    for cls in kinds:
        if cls.kind in definitions:
            raise ValueError(f"two classes of the kind {cls.kind}")
        definitions[cls.kind] = _record(cls, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:evlog:decoded:1",
        "title": "What is inside an event, as `evlog show --json` prints it in `decoded`",
        "$ref": "#/$defs/Decoded",
        "$defs": {"Decoded": {"anyOf": [_reference(cls.kind) for cls in kinds]}, **dict(sorted(definitions.items()))},
    }


def _kinds(base: type[Decoded]) -> set[type[Decoded]]:
    found = {base} if base.kind else set()
    for cls in base.__subclasses__():
        if cls.__module__.startswith(f"{__package__}."):  # and not somebody else's
            found |= _kinds(cls)
    return found


def _record(cls: type[Record], definitions: dict[str, Any]) -> dict[str, Any]:
    hidden = getattr(cls, "_hidden", ())
    annotations: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        annotations.update(inspect.get_annotations(base))
    scope = vars(sys.modules[cls.__module__])
    properties: dict[str, Any] = {"kind": {"const": cls.kind}} if issubclass(cls, Decoded) else {}
    for field in cls._fields:
        if field not in hidden:
            properties[field] = _type(ast.parse(annotations[field], mode="eval").body, scope, definitions)
    return {
        "description": (cls.__doc__ or "").partition("\n")[0],
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _type(node: ast.expr, scope: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of an annotation: scalars, records, ``tuple[...]`` and unions of these."""
    if isinstance(node, ast.BinOp):
        return {"anyOf": [_type(side, scope, definitions) for side in (node.left, node.right)]}
    if isinstance(node, ast.Subscript):
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if isinstance(items[-1], ast.Constant) and items[-1].value is Ellipsis:
            return {"type": "array", "items": _type(items[0], scope, definitions)}
        schemas = [_type(item, scope, definitions) for item in items]
        return {"type": "array", "prefixItems": schemas, "minItems": len(items), "maxItems": len(items)}
    name = ast.unparse(node)
    if name in _SCALARS:
        return _SCALARS[name]
    cls = scope[name]
    if not issubclass(cls, Decoded):
        if cls.__name__ not in definitions:
            definitions[cls.__name__] = {}  # a record may hold its like
            definitions[cls.__name__] = _record(cls, definitions)
        return _reference(cls.__name__)
    return _reference(cls.kind or "Decoded")


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


if __name__ == "__main__":
    print(json.dumps(schema(), indent=2))
