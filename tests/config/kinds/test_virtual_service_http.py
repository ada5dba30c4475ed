"""VirtualService: matches, destinations and the other actions of HTTP rules."""

from __future__ import annotations

from datetime import timedelta
from textwrap import dedent, indent

import pytest

from tests.config.kinds.istio import accepted, refused, warned
from xds.config.kinds.virtual_service import KIND
from xds.model.labels import Labels
from xds.model.objects import Origin
from xds.model.routing import (
    Destination,
    HeaderOperations,
    Headers,
    HTTPDirectResponse,
    HTTPMatchRequest,
    HTTPRedirect,
    HTTPRewrite,
    HTTPRoute,
    HTTPRouteDestination,
    MatchKind,
    RedirectPort,
    StringMatch,
)

REVIEWS = "reviews.bookinfo.svc.cluster.local"
TO_REVIEWS = "route: [{destination: {host: reviews}}]"
RULE_LINE = 3


def rules(text: str) -> str:
    """A spec whose HTTP rules begin on line ``RULE_LINE``."""
    return f"hosts: [reviews]\nhttp:\n{dedent(text)}"


def rule(text: str) -> str:
    """A spec with one HTTP rule, which begins on line ``RULE_LINE``."""
    return rules("-" + indent(dedent(text), "  ")[1:])


def one(text: str) -> HTTPRoute:
    """The only rule of a spec that nothing is to be said about."""
    (found,) = accepted(KIND, rule(text)).http
    return found


def wrong(text: str) -> list[tuple[int, str]]:
    """Line within the rule, from 1, and path within it, of each mistake."""
    return [
        (line - RULE_LINE + 1, path.removeprefix("spec.http[0]").removeprefix("."))
        for line, path in refused(KIND, rule(text))
    ]


def matched(text: str) -> HTTPMatchRequest:
    """The only match of a rule."""
    (found,) = one(f"match:\n- {text}\n{TO_REVIEWS}").match
    return found


def test_reads_a_split_with_names_and_origins() -> None:
    service = accepted(
        KIND,
        rules(
            """\
            - name: canary
              match: [{port: 80}]
              route:
              - destination: {host: reviews, subset: v1}
                weight: 90
              - destination: {host: reviews, subset: v3, port: {number: 9080}}
                weight: 10
            - route:
              - destination: {host: other.shop.svc.cluster.local}
              timeout: 1.5s
            """
        ),
    )
    assert service.http == (
        HTTPRoute(
            index=0,
            origin=Origin("it.yaml", 7),
            name="canary",
            match=(HTTPMatchRequest(port=80),),
            route=(
                HTTPRouteDestination(Destination(REVIEWS, "v1"), 90),
                HTTPRouteDestination(Destination(REVIEWS, "v3", 9080), 10),
            ),
        ),
        HTTPRoute(
            index=1,
            origin=Origin("it.yaml", 14),
            route=(HTTPRouteDestination(Destination("other.shop.svc.cluster.local"), 100),),
            timeout=timedelta(seconds=1.5),
        ),
    )


@pytest.mark.parametrize("weight", ["", "weight: 0", "weight: 7"])
def test_a_single_destination_gets_everything(weight: str) -> None:
    assert one(f"route:\n- destination: {{host: reviews}}\n  {weight}").route[0].weight == 100


def test_weights_of_several_destinations() -> None:
    two = "route:\n- destination: {host: a}\n  weight: %s\n- destination: {host: b}\n  weight: %s\n"
    assert [target.weight for target in one(two % (0, 100)).route] == [0, 100]
    assert wrong(two % (0, 0)) == [(1, "route")]
    assert wrong(two % (5, -5)) == [(5, "route[1].weight")]
    assert wrong("route:\n" + 3 * "- {destination: {host: a}, weight: 2000000000}\n") == [(1, "route")]


