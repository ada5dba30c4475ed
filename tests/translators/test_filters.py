"""HTTP filters: which chains have them, and what rules make of them."""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.extensions.filters.http.cors.v3 import CorsPolicy as EnvoyCorsPolicy
from envoy_data_plane.envoy.extensions.filters.http.fault.v3 import HttpFault

from tests.translators import kit, static
from translators.filters import cors, fault
from xds.model.gateways import Gateway, HostSelector, Port, Server
from xds.model.labels import Labels
from xds.model.mesh import Mesh
from xds.model.proxy import Proxy
from xds.model.routing import (
    CorsPolicy,
    Destination,
    FaultAbort,
    FaultDelay,
    HTTPFaultInjection,
    HTTPMatchRequest,
    HTTPRoute,
    HTTPRouteDestination,
    MatchKind,
    StringMatch,
    VirtualService,
)
from xds.model.services import Protocol, ServiceInstance

RATINGS = kit.service("ratings")
CORS, FAULT, ROUTER = ("envoy.filters.http.cors", "envoy.filters.http.fault", "envoy.filters.http.router")
TO_RATINGS = (HTTPRouteDestination(Destination(RATINGS.hostname)),)


def mesh(*rules: HTTPRoute) -> Mesh:
    virtual_service = VirtualService(kit.meta("VirtualService", "ratings"), (RATINGS.hostname,), http=rules)
    server = Server(Port(80, Protocol.HTTP), (HostSelector("*", "*"),), kit.ORIGIN)
    return kit.mesh(
        [RATINGS],
        virtual_services=[virtual_service] if rules else [],
        gateways=[Gateway(kit.meta("Gateway", "gw"), Labels(), (server,))],
        instances={"10.9.9.9": (ServiceInstance(RATINGS.key, RATINGS.ports[0], 8080),)},
    )


def names(listener: str, chain: int = 0, proxy: Proxy = kit.SIDECAR) -> list[str]:
    manager = static.connection_manager(static.listeners_of(mesh(), proxy)[listener].filter_chains[chain])
    return [http_filter.name for http_filter in manager.http_filters]


def test_every_chain_ends_with_the_router() -> None:
    assert names("0.0.0.0_80") == [CORS, FAULT, ROUTER]
    assert names("0.0.0.0_80", proxy=kit.GATEWAY) == [CORS, FAULT, ROUTER]


def test_faults_are_injected_on_the_side_of_the_client() -> None:
    assert names("virtualInbound", chain=1) == [CORS, ROUTER]


def test_a_fault_is_for_the_routes_of_its_rule() -> None:
    injection = HTTPFaultInjection(FaultDelay(timedelta(seconds=7), 50.0), FaultAbort(http_status=500, percentage=0.1))
    jason = HTTPMatchRequest(headers={"end-user": StringMatch(MatchKind.EXACT, "jason")})
    first, second = static.routes_of(
        mesh(
            HTTPRoute(0, kit.ORIGIN, match=(jason,), route=TO_RATINGS, fault=injection),
            HTTPRoute(1, kit.ORIGIN, route=TO_RATINGS),
        ),
        f"{RATINGS.hostname}:80",
    )
    config = HttpFault.parse(first.typed_per_filter_config[FAULT].value)
    assert config.delay is not None
    assert config.delay.percentage is not None
    assert (config.delay.fixed_delay, config.delay.percentage.numerator) == (timedelta(seconds=7), 500_000)
    assert config.abort is not None
    assert config.abort.percentage is not None
    assert (config.abort.http_status, config.abort.percentage.numerator) == (500, 1_000)
    assert second.typed_per_filter_config == {}


def test_an_abort_by_grpc_status() -> None:
    config = fault.rule_config(
        HTTPRoute(0, kit.ORIGIN, fault=HTTPFaultInjection(abort=FaultAbort(grpc_status=14, percentage=100)))
    )
    assert config is not None
    assert config.abort is not None
    assert (config.abort.grpc_status, config.abort.http_status, config.delay) == (14, None, None)


def test_a_cors_policy() -> None:
    policy = CorsPolicy(
        allow_origins=(StringMatch(MatchKind.EXACT, "https://a.example.com"), StringMatch(MatchKind.REGEX, ".*")),
        allow_methods=("GET", "PUT"),
        allow_headers=("x-a", "x-b"),
        expose_headers=("x-c",),
        max_age=timedelta(hours=24),
        allow_credentials=True,
    )
    (route,) = static.routes_of(
        mesh(HTTPRoute(0, kit.ORIGIN, route=TO_RATINGS, cors_policy=policy)), f"{RATINGS.hostname}:80"
    )
    found = EnvoyCorsPolicy.parse(route.typed_per_filter_config[CORS].value)
    exact, regex = found.allow_origin_string_match
    assert exact.exact == "https://a.example.com"
    assert regex.safe_regex is not None
    assert (found.allow_methods, found.allow_headers, found.expose_headers) == ("GET,PUT", "x-a,x-b", "x-c")
    assert (found.max_age, found.allow_credentials) == ("86400", True)


def test_a_rule_that_asks_for_nothing_has_no_configuration() -> None:
    rule = HTTPRoute(0, kit.ORIGIN, route=TO_RATINGS)
    assert fault.rule_config(rule) is None
    assert cors.rule_config(rule) is None
