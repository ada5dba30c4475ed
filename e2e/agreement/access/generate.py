"""Hypothesis strategies for policies and for those who ask."""

from __future__ import annotations

from envoy_data_plane.envoy.config.core.v3 import CidrRange, TypedExtensionConfig
from envoy_data_plane.envoy.config.listener.v3 import Filter
from envoy_data_plane.envoy.config.rbac.v3 import (
    Permission,
    PermissionSet,
    Policy,
    Principal,
    PrincipalAuthenticated,
    PrincipalSet,
    Rbac,
    RbacAction,
    SourcedMetadata,
)
from envoy_data_plane.envoy.config.route.v3 import HeaderMatcher
from envoy_data_plane.envoy.extensions.filters.http.rbac.v3 import Rbac as HttpRbac
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter
from envoy_data_plane.envoy.extensions.filters.network.rbac.v3 import Rbac as NetworkRbac
from envoy_data_plane.envoy.extensions.path.match.uri_template.v3 import UriTemplateMatchConfig
from envoy_data_plane.envoy.type.matcher.v3 import FilterStateMatcher, PathMatcher, RegexMatcher, StringMatcher
from envoy_data_plane.envoy.type.v3 import Int32Range
from hypothesis import strategies as st

from e2e.agreement.access.claims import CLAIMS
from e2e.agreement.access.policies import filters, policies
from e2e.agreement.access.tokens import PAYLOADS, authentications
from e2e.agreement.access.world import (
    BLOCKS,
    FORWARDED_FOR,
    IDENTITIES,
    PORT,
    SERVER_NAMES,
    SOURCES,
    Case,
    Client,
    Kind,
    principal,
)
from e2e.agreement.examples import examples
from e2e.agreement.values import AUTHORITIES, HEADERS, METHODS, PATHS, PATTERNS, QUERIES, VALUE_PATTERNS, VALUES
from e2e.agreement.world import Sent
from xds.wire.encode import pack_any

CLIENTS_PER_CASE = 6
TEMPLATES = (
    *("/a/*", "/*", "/a/*/c", "/a/**", "/**", "/*/b/**", "/a.html"),
    *("/a/{x}/c", "/{x=a/*}/c", "/{x=**}", "/a/{x=*}"),
)
_PATHS = tuple(path for path in PATHS if path.startswith("/"))
_NAMES = (*map(principal, range(len(IDENTITIES))), "spiffe://elsewhere/ns/default/sa/shop", "shop", "")


def _strings(literals: tuple[str, ...], patterns: tuple[str, ...] = VALUE_PATTERNS) -> st.SearchStrategy[StringMatcher]:
    filled = tuple(filter(None, literals))
    regexes = st.builds(RegexMatcher, regex=st.sampled_from(patterns))
    return st.one_of(
        st.builds(StringMatcher, exact=st.sampled_from(literals), ignore_case=st.booleans()),
        *(
            st.builds(StringMatcher, ignore_case=st.booleans(), **{kind: st.sampled_from(filled)})
            for kind in ("prefix", "suffix", "contains")
        ),
        st.builds(StringMatcher, safe_regex=regexes),
    )


_HEADERS = st.one_of(
    st.builds(
        HeaderMatcher,
        name=st.sampled_from(HEADERS),
        string_match=_strings(VALUES),
        invert_match=st.booleans(),
        treat_missing_header_as_empty=st.booleans(),
    ),
    st.builds(HeaderMatcher, name=st.sampled_from(HEADERS), present_match=st.booleans(), invert_match=st.booleans()),
    st.builds(HeaderMatcher, name=st.just(":method"), string_match=_strings(METHODS, ("P.*", "GET|POST"))),
    st.builds(HeaderMatcher, name=st.just(":authority"), string_match=_strings(AUTHORITIES, (r".*:80", r"a\..*"))),
)
_BLOCKS = st.sampled_from([CidrRange(address_prefix=prefix, prefix_len=length) for prefix, length in BLOCKS])
_URL_PATHS = st.builds(PathMatcher, path=_strings(_PATHS, PATTERNS))
_TEMPLATES = st.sampled_from(
    [
        TypedExtensionConfig(name="template", typed_config=pack_any(UriTemplateMatchConfig(path_template=template)))
        for template in TEMPLATES
    ]
)


def _permissions(kind: Kind, depth: int) -> st.SearchStrategy[Permission]:
    of_requests = (
        st.builds(Permission, header=_HEADERS),
        st.builds(Permission, url_path=_URL_PATHS),
        st.builds(Permission, uri_template=_TEMPLATES),
    )
    leaves = st.one_of(
        *(of_requests if kind is Kind.REQUESTS else ()),
        st.builds(Permission, any=st.just(True)),
        st.builds(Permission, destination_ip=_BLOCKS),
        st.builds(Permission, destination_port=st.sampled_from((PORT, 80))),
        st.builds(
            Permission,
            destination_port_range=st.sampled_from(
                [Int32Range(start=PORT, end=PORT + 1), Int32Range(start=1, end=PORT), Int32Range(start=1, end=65536)]
            ),
        ),
        st.builds(Permission, requested_server_name=_strings(SERVER_NAMES)),
    )
    if not depth:
        return leaves
    more = st.lists(_permissions(kind, depth - 1), min_size=1, max_size=3)
    sets = st.builds(PermissionSet, rules=more)
    return st.one_of(
        leaves,
        st.builds(Permission, and_rules=sets),
        st.builds(Permission, or_rules=sets),
        st.builds(Permission, not_rule=_permissions(kind, depth - 1)),
    )


