"""RequestAuthentication: which tokens workloads believe (Istio ``RequestAuthentication``)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from xds.config.document import Path, RawObject
from xds.config.jwks import parse_jwks
from xds.config.kinds.header_names import check_header_value, parse_header_name
from xds.config.kinds.honoured import with_prefixes
from xds.config.kinds.kind import ISTIO_SECURITY, ISTIO_SECURITY_VERSIONS, Context, Kind
from xds.config.kinds.result import result
from xds.config.kinds.targets import TARGET_FIELDS, parse_gateways
from xds.config.reader import Reader
from xds.model.diagnostic import Diagnostic
from xds.model.request_authentication import (
    ClaimToHeader,
    JwtHeader,
    JwtRule,
    KeySet,
    KeysReference,
    RequestAuthentication,
)

HONOURED = with_prefixes(
    {
        "spec": "selector.matchLabels",
        "spec.targetRef": TARGET_FIELDS,
        "spec.targetRefs": TARGET_FIELDS,
        "spec.jwtRules": "issuer audiences jwks jwksUri jwks_uri fromHeaders.name fromHeaders.prefix fromParams"
        " fromCookies forwardOriginalToken outputPayloadToHeader outputClaimToHeaders.header outputClaimToHeaders.claim"
        " timeout spaceDelimitedClaims",
    }
)

TIMEOUT: Final = timedelta(seconds=5)
"""Istio's default for an answer of whoever has the keys."""

_NO_KEYS: Final = KeySet("")


def parse(raw: RawObject, context: Context) -> tuple[RequestAuthentication | None, tuple[Diagnostic, ...]]:
    """The RequestAuthentication of a document; see :class:`~xds.config.kinds.kind.Kind`."""
    root = Reader(raw)
    spec = root.section("spec")
    policy = RequestAuthentication(
        meta=raw.meta,
        rules=tuple(map(_rule, spec.items("jwtRules"))),
        selector=spec.section("selector").labels("matchLabels"),
        gateways=parse_gateways(spec),
    )
    return result(root, policy)


def _rule(rule: Reader) -> JwtRule:
    if not rule.text("issuer"):
        rule.error("issuer", "is required: a rule is for the tokens of one issuer", "missing-field")
    payload_header = rule.text("outputPayloadToHeader")
    if payload_header:
        payload_header = parse_header_name(rule, ("outputPayloadToHeader",), payload_header)
    claim_headers = tuple(map(_claim_header, rule.items("outputClaimToHeaders")))
    _check_distinct(rule, claim_headers)
    return JwtRule(
        issuer=rule.text("issuer"),
        keys=_keys(rule),
        place=rule.place(()),
        audiences=rule.strings("audiences"),
        from_headers=tuple(map(_header, rule.items("fromHeaders"))),
        from_params=rule.strings("fromParams"),
        from_cookies=rule.strings("fromCookies"),
        forward=rule.flag("forwardOriginalToken"),
        payload_header=payload_header,
        claim_headers=claim_headers,
        space_delimited=tuple(dict.fromkeys(rule.strings("spaceDelimitedClaims"))),
    )


def _keys(rule: Reader) -> KeySet | KeysReference:
    """Those that are written, or where they are: at a URL, or where the issuer itself says."""
    if rule.text("jwks"):
        keys = rule.parsed("jwks", parse_jwks, _NO_KEYS)
        for reason in keys.left_out:
            rule.warning("jwks", reason, "unusable-key")
        return keys
    field = "jwksUri" if rule.has("jwksUri") else "jwks_uri"
    timeout = rule.duration("timeout", TIMEOUT)
    return KeysReference(rule.text("issuer"), rule.parsed(field, _url, ""), timeout)


def _url(text: str) -> str:
    """The schema has seen that it is a URL of HTTP. Raises ValueError if it names no host or no possible port."""
    parts = urlsplit(text)
    if not parts.hostname or parts.port == 0 or any(character.isspace() for character in text):
        raise ValueError(f"{text[:60]!r} is no URL of a host")
    return text


def _header(reader: Reader) -> JwtHeader:
    prefix = reader.text("prefix")
    check_header_value(reader, ("prefix",), prefix)
    return JwtHeader(parse_header_name(reader, ("name",), reader.text("name")), prefix)


def _claim_header(reader: Reader) -> ClaimToHeader:
    return ClaimToHeader(reader.text("header").lower(), reader.text("claim"))


def _check_distinct(rule: Reader, written: Iterable[ClaimToHeader]) -> None:
    """Envoy adds one value after the other to a header: whoever reads it would get the first, or both."""
    seen: set[str] = set()
    for index, each in enumerate(written):
        path: Path = ("outputClaimToHeaders", index, "header")
        if each.header in seen:
            rule.error(path, f"{each.header} has another claim already", "duplicate")
        seen.add(each.header)


KIND = Kind(
    name="RequestAuthentication",
    group=ISTIO_SECURITY,
    versions=ISTIO_SECURITY_VERSIONS,
    honoured=HONOURED,
    parse=parse,
)
