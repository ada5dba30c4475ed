"""Hypothesis strategies for RouteConfigurations as no VirtualService makes them: all that Envoy's matching has.

Users' own translators may use any of it.
"""

from __future__ import annotations

from envoy_data_plane.envoy.config.core.v3 import (
    HeaderValue,
    HeaderValueOption,
    HeaderValueOptionHeaderAppendAction,
    RuntimeFractionalPercent,
)
from envoy_data_plane.envoy.config.route.v3 import (
    DirectResponseAction,
    HeaderMatcher,
    QueryParameterMatcher,
    RedirectAction,
    RedirectActionRedirectResponseCode,
    Route,
    RouteAction,
    RouteActionClusterNotFoundResponseCode,
    RouteConfiguration,
    RouteMatch,
    RouteMatchGrpcRouteMatchOptions,
    VirtualHost,
    VirtualHostTlsRequirementType,
)
from envoy_data_plane.envoy.type.matcher.v3 import RegexMatchAndSubstitute, RegexMatcher, StringMatcher
from envoy_data_plane.envoy.type.v3 import FractionalPercent, Int64Range
from hypothesis import strategies as st

from e2e.agreement.values import HEADERS, METHODS, PATHS, PATTERNS, VALUE_PATTERNS, VALUES

CLUSTERS = ("one", "two")
DOMAINS = (
    *("a.example.com", "B.example.com", "a.example.com:8080", "*.example.com", "*.b.example.com", "*-x.com"),
    *("api.*", "api.b.*", "shop", "*"),
)
_ACTIONS = HeaderValueOptionHeaderAppendAction


def regexes(patterns: tuple[str, ...]) -> st.SearchStrategy[RegexMatcher]:
    return st.builds(RegexMatcher, regex=st.sampled_from(patterns))


STRINGS = st.one_of(
    st.builds(StringMatcher, exact=st.sampled_from(VALUES), ignore_case=st.booleans()),
    *(
        st.builds(StringMatcher, **{kind: st.sampled_from(tuple(filter(None, VALUES)))}, ignore_case=st.booleans())
        for kind in ("prefix", "suffix", "contains")
    ),
    st.builds(StringMatcher, safe_regex=regexes(VALUE_PATTERNS)),
)
_NAMES = st.sampled_from((*HEADERS, ":method", ":authority", "host", ":scheme", "content-type"))
_INVERTED = {"name": _NAMES, "invert_match": st.booleans(), "treat_missing_header_as_empty": st.booleans()}
HEADER_MATCHERS = st.one_of(
    st.builds(HeaderMatcher, string_match=STRINGS, **_INVERTED),
    st.builds(HeaderMatcher, string_match=st.builds(StringMatcher, exact=st.sampled_from(METHODS)), **_INVERTED),
    st.builds(
        HeaderMatcher, range_match=st.builds(Int64Range, start=st.just(1), end=st.sampled_from((2, 13))), **_INVERTED
    ),
    st.builds(HeaderMatcher, present_match=st.booleans(), **_INVERTED),
    st.builds(HeaderMatcher, **_INVERTED),
)
QUERY_MATCHERS = st.one_of(
    st.builds(QueryParameterMatcher, name=st.sampled_from(("x", "y", "X")), string_match=STRINGS),
    st.builds(QueryParameterMatcher, name=st.sampled_from(("x", "y")), present_match=st.booleans()),
    st.builds(QueryParameterMatcher, name=st.sampled_from(("x", "y"))),
)
_CONDITIONS = {
    "headers": st.lists(HEADER_MATCHERS, max_size=2),
    "query_parameters": st.lists(QUERY_MATCHERS, max_size=1),
    "runtime_fraction": st.one_of(
        st.none(),
        st.builds(
            RuntimeFractionalPercent,
            default_value=st.builds(FractionalPercent, numerator=st.sampled_from((0, 100))),
        ),
    ),
    "grpc": st.sampled_from((None, None, None, RouteMatchGrpcRouteMatchOptions())),
}
_CASE = st.sampled_from((None, True, False))
MATCHES = st.one_of(
    st.builds(RouteMatch, prefix=st.sampled_from(("/", "/a", *PATHS[:30])), case_sensitive=_CASE, **_CONDITIONS),
    st.builds(RouteMatch, path=st.sampled_from(PATHS[:30]), case_sensitive=_CASE, **_CONDITIONS),
    st.builds(
        RouteMatch,
        path_separated_prefix=st.sampled_from(("/a", "/A/b", "/a.html")),
        case_sensitive=_CASE,
        **_CONDITIONS,
    ),
    st.builds(RouteMatch, safe_regex=regexes(PATTERNS), **_CONDITIONS),
    st.builds(RouteMatch, prefix=st.just("/")),
)
_REWRITES = st.builds(
    RegexMatchAndSubstitute,
    pattern=regexes((r"^/([^/]*)(.*)$", r"(a*)(b?)", r"a|b")),
    substitution=st.sampled_from((r"/\2\1", r"/x\0", "/y")),
)
_CODES = st.sampled_from(tuple(RedirectActionRedirectResponseCode))
_HOSTS = {
    "host_redirect": st.sampled_from(("", "", "other.com")),
    "response_code": _CODES,
    "strip_query": st.booleans(),
}
REDIRECTS = st.one_of(
    st.builds(RedirectAction, https_redirect=st.booleans(), port_redirect=st.sampled_from((0, 8443)), **_HOSTS),
    st.builds(
        RedirectAction, scheme_redirect=st.just("https"), prefix_rewrite=st.sampled_from(("/", "/new")), **_HOSTS
    ),
    st.builds(RedirectAction, path_redirect=st.sampled_from(("/there", "/there?z=1")), **_HOSTS),
    st.builds(RedirectAction, regex_rewrite=_REWRITES, **_HOSTS),
)
_TO = {
    "cluster": st.sampled_from((*CLUSTERS, *CLUSTERS, "none")),
    "cluster_not_found_response_code": st.sampled_from(tuple(RouteActionClusterNotFoundResponseCode)),
}
ROUTED = st.one_of(
    st.builds(RouteAction, prefix_rewrite=st.sampled_from(("", "/", "/new")), **_TO),
    st.builds(RouteAction, regex_rewrite=_REWRITES, **_TO),
    st.builds(RouteAction, host_rewrite_literal=st.just("literal.com"), **_TO),
    st.builds(RouteAction, host_rewrite_header=st.sampled_from(("x-a", "x-none")), **_TO),
    st.builds(
        RouteAction,
        host_rewrite_path_regex=st.builds(
            RegexMatchAndSubstitute, pattern=regexes((r"^/([a-z]+).*$", r".*")), substitution=st.just(r"h.com")
        ),
        **_TO,
    ),
    st.builds(RouteAction, cluster_header=st.sampled_from(("x-to", "x-a"))),
)
_OPTIONS = st.lists(
    st.builds(
        HeaderValueOption,
        header=st.builds(HeaderValue, key=st.sampled_from(("x-a", "x-b", "x-new")), value=st.sampled_from(("v", "w"))),
        append_action=st.sampled_from(tuple(_ACTIONS)),
    ),
    max_size=3,
)
_CHANGES = {
    "request_headers_to_add": _OPTIONS,
    "request_headers_to_remove": st.lists(st.sampled_from(("x-b", "x-c")), max_size=1),
}