def test_refuses_wrong_destinations() -> None:
    text = """\
        route:
        - destination: {host: '*'}
        - destination: {host: ''}
        - destination: {host: 'a b'}
        - destination: {host: a, subset: No}
        - destination: {host: a, port: {number: 70000}}
          weight: 1
        """
    assert wrong(text) == [
        (2, "route[0].destination.host"),
        (3, "route[1].destination.host"),
        (4, "route[2].destination.host"),
        (5, "route[3].destination.subset"),
        (6, "route[4].destination.port.number"),
    ]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{exact: /a}", StringMatch(MatchKind.EXACT, "/a")),
        ("{prefix: /a}", StringMatch(MatchKind.PREFIX, "/a")),
        ("{regex: '/a/[0-9]+'}", StringMatch(MatchKind.REGEX, "/a/[0-9]+")),
        ("{exact: ''}", StringMatch(MatchKind.EXACT, "")),
        ("{prefix: ''}", None),
        ("{regex: '*'}", None),
        ("{}", None),
    ],
)
def test_matches_on_the_uri(written: str, expected: StringMatch | None) -> None:
    assert matched(f"uri: {written}").uri == expected


@pytest.mark.parametrize("written", ["{}", "{prefix: ''}", "{regex: '*'}"])
def test_a_header_with_an_empty_match_must_be_present(written: str) -> None:
    found = matched(f"headers: {{End-User: {written}}}").headers
    assert found == {"end-user": StringMatch(MatchKind.PRESENT)}


@pytest.mark.parametrize("field", ["headers", "withoutHeaders", "queryParams"])
def test_a_match_that_was_forgotten_does_not_widen_the_others(field: str) -> None:
    assert wrong(f"match:\n- {field}: {{a: {{exact: b}}, c: }}\n{TO_REVIEWS}") == [(2, f"match[0].{field}.c")]


def test_pseudo_headers_can_be_matched() -> None:
    assert matched("headers: {':path': {prefix: /a}}").headers == {":path": StringMatch(MatchKind.PREFIX, "/a")}
    assert wrong(f"match: [{{headers: {{':status': {{}}}}}}]\n{TO_REVIEWS}") == [(1, "match[0].headers.:status")]


def test_reads_every_condition() -> None:
    found = matched(
        """name: all
  uri: {prefix: /api}
  ignoreUriCase: true
  scheme: {exact: https}
  method: {regex: 'GET|HEAD'}
  authority: {prefix: www.}
  headers: {X-One: {exact: a}, x-two: {prefix: b}}
  withoutHeaders: {X-Three: {}}
  queryParams: {Page: {exact: "1"}, all: {regex: ".*"}}
  port: 9080
  sourceLabels: {app: web}
  sourceNamespace: shop
  gateways: [front, mesh]
  statPrefix: api"""
    )
    assert found == HTTPMatchRequest(
        name="all",
        uri=StringMatch(MatchKind.PREFIX, "/api"),
        ignore_uri_case=True,
        scheme=StringMatch(MatchKind.EXACT, "https"),
        method=StringMatch(MatchKind.REGEX, "GET|HEAD"),
        authority=StringMatch(MatchKind.PREFIX, "www."),
        headers={"x-one": StringMatch(MatchKind.EXACT, "a"), "x-two": StringMatch(MatchKind.PREFIX, "b")},
        without_headers={"x-three": StringMatch(MatchKind.PRESENT)},
        query_params={"Page": StringMatch(MatchKind.EXACT, "1"), "all": StringMatch(MatchKind.REGEX, ".*")},
        port=9080,
        source_labels=Labels({"app": "web"}),
        source_namespace="shop",
        gateways=("bookinfo/front", "mesh"),
        stat_prefix="api",
    )


def test_a_match_inherits_the_gateways_of_the_object() -> None:
    spec = f"hosts: [a]\ngateways: [front]\nhttp:\n- match: [{{port: 80}}]\n  {TO_REVIEWS}"
    assert accepted(KIND, spec).http[0].match[0].gateways == ("bookinfo/front",)


def test_refuses_wrong_matches() -> None:
    text = f"""\
        match:
        - uri: {{regex: '(?!x)'}}
        - headers:
            a: {{exact: b}}
            b: {{regex: '('}}
        - headers: {{"not a name": {{}}}}
        - port: 70000
        - withoutHeaders: {{c: {{regex: ''}}}}
        - gateways: [a/b/c]
        {TO_REVIEWS}
        """
    assert wrong(text) == [
        (2, "match[0].uri.regex"),
        (5, "match[1].headers.b.regex"),
        (6, "match[2].headers.not a name"),
        (7, "match[3].port"),
        (8, "match[4].withoutHeaders.c.regex"),
        (9, "match[5].gateways[0]"),
    ]


