"""The conditions of a VirtualService's rules (Istio ``HTTPMatchRequest``, ``L4MatchAttributes``)."""

from __future__ import annotations

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
from xds.model.routing import HTTPMatchRequest, L4MatchAttributes, StringMatch

_CLAIMS = "@request.auth.claims"
_HAVE_THEIR_OWN_FIELD = frozenset({"uri", "scheme", "method", "authority"})


def parse_http_matches(rule: Reader, scope: Scope, gateways: tuple[str, ...]) -> tuple[HTTPMatchRequest, ...] | None:
    """The alternatives of a rule, empty for "always"; None if there were some and none of them can be honoured."""
    matches = rule.items("match")
    indexed = enumerate(matches)
    honoured = tuple(_http_match(match, i, scope, gateways) for i, match in indexed if not _leave_out(match))
    return None if matches and not honoured else honoured


def _leave_out(match: Reader) -> bool:
    """True for a match on token claims: dropping only that condition would let through what it was to keep out."""
    for name in ("headers", "withoutHeaders"):
        conditions = match.child(name)
        claim = conditions and next((key for key in conditions.value if key.startswith(_CLAIMS)), None)
        if claim:
            reason = "claims are not honoured yet: requests are routed as if this match did not exist"
            match.warning((name, claim), reason, "not-honoured")
            return True
    return False


def _http_match(match: Reader, index: int, scope: Scope, gateways: tuple[str, ...]) -> HTTPMatchRequest:
    return HTTPMatchRequest(
        name=match.text("name"),
        uri=_uri(match),
        ignore_uri_case=match.flag("ignoreUriCase"),
        scheme=parse_optional_match(match, "scheme"),
        method=parse_optional_match(match, "method"),
        authority=parse_optional_match(match, "authority"),
        headers=_header_matches(match, "headers"),
        without_headers=_header_matches(match, "withoutHeaders"),
        query_params=parse_match_map(match, "queryParams"),
        port=parse_port_number(match, "port"),
        source_labels=match.labels("sourceLabels"),
        source_namespace=match.text("sourceNamespace"),
        gateways=_gateways(match, scope, gateways),
        stat_prefix=match.text("statPrefix"),
        index=index,
    )


def _uri(match: Reader) -> StringMatch | None:
    """A request always has a path, so that a match on its presence is none."""
    uri = parse_optional_match(match, "uri")
    return None if uri == PRESENT else uri


def _header_matches(match: Reader, name: str) -> dict[str, StringMatch] | None:
    found: dict[str, StringMatch] = {}
    for header, reader in match_entries(match, name):
        key = parse_readable_header_name(match, (name, header), header)
        if key in _HAVE_THEIR_OWN_FIELD:
            match.warning((name, header), f"is ignored: match on the field {key}, not on a header", "no-effect")
        elif key:
            found[key] = parse_string_match(reader)
    return found or None


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
