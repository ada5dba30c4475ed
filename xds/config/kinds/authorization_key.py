"""The keys of an AuthorizationPolicy's conditions: ``source.ip``, ``request.headers[x-token]`` and the like."""

from __future__ import annotations

import re
from typing import Final

from xds.model.authorization import Attribute

_PLAIN: Final = {
    attribute.value: attribute
    for attribute in (
        Attribute.SOURCE_PRINCIPAL,
        Attribute.SOURCE_NAMESPACE,
        Attribute.SOURCE_SERVICE_ACCOUNT,
        Attribute.SOURCE_TRUST_DOMAIN,
        Attribute.SOURCE_IP,
        Attribute.REMOTE_IP,
        Attribute.REQUEST_PRINCIPAL,
        Attribute.REQUEST_AUDIENCES,
        Attribute.REQUEST_PRESENTER,
        Attribute.DESTINATION_IP,
        Attribute.DESTINATION_PORT,
        Attribute.SERVER_NAME,
    )
}
_INDEXED: Final = {
    attribute.value: attribute
    for attribute in (Attribute.REQUEST_HEADER, Attribute.REQUEST_CLAIM, Attribute.FILTER_METADATA)
}
_INDEXES: Final = r"(?:\[[^\[\]]+\])+"
_KEY: Final = re.compile(rf"({'|'.join(map(re.escape, _INDEXED))})(\.[^\[\]]+)?({_INDEXES})")
_INDEX: Final = re.compile(r"\[([^\[\]]+)\]")
_MAX_KEY: Final = 1024


def parse_key(key: str) -> tuple[Attribute, tuple[str, ...]]:
    """What a condition is about, and which header, claim, or filter and key of its metadata.

    Raises ValueError with the reason.
    """
    plain = _PLAIN.get(key)
    if plain is not None:
        return plain, ()
    found = _KEY.fullmatch(key) if len(key) <= _MAX_KEY else None
    attribute = _INDEXED[found[1]] if found is not None else None
    if found is None or attribute is None or not _is_whole(attribute, found):
        known = ", ".join((*_PLAIN, "request.headers[NAME]", "request.auth.claims[NAME]"))
        raise ValueError(f"{key[:80]!r} is not a key; the keys are {known}")
    names = tuple(_INDEX.findall(found[3]))
    return attribute, (f"envoy.filters{found[2]}", *names) if attribute is Attribute.FILTER_METADATA else names


def _is_whole(attribute: Attribute, found: re.Match[str]) -> bool:
    """A filter is named before its one index, and nothing else is; claims are in one another, headers are not."""
    is_filter, is_nested = bool(found[2]), found[3].count("[") > 1
    if attribute is Attribute.FILTER_METADATA:
        return is_filter and not is_nested
    return not is_filter and (not is_nested or attribute is Attribute.REQUEST_CLAIM)
