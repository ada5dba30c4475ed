"""Which policy decides, and why the others do not; that Envoy decides the same is tested by e2e/agreement/access."""

from __future__ import annotations

import pytest
from envoy_data_plane.envoy.config.core.v3 import CidrRange, TypedExtensionConfig
from envoy_data_plane.envoy.config.listener.v3 import Filter, FilterChain
from envoy_data_plane.envoy.config.rbac.v3 import (
    MetadataSource,
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
from envoy_data_plane.envoy.config.route.v3 import HeaderMatcher, Route, RouteAction, RouteMatch
from envoy_data_plane.envoy.extensions.filters.http.rbac.v3 import Rbac as HttpRbac
from envoy_data_plane.envoy.extensions.filters.http.rbac.v3 import RbacPerRoute
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter
from envoy_data_plane.envoy.extensions.filters.network.rbac.v3 import Rbac as NetworkRbac
from envoy_data_plane.envoy.type.matcher.v3 import (
    ListMatcher,
    MetadataMatcher,
    MetadataMatcherPathSegment,
    OrMatcher,
    PathMatcher,
    StringMatcher,
    ValueMatcher,
)
from envoy_data_plane.google.api.expr.v1alpha1 import Expr

from tests.explain import kit
from xds.explain import Answered, Check, Connection, Ended, Explanation, Forwarded, Request, UnsupportedError
from xds.explain.access.rbac import judged
from xds.explain.network import connected
from xds.explain.result import PassedPolicy
from xds.explain.stream import Metadata, Stream
from xds.wire.encode import pack_any

ANYBODY, ANYTHING = Principal(any=True), Permission(any=True)
ALICE = "spiffe://cluster.local/ns/default/sa/alice"


def of_path(text: str) -> Permission:
    return Permission(url_path=PathMatcher(path=StringMatcher(exact=text)))


def by(name: str) -> Principal:
    return Principal(authenticated=PrincipalAuthenticated(principal_name=StringMatcher(exact=name)))


def policy(permission: Permission = ANYTHING, principal: Principal = ANYBODY) -> Policy:
    return Policy(permissions=[permission], principals=[principal])


def stream(path: str = "/", principal: str = "", noted: Metadata | None = None) -> Stream:
    connection = Connection("10.0.0.1", 80, source="10.1.0.1", principal=principal)
    request = Request.of("GET", "a", path)
    return Stream(connection, bool(principal), request, "10.2.0.1", noted or {})


def deny(**policies: Policy) -> Rbac:
    return Rbac(action=RbacAction.DENY, policies=policies)


def allow(**policies: Policy) -> Rbac:
    return Rbac(action=RbacAction.ALLOW, policies=policies)


def asked(*filters: HttpRbac, route: Route | None = None) -> Explanation:
    built = [HttpFilter(name=f"rbac-{n}", typed_config=pack_any(config)) for n, config in enumerate(filters)]
    table = kit.routes(route or Route(match=RouteMatch(prefix="/"), route=RouteAction(cluster="a")))
    return kit.asked(kit.snapshot(kit.manager(table, *built), kit.clusters("a")), "/x")


def test_the_first_that_applies_by_name_decides_and_those_before_it_say_why_they_do_not() -> None:
    rules = deny(c=policy(), b=policy(), a=policy(of_path("/y")))
    found = judged(rules, stream("/x?y"))
    assert (found.policy, found.allows) == ("b", False)
    assert found.passed_over == (PassedPolicy("a", 'asks that path is "/y", but path is /x'),)
    assert found.refusal == "RBAC: denied by DENY policy b"


def test_without_a_policy_that_applies_allow_refuses_and_the_others_do_not() -> None:
    policies = {"b": policy(of_path("/y")), "a": policy(principal=by(ALICE))}
    refused = judged(allow(**policies), stream())
    assert not refused.allows
    assert refused.refusal == "RBAC: no ALLOW policy matched (policies: a, b)"
    assert judged(allow(), stream()).refusal == "RBAC: no ALLOW policy matched (policies: there is none)"
    assert judged(deny(**policies), stream()).allows
    assert judged(Rbac(action=RbacAction.LOG, policies={"a": policy()}), stream()).allows


def test_the_condition_that_is_named_is_the_first_that_is_not_met() -> None:
    both = Permission(and_rules=PermissionSet(rules=[of_path("/x"), Permission(destination_port=81)]))
    either = Principal(or_ids=PrincipalSet(ids=[by(ALICE), by("bob")]))
    names = f'asks that principal is "{ALICE}" or principal is "bob", but '
    cases = {
        "asks that port is 81, but port is 80": (policy(both), ""),
        names + "principal is carol": (policy(principal=either), "carol"),
        names + "the connection is plain text, which proves no identity": (policy(principal=either), ""),
        'asks that not: path is "/x", but path is /x': (policy(Permission(not_rule=of_path("/x"))), ""),
        "asks that source address is in 10.2.0.0/16, but it is 10.1.0.1": (
            policy(principal=Principal(direct_remote_ip=CidrRange(address_prefix="10.2.0.0", prefix_len=16))),
            "",
        ),
        "asks that remote address is in 10.1.0.0/16, but it is 10.2.0.1": (
            policy(principal=Principal(remote_ip=CidrRange(address_prefix="10.1.0.0", prefix_len=16))),
            "",
        ),
    }
    for reason, (each, principal) in cases.items():
        (passed,) = judged(allow(a=each), stream("/x", principal)).passed_over
        assert passed.reason == reason


def test_a_policy_may_be_for_nothing() -> None:
    nothing = Policy(permissions=[Permission(not_rule=ANYTHING)], principals=[Principal(not_id=ANYBODY)])
    (passed,) = judged(allow(a=nothing), stream()).passed_over
    assert passed.reason == "is for nothing"


def claim(value: ValueMatcher, *path: str, source: MetadataSource = MetadataSource.DYNAMIC) -> Principal:
    segments = [MetadataMatcherPathSegment(key=key) for key in path]
    matcher = MetadataMatcher(filter="jwt", path=segments, value=value)
    return Principal(sourced_metadata=SourcedMetadata(metadata_matcher=matcher, metadata_source=source))


def test_what_filters_noted_before_is_looked_at() -> None:
    noted: Metadata = {"jwt": {"payload": {"iss": "a", "groups": ["x", "y"]}}}
    is_y = ValueMatcher(string_match=StringMatcher(exact="y"))
    in_list = ValueMatcher(list_match=ListMatcher(one_of=is_y))
    either = ValueMatcher(or_match=OrMatcher(value_matchers=[is_y, in_list]))
    for value, path, holds in (
        (is_y, ("payload", "iss"), False),
        (in_list, ("payload", "groups"), True),
        (either, ("payload", "groups"), True),
        (in_list, ("payload", "none"), False),
        (ValueMatcher(present_match=True), ("payload", "iss"), True),
        (ValueMatcher(present_match=True), ("payload", "iss", "further"), False),
    ):
        assert judged(allow(a=policy(principal=claim(value, *path))), stream(noted=noted)).allows is holds
    (passed,) = judged(allow(a=policy(principal=claim(is_y, "payload", "groups"))), stream(noted=noted)).passed_over
    assert passed.reason == 'asks that jwt payload.groups is "y", but it is ["x", "y"]'
    of_route = claim(ValueMatcher(present_match=True), "payload", source=MetadataSource.ROUTE)
    assert not judged(allow(a=policy(principal=of_route)), stream(noted=noted)).allows


@pytest.mark.parametrize(
    ("rules", "named"),
    [
        (allow(a=Policy(permissions=[ANYTHING], principals=[ANYBODY], condition=Expr())), "CEL"),
        (allow(a=policy(Permission(matcher=TypedExtensionConfig(name="x")))), "matcher"),
        (allow(a=policy(principal=Principal(custom=TypedExtensionConfig(name="x")))), "custom"),
        (allow(a=policy(Permission(header=HeaderMatcher(name="X-Forwarded-Client-Cert")))), "forwarded-client-cert"),
        (allow(a=policy(Permission(uri_template=TypedExtensionConfig(name="x")))), "matched by x"),
    ],
)
def test_what_cannot_be_told_is_not_guessed(rules: Rbac, named: str) -> None:
    with pytest.raises(UnsupportedError, match=named):
        judged(rules, stream())


def test_an_address_that_is_not_known_is_not_guessed() -> None:
    block = CidrRange(address_prefix="10.0.0.0", prefix_len=8)
    with pytest.raises(UnsupportedError, match="source address, which is not known"):
        judged(allow(a=policy(principal=Principal(direct_remote_ip=block))), Stream(Connection("10.0.0.1", 80)))


def test_a_request_is_refused_with_403_and_gets_no_further() -> None:
    found = asked(HttpRbac(rules=deny(a=policy())), HttpRbac(rules=allow()))
    assert found.outcomes == (Answered(1.0, 403, "RBAC: denied by DENY policy a"),)
    (route,) = found.routes
    assert route.checks == (Check("rbac-0", "DENY: policy a applies", "a"),)


def test_a_request_that_is_let_through_says_by_whom() -> None:
    found = asked(HttpRbac(rules=deny(a=policy(of_path("/y")))), HttpRbac(rules=allow(b=policy())))
    (outcome,), (route,) = found.outcomes, found.routes
    assert isinstance(outcome, Forwarded)
    passed = PassedPolicy("a", 'asks that path is "/y", but path is /x')
    assert route.checks == (
        Check("rbac-0", "DENY: no policy applies", "", (passed,)),
        Check("rbac-1", "ALLOW: policy b applies", "b"),
    )


def test_shadow_rules_only_note() -> None:
    found = asked(HttpRbac(shadow_rules=deny(a=policy()), shadow_rules_stat_prefix="dry_"))
    (outcome,), (route,) = found.outcomes, found.routes
    assert isinstance(outcome, Forwarded)
    assert route.checks == (Check("rbac-0", "shadow rules dry_, DENY: policy a applies", "a"),)


def test_what_no_route_is_for_is_refused_all_the_same() -> None:
    elsewhere = Route(match=RouteMatch(prefix="/other"), route=RouteAction(cluster="a"))
    found = asked(HttpRbac(rules=deny(a=policy())), route=elsewhere)
    assert found.outcomes == (Answered(1.0, 403, "RBAC: denied by DENY policy a"),)
    assert [check.policy for check in found.checks] == ["a"]
    assert asked(HttpRbac(rules=deny()), route=elsewhere).outcomes == (Answered(1.0, 404, "no route matches"),)


def test_a_route_may_have_rules_of_its_own_or_none() -> None:
    chain = HttpRbac(rules=deny(a=policy()))
    for own, policies in ((RbacPerRoute(rbac=HttpRbac(rules=allow(b=policy()))), ["b"]), (RbacPerRoute(), [])):
        route = Route(match=RouteMatch(prefix="/"), route=RouteAction(cluster="a"))
        route.typed_per_filter_config = {"rbac-0": pack_any(own)}
        (step,) = asked(chain, route=route).routes
        assert [check.policy for check in step.checks] == policies


def test_a_connection_is_closed() -> None:
    stage = NetworkRbac(rules=deny(a=policy(Permission(destination_port=80))), stat_prefix="rbac")
    chain = FilterChain(filters=[Filter(name="rbac", typed_config=pack_any(stage))])
    ends, (check,) = connected(chain, Stream(Connection("10.0.0.1", 80)))
    assert ends == (Ended(1.0, "RBAC: denied by DENY policy a"),)
    assert check.policy == "a"
    assert connected(chain, Stream(Connection("10.0.0.1", 81)))[0] == ()


def test_a_connection_has_no_request_to_look_at() -> None:
    header = Permission(header=HeaderMatcher(name="x-a", present_match=True))
    for permission in (header, of_path("/")):
        found = judged(allow(a=policy(permission)), Stream(Connection("10.0.0.1", 80)))
        assert found.passed_over[0].reason.endswith("but there is no request to look at")