def _principals(kind: Kind, depth: int) -> st.SearchStrategy[Principal]:
    of_requests = (
        st.builds(Principal, header=_HEADERS),
        st.builds(Principal, url_path=_URL_PATHS),
        st.builds(Principal, sourced_metadata=st.builds(SourcedMetadata, metadata_matcher=CLAIMS)),
        st.builds(Principal, sourced_metadata=st.builds(SourcedMetadata, metadata_matcher=CLAIMS)),
    )
    leaves = st.one_of(
        *(of_requests if kind is Kind.REQUESTS else ()),
        st.builds(Principal, any=st.just(True)),
        st.builds(Principal, authenticated=st.builds(PrincipalAuthenticated, principal_name=_strings(_NAMES))),
        st.builds(Principal, authenticated=st.just(PrincipalAuthenticated())),
        st.builds(Principal, direct_remote_ip=_BLOCKS),
        st.builds(Principal, remote_ip=_BLOCKS),
        st.builds(Principal, filter_state=st.just(FilterStateMatcher(key="a", string_match=StringMatcher(prefix="a")))),
    )
    if not depth:
        return leaves
    more = st.lists(_principals(kind, depth - 1), min_size=1, max_size=3)
    sets = st.builds(PrincipalSet, ids=more)
    return st.one_of(
        leaves,
        st.builds(Principal, and_ids=sets),
        st.builds(Principal, or_ids=sets),
        st.builds(Principal, not_id=_principals(kind, depth - 1)),
    )


def _rules(kind: Kind) -> st.SearchStrategy[Rbac]:
    policies = st.builds(
        Policy,
        permissions=st.lists(_permissions(kind, 2), min_size=1, max_size=2),
        principals=st.lists(_principals(kind, 2), min_size=1, max_size=2),
    )
    return st.builds(
        Rbac,
        action=st.sampled_from((RbacAction.ALLOW, RbacAction.DENY, RbacAction.LOG)),
        policies=st.dictionaries(st.sampled_from(("b", "a", "ab", "A", "c-1", "c-10", "c-2")), policies, max_size=4),
    )


@st.composite
def _client(draw: st.DrawFn) -> Client:
    headers = tuple(draw(st.lists(st.tuples(st.sampled_from(HEADERS), st.sampled_from(VALUES)), max_size=3)))
    forwarded = draw(st.sampled_from(FORWARDED_FOR))
    more = (("x-forwarded-for", forwarded),) if forwarded else ()
    path = draw(st.sampled_from(_PATHS)) + draw(st.sampled_from(QUERIES))
    request = Sent(
        draw(st.sampled_from(("GET", *METHODS[:-1]))), draw(st.sampled_from(AUTHORITIES)), path, (*headers, *more)
    )
    identity = draw(st.sampled_from((None, *range(len(IDENTITIES)))))
    token = draw(st.sampled_from((None, *range(len(PAYLOADS)))))
    return Client(draw(st.sampled_from(SOURCES)), identity, draw(st.sampled_from(SERVER_NAMES)), request, token)


def _http(rules: Rbac, shadow: Rbac) -> tuple[HttpFilter, ...]:
    return (HttpFilter(name="rbac", typed_config=pack_any(HttpRbac(rules=rules, shadow_rules=shadow))),)


def _network(rules: Rbac, shadow: Rbac) -> tuple[Filter, ...]:
    config = NetworkRbac(rules=rules, shadow_rules=shadow, stat_prefix="rbac")
    return (Filter(name="rbac", typed_config=pack_any(config)),)


@st.composite
def _case(draw: st.DrawFn) -> Case:
    """Of filters as Envoy takes them, or of policies as users write them."""
    kind = draw(st.sampled_from((Kind.REQUESTS, Kind.REQUESTS, Kind.CONNECTIONS)))
    source = draw(policies()) if draw(st.booleans()) else None
    found: tuple[HttpFilter, ...] | tuple[Filter, ...]
    if source is not None:
        found = filters(source)[kind is Kind.CONNECTIONS]
    else:
        build = _http if kind is Kind.REQUESTS else _network
        found = build(draw(_rules(kind)), draw(_rules(kind)))
    return Case(
        kind=kind,
        tls=draw(st.booleans()),
        tokens=draw(st.one_of(st.none(), authentications())) if kind is Kind.REQUESTS else None,
        filters=found,
        edge=draw(st.booleans()),
        hops=draw(st.integers(0, 2)),
        clients=tuple(draw(st.lists(_client(), min_size=CLIENTS_PER_CASE, max_size=CLIENTS_PER_CASE))),
        source=source,
    )


def generated(count: int, seed: int) -> list[Case]:
    """So many cases, the same for the same seed."""
    return examples(_case(), count, seed)
