"""Who is asked, and when: what is answered is not known, so that both outcomes are told."""

from __future__ import annotations

from envoy_data_plane.envoy.config.core.v3 import GrpcService, GrpcServiceEnvoyGrpc, HttpUri
from envoy_data_plane.envoy.config.listener.v3 import Filter, FilterChain
from envoy_data_plane.envoy.config.rbac.v3 import Permission, Policy, Principal, Rbac, RbacAction
from envoy_data_plane.envoy.config.route.v3 import Route, RouteAction, RouteMatch
from envoy_data_plane.envoy.extensions.filters.http.ext_authz.v3 import ExtAuthz, ExtAuthzPerRoute, HttpService
from envoy_data_plane.envoy.extensions.filters.http.rbac.v3 import Rbac as HttpRbac
from envoy_data_plane.envoy.extensions.filters.network.ext_authz.v3 import ExtAuthz as NetworkExtAuthz
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter
from envoy_data_plane.envoy.type.matcher.v3 import (
    MetadataMatcher,
    MetadataMatcherPathSegment,
    PathMatcher,
    StringMatcher,
    ValueMatcher,
)

from tests.explain import kit
from xds.explain import Answered, Connection, Ended, Explanation, Forwarded
from xds.explain.access.rbac_filters import HTTP_NOTES
from xds.explain.network import connected
from xds.explain.stream import Stream
from xds.wire.encode import pack_any

SERVICE = GrpcService(envoy_grpc=GrpcServiceEnvoyGrpc(cluster_name="checker"))
IF_NOTED = MetadataMatcher(
    filter=HTTP_NOTES,
    path=[MetadataMatcherPathSegment(key="check_shadow_effective_policy_id")],
    value=ValueMatcher(string_match=StringMatcher(prefix="ask")),
)


def asked(config: ExtAuthz, path: str = "/", *, disabled: bool = False) -> Explanation:
    """Behind shadow rules that note whether the path is /ask."""
    permission = Permission(url_path=PathMatcher(path=StringMatcher(exact="/ask")))
    policy = Policy(permissions=[permission], principals=[Principal(any=True)])
    shadow = HttpRbac(
        shadow_rules=Rbac(action=RbacAction.DENY, policies={"ask-0": policy}), shadow_rules_stat_prefix="check_"
    )
    filters = [
        HttpFilter(name="rbac", typed_config=pack_any(shadow)),
        HttpFilter(name="check", typed_config=pack_any(config)),
    ]
    route = Route(match=RouteMatch(prefix="/"), route=RouteAction(cluster="a"))
    if disabled:
        route.typed_per_filter_config = {"check": pack_any(ExtAuthzPerRoute(disabled=True))}
    return kit.asked(kit.snapshot(kit.manager(kit.routes(route), *filters), kit.clusters("a")), path)


def told(found: Explanation) -> list[tuple[str, int | str]]:
    """The condition of each outcome, and what it is."""
    return [
        (outcome.condition, outcome.status) if isinstance(outcome, Answered) else ("", type(outcome).__name__)
        for outcome in found.outcomes
    ]


def test_all_that_may_come_of_it_is_told() -> None:
    refused, failed = ("checker refuses", 403), ("checker cannot be asked", 403)
    found = asked(ExtAuthz(grpc_service=SERVICE))
    assert told(found) == [refused, failed, ("", "Forwarded")]
    assert found.routes[0].checks[-1].text == "asks checker, whose answer decides"
    assert [outcome.share for outcome in found.outcomes] == [1.0, 1.0, 1.0]
    open_ = ExtAuthz(http_service=HttpService(server_uri=HttpUri(uri="a", cluster="checker")), failure_mode_allow=True)
    assert told(asked(open_)) == [refused, ("", "Forwarded")]


def test_only_what_a_policy_is_for_is_asked_about() -> None:
    config = ExtAuthz(grpc_service=SERVICE, filter_enabled_metadata=IF_NOTED)
    assert len(asked(config, "/ask").outcomes) == 3
    found = asked(config, "/other")
    (outcome,) = found.outcomes
    assert isinstance(outcome, Forwarded)
    assert found.routes[0].checks[-1].text.startswith("asks nobody, as no policy of it applies")


def test_a_route_may_be_excepted() -> None:
    (outcome,) = asked(ExtAuthz(grpc_service=SERVICE), disabled=True).outcomes
    assert isinstance(outcome, Forwarded)


def test_of_connections() -> None:
    config = NetworkExtAuthz(stat_prefix="check", grpc_service=SERVICE, failure_mode_allow=True)
    chain = FilterChain(filters=[Filter(name="check", typed_config=pack_any(config))])
    ends, (check,) = connected(chain, Stream(Connection("10.0.0.1", 80)))
    assert ends == (Ended(1.0, "refused by checker", "checker refuses"),)
    assert check.text == "asks checker, whose answer decides"