def test_ignores_headers_that_have_a_field_of_their_own() -> None:
    service, found = warned(KIND, rule(f"match:\n- headers: {{uri: {{exact: /}}, a: {{exact: b}}}}\n{TO_REVIEWS}"))
    assert service.http[0].match[0].headers == {"a": StringMatch(MatchKind.EXACT, "b")}
    assert found == [(4, "spec.http[0].match[0].headers.uri", "no-effect")]


_CLAIMS = """match:
- gateways: [edge]
  headers: {"@request.auth.claims.group": {exact: admin}, x-one: {exact: "1"}}
- gateways: [edge]
  withoutHeaders: {"@Request.Auth.Claims[realm.io][role]": {}}
"""


def test_matches_on_claims_are_not_on_headers() -> None:
    one, other = accepted(KIND, rule(f"{_CLAIMS}{TO_REVIEWS}")).http[0].match
    assert one.claims == {("group",): StringMatch(MatchKind.EXACT, "admin")}
    assert one.headers == {"x-one": StringMatch(MatchKind.EXACT, "1")}
    assert other.without_claims == {("realm.io", "role"): StringMatch(MatchKind.PRESENT)}
    assert (other.headers, other.without_headers) == (None, None)


def test_says_that_sidecars_know_no_claims() -> None:
    for gateways in ("", "gateways: [mesh, edge], "):
        text = f"match:\n- {{{gateways}headers: {{'@request.auth.claims.group': {{exact: admin}}}}}}\n{TO_REVIEWS}"
        _, found = warned(KIND, rule(text))
        path = 'spec.http[0].match[0].headers["@request.auth.claims.group"]'
        assert [(where, code) for _, where, code in found] == [(path, "no-effect")]


@pytest.mark.parametrize("name", ["", ".", "group", "[]", "[a", "[a]b", "[a][]", ".a..b", "[a].b"])
def test_what_names_no_claim_is_an_error(name: str) -> None:
    condition = f"'@request.auth.claims{name}': {{exact: admin}}"
    assert wrong(f"match:\n- {{gateways: [edge], headers: {{{condition}}}}}\n{TO_REVIEWS}") == [
        (2, f'match[0].headers["@request.auth.claims{name}"]')
    ]


def test_a_rule_may_be_left_to_a_delegate_of_the_same_or_another_namespace() -> None:
    service = accepted(
        KIND, rules(f"- delegate: {{name: a, namespace: shop}}\n- delegate: {{name: b}}\n- {TO_REVIEWS}")
    )
    assert [str(rule.delegate) for rule in service.http] == [
        "VirtualService/a.shop",
        "VirtualService/b.bookinfo",
        "None",
    ]


def test_what_a_delegate_cannot_be_given_with() -> None:
    assert wrong("delegate: {namespace: shop}") == [(1, "delegate.name")]
    assert wrong(f"{TO_REVIEWS}\ndelegate: {{name: a}}") == [(2, "delegate")]


def test_a_rule_has_exactly_one_action() -> None:
    assert wrong("name: none") == [(1, "")]
    assert wrong("route: []") == [(1, "")]
    assert wrong(f"{TO_REVIEWS}\nredirect: {{uri: /}}") == [(2, "redirect")]
    assert wrong("redirect: {uri: /}\ndirectResponse: {status: 200}") == [(2, "directResponse")]
    assert wrong("redirect: {uri: /}\nrewrite: {uri: /}") == [(2, "rewrite")]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{uri: /new}", HTTPRedirect(uri="/new")),
        (
            "{authority: a.example.com, scheme: HTTPS, redirectCode: 308}",
            HTTPRedirect(authority="a.example.com", scheme="https", code=308),
        ),
        ("{prefixRewrite: /v2, port: 8443}", HTTPRedirect(prefix_rewrite="/v2", port=8443)),
        ("{derivePort: FROM_REQUEST_PORT}", HTTPRedirect(port=RedirectPort.FROM_REQUEST_PORT)),
    ],
)
def test_reads_redirects(written: str, expected: HTTPRedirect) -> None:
    assert one(f"redirect: {written}").redirect == expected