@st.composite
def _route(draw: st.DrawFn, number: int) -> Route:
    """A route that marks its responses with its number, so that they tell which one it was."""
    fields = draw(
        st.one_of(
            st.fixed_dictionaries({"route": ROUTED}),
            st.fixed_dictionaries({"route": ROUTED}),
            st.fixed_dictionaries({"redirect": REDIRECTS}),
            st.fixed_dictionaries(
                {"direct_response": st.builds(DirectResponseAction, status=st.sampled_from((200, 201, 302, 403, 503)))}
            ),
        )
    )
    route = draw(st.builds(Route, match=MATCHES, **_CHANGES, **{k: st.just(v) for k, v in fields.items()}))
    mark = HeaderValueOption(
        header=HeaderValue(key="x-rule", value=f"{number}"), append_action=_ACTIONS.OVERWRITE_IF_EXISTS_OR_ADD
    )
    route.response_headers_to_add = [mark]
    return route


@st.composite
def tables(draw: st.DrawFn) -> RouteConfiguration:
    """A RouteConfiguration of some virtual hosts, each domain once."""
    domains = draw(st.lists(st.sampled_from(DOMAINS), min_size=1, max_size=6, unique=True))
    hosts = []
    for number, domain in enumerate(domains):
        routes = [draw(_route(number * 10 + index)) for index in range(draw(st.integers(1, 4)))]
        host = draw(st.builds(VirtualHost, **_CHANGES))
        host.name, host.domains, host.routes = f"host-{number}", [domain], routes
        if draw(st.integers(0, 9)) == 0:
            host.require_tls = VirtualHostTlsRequirementType.ALL
        hosts.append(host)
    table = draw(
        st.builds(
            RouteConfiguration,
            ignore_port_in_host_matching=st.booleans(),
            most_specific_header_mutations_wins=st.booleans(),
            **_CHANGES,
        )
    )
    table.name, table.virtual_hosts, table.validate_clusters = "table", hosts, False
    return table
