"""A document with one field changed: what tells whether the field has an effect."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import TypeAlias

Document: TypeAlias = dict[str, object]
Place: TypeAlias = tuple[str | int, ...]


def places(document: object, path: str) -> Iterator[Place]:
    """Where the field at a dotted path is given: list indices are filled in, ``*`` is any key of a map."""
    yield from _places(document, tuple(path.split(".")), ())


def _places(value: object, steps: tuple[str, ...], place: Place) -> Iterator[Place]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, steps, (*place, index)) if isinstance(item, dict | list) else ()
    elif isinstance(value, dict):
        step, rest = steps[0], steps[1:]
        for key in list(value) if step == "*" else [step]:
            if value.get(key) is None:
                continue
            if rest:
                yield from _places(value[key], rest, (*place, key))
            else:
                yield (*place, key)


def variants(document: Document, place: Place) -> Iterator[Document]:
    """The document without what is at ``place``, then with something else there."""
    yield _edited(document, place, None)
    for other in _others(_at(document, place)):
        yield _edited(document, place, other)
    if place[-1] in _INSTEAD:
        edited = _edited(document, place, None)
        parent = _at(edited, place[:-1])
        assert isinstance(parent, dict)
        parent.update(_INSTEAD[str(place[-1])])
        yield edited


def _at(value: object, place: Place) -> object:
    for step in place:
        value = value[step]  # type: ignore[index]  # `places` found it there
    return value


def _edited(document: Document, place: Place, value: object) -> Document:
    """None takes the field out."""
    edited = deepcopy(document)
    parent = _at(edited, place[:-1])
    assert isinstance(parent, dict)
    if value is None:
        del parent[place[-1]]
    else:
        parent[place[-1]] = value
    return edited


def _others(value: object) -> Iterator[object]:
    """Values of the same type, for fields that must not be missing: one of them should be valid."""
    match value:
        case bool():
            yield not value
        case int():
            yield value + 1
        case str():
            yield f"{value}x"
            yield re.sub(r"\d(?=\D*$)", lambda digit: str((int(digit[0]) + 1) % 10), value, count=1)
            yield from (other for values in _ENUMS if value in values for other in values if other != value)
        case [first, *rest]:
            yield rest
            yield from ([other, *rest] for other in _others(first))
        case dict():
            yield from ({**value, key: other} for key, old in value.items() for other in _others(old))
            shares = list(value.values())
            yield dict(zip(value, [*shares[1:], *shares[:1]], strict=True))


_INSTEAD: Mapping[str, Document] = {"useSourceIp": {"httpHeaderName": "x-other"}}
"""What takes the place of a field whose other value is the same as its absence, where something has to be given."""

_ENUMS = (
    ("TCP", "UDP", "HTTP"),
    ("STATIC", "NONE", "DNS", "DYNAMIC_DNS"),
    ("IPv4", "FQDN"),
    ("REGISTRY_ONLY", "ALLOW_ANY", "ALLOW_ANY_DYNAMIC_DNS"),
    ("PASSTHROUGH", "LOCALHOST"),
    ("True", "False"),
    ("UNAVAILABLE", "CANCELLED"),
    ("V1", "V2"),
    ("CONNECT", "POST"),
    ("EDGE", "SIDECAR"),
    ("SANITIZE", "FORWARD_ONLY"),
    ("SIDECAR_INBOUND", "SIDECAR_OUTBOUND"),
    ("VIRTUAL_HOST", "HTTP_ROUTE"),
    ("INSERT_BEFORE", "INSERT_AFTER"),
    ("REDIRECT", "DIRECT_RESPONSE"),
    ("AUTHN", "STATS"),
    ("SIMPLE", "MUTUAL", "OPTIONAL_MUTUAL", "ISTIO_MUTUAL", "PASSTHROUGH", "AUTO_PASSTHROUGH"),
    ("TLSV1_2", "TLSV1_3"),
    ("UNSET", "DISABLE", "PERMISSIVE", "STRICT"),
    ("source.ip", "remote.ip"),
    ("P-256", "P-384"),
    ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"),
)
"""Values that stand for one another where any string will not do."""