def test_refuses_wrong_redirects() -> None:
    assert wrong("redirect:\n  uri: /\n  redirectCode: 200") == [(3, "redirect.redirectCode")]
    assert wrong("redirect:\n  uri: /\n  prefixRewrite: /a") == [(3, "redirect.prefixRewrite")]
    assert wrong("redirect: {redirectCode: 302}") == [(1, "redirect")]
    assert wrong("redirect: {scheme: ftp}") == [(1, "redirect.scheme")]
    assert wrong("redirect: {port: 0}") == [(1, "redirect.port")]


def test_reads_direct_responses() -> None:
    assert one("directResponse: {status: 503}").direct_response == HTTPDirectResponse(503)
    text = "directResponse: {status: 200, body: {string: grüß}}"
    assert one(text).direct_response == HTTPDirectResponse(200, "grüß".encode())
    assert one("directResponse: {status: 200, body: {bytes: AAEC}}").direct_response == HTTPDirectResponse(
        200, b"\0\1\2"
    )


def test_refuses_wrong_direct_responses() -> None:
    assert wrong("directResponse:\n  status: 199") == [(2, "directResponse.status")]
    assert wrong(f"directResponse:\n  status: 200\n  body: {{string: {'x' * (1024 * 1024 + 1)}}}") == [
        (3, "directResponse.body")
    ]


def test_reads_rewrites() -> None:
    assert one(f"rewrite: {{uri: /, authority: a}}\n{TO_REVIEWS}").rewrite == HTTPRewrite("/", "a")
    text = f"rewrite: {{uriRegexRewrite: {{match: '/a/(.*)', rewrite: '/\\1'}}}}\n{TO_REVIEWS}"
    assert one(text).rewrite == HTTPRewrite(uri_regex=("/a/(.*)", "/\\1"))


def test_refuses_wrong_rewrites() -> None:
    assert wrong(f"rewrite: {{}}\n{TO_REVIEWS}") == [(1, "rewrite")]
    assert wrong(f"rewrite:\n  uri: /\n  uriRegexRewrite: {{match: a}}\n{TO_REVIEWS}") == [
        (3, "rewrite.uriRegexRewrite")
    ]
    assert wrong(f"rewrite:\n  uriRegexRewrite:\n    match: '(?<=a)'\n{TO_REVIEWS}") == [
        (3, "rewrite.uriRegexRewrite.match")
    ]
    assert wrong(f"rewrite:\n  uriRegexRewrite: {{rewrite: a}}\n{TO_REVIEWS}") == [(2, "rewrite.uriRegexRewrite.match")]


def test_reads_header_operations_of_rules_and_destinations() -> None:
    found = one(
        """\
        route:
        - destination: {host: reviews}
          headers:
            response: {remove: [X-Powered-By]}
        headers:
          request:
            set: {":authority": a.example.com, X-One: "1"}
            add: {x-two: "2"}
            remove: [x-three]
          response: {}
        """
    )
    assert found.headers == Headers(
        request=HeaderOperations({":authority": "a.example.com", "x-one": "1"}, {"x-two": "2"}, ("x-three",))
    )
    assert found.route[0].headers == Headers(response=HeaderOperations({}, {}, ("x-powered-by",)))


def test_refuses_wrong_header_operations() -> None:
    text = f"""\
        {TO_REVIEWS}
        headers:
          request:
            set: {{"a b": c}}
            add: {{":path": /, x: "a\\nb"}}
            remove: [Host, ""]
          response:
            set: {{":status": "200"}}
        """
    assert sorted(wrong(text)) == [
        (4, "headers.request.set.a b"),
        (5, "headers.request.add.:path"),
        (5, "headers.request.add.x"),
        (6, "headers.request.remove"),
        (6, "headers.request.remove[1]"),
        (8, "headers.response.set.:status"),
    ]
