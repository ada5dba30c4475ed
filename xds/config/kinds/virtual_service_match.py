"""The conditions of a VirtualService's rules (Istio ``HTTPMatchRequest``, ``L4MatchAttributes``)."""

from __future__ import annotations

from collections.abc import Mapping

from xds.config.document import Path
from xds.config.kinds.header_names import parse_readable_header_name
from xds.config.kinds.names import Scope, parse_port_number
from xds.config.kinds.string_match import (
    PRESENT,
    match_entries,
    parse_match_map,
    parse_optional_match,
    parse_string_match,
)
from xds.config.reader import Reader
from xds.config.scalars import parse_cidr, parse_host
from xds.model.claims import ClaimPath, claim_path, is_claim
from xds.model.routing import MESH_GATEWAY, HTTPMatchRequest, L4MatchAttributes, StringMatch

_Conditions = tuple[Mapping[str, StringMatch] | None, Mapping[ClaimPath, StringMatch] | None]
_HAVE_THEIR_OWN_FIELD = frozenset({"uri", "scheme", "method", "authority"})


def parse_http_matches(rule: Reader, scope: Scope, gateways: tuple[str, ...]) -> tuple[HTTPMatchRequest, ...]:
    """The alternatives of a rule, empty for "always"."""
    return tuple(_http_match(match, index, scope, gateways) for index, match in enumerate(rule.items("match")))


def _http_match(match: Reader, index: int, scope: Scope, gateways: tuple[str, ...]) -> HTTPMatchRequest:
    gateways = _gateways(match, scope, gateways)
    headers, claims = _conditions(match, "headers", gateways)
    without_headers, without_claims = _conditions(match, "withoutHeaders", gateways)
    return HTTPMatchRequest(
        name=match.text("name"),
        uri=_uri(match),
        ignore_uri_case=match.flag("ignoreUriCase"),
        scheme=parse_optional_match(match, "scheme"),
        method=parse_optional_match(match, "method"),
        authority=parse_optional_match(match, "authority"),
        headers=headers,
        without_headers=without_headers,
        claims=claims,
        without_claims=without_claims,
        query_params=parse_match_map(match, "queryParams"),
        port=parse_port_number(match, "port"),
        source_labels=match.labels("sourceLabels"),
        source_namespace=match.text("sourceNamespace"),
        gateways=gateways,
        stat_prefix=match.text("statPrefix"),
        index=index,
    )


def _uri(match: Reader) -> StringMatch | None:
    """A request always has a path, so that a match on its presence is none."""
    uri = parse_optional_match(match, "uri")
    return None if uri == PRESENT else uri


def _conditions(match: Reader, name: str, gateways: tuple[str, ...]) -> _Conditions:
    """What ``headers`` or ``withoutHeaders`` ask for: of headers, and of claims."""
    headers: dict[str, StringMatch] = {}
    claims: dict[ClaimPath, StringMatch] = {}
    for written, reader in match_entries(match, name):
        if is_claim(written):
            claims[_claim(match, (name, written), written, gateways)] = parse_string_match(reader)
            continue
        key = parse_readable_header_name(match, (name, written), written)
        if key in _HAVE_THEIR_OWN_FIELD:
            match.warning((name, written), f"is ignored: match on the field {key}, not on a header", "no-effect")
        elif key:
            headers[key] = parse_string_match(reader)
    return headers or None, claims or None


def _claim(match: Reader, at: Path, written: str, gateways: tuple[str, ...]) -> ClaimPath:
    """Istio: claims are known at gateways alone, as a sidecar does not verify the tokens of its own workload."""
    if MESH_GATEWAY in gateways:
        reason = "claims are known at gateways only: for sidecars it is as if this match did not exist"
        match.warning(at, reason, "no-effect")
    try:
        return claim_path(written)
    except ValueError as error:
        match.error(at, str(error), "invalid-format")
        return ()


def parse_l4_matches(rule: Reader, scope: Scope, gateways: tuple[str, ...]) -> tuple[L4MatchAttributes, ...]:
    """The alternatives of a tcp or tls rule, empty for "always"."""
    return tuple(_l4_match(match, scope, gateways) for match in rule.items("match"))


def _l4_match(match: Reader, scope: Scope, gateways: tuple[str, ...]) -> L4MatchAttributes:
    subnets = match.parsed_strings("destinationSubnets", parse_cidr)
    return L4MatchAttributes(
        destination_subnets=tuple(str(subnet) for subnet in subnets),
        port=parse_port_number(match, "port"),
        source_labels=match.labels("sourceLabels"),
        source_namespace=match.text("sourceNamespace"),
        gateways=_gateways(match, scope, gateways),
        sni_hosts=match.parsed_strings("sniHosts", parse_host),
        source_subnet=match.parsed("sourceSubnet", _subnet, ""),
    )


def _subnet(text: str) -> str:
    return str(parse_cidr(text))


def _gateways(match: Reader, scope: Scope, inherited: tuple[str, ...]) -> tuple[str, ...]:
    if not match.has("gateways"):
        return inherited
    return tuple(dict.fromkeys(match.parsed_strings("gateways", scope.gateway))) or inherited
