"""Where the parts of a resource come from is kept beside its bytes, in the order of the parts."""

from __future__ import annotations

from envoy_data_plane.envoy.config.listener.v3 import FilterChain, Listener
from envoy_data_plane.envoy.config.route.v3 import VirtualHost

from tests.pipeline.test_assemble import RULE, compiled, host_part, only, route, routes_of
from xds.pipeline import FilterChainPart, ListenerPart, RoutePart, patch
from xds.resources import LISTENER, NO_SOURCES, ROUTE, PartSources, Source
from xds.wire.encode import encode

PLACE = Source(RULE.object, ("spec", "http", 0))


def test_routes_know_their_rules_and_matches() -> None:
    body = encode(route(200))
    host = host_part("a", RoutePart(body, RULE, 2), RoutePart(body, RULE), RoutePart(body))
    resource = only(compiled(routes_of(host, host_part("b"))), ROUTE)

    match = Source(RULE.object, ("spec", "http", 0, "match", 2))
    assert [(part.origins, part.rules) for part in resource.parts] == [
        ((RULE.object,), (match, PLACE, None)),
        ((RULE.object,), ()),
    ]


def test_of_a_patched_virtual_host_the_objects_are_known_and_the_rules_are_not() -> None:
    def drop(host: VirtualHost) -> VirtualHost:
        return VirtualHost(name=host.name, domains=host.domains)

    host = host_part("a", RoutePart(encode(route(200)), RULE))
    resource = only(compiled(routes_of(host), patch(VirtualHost, "a", drop)), ROUTE)

    assert [(part.origins, part.rules) for part in resource.parts] == [((RULE.object,), ())]


def test_filter_chains_know_theirs_the_default_one_last() -> None:
    def chain(name: str, sources: PartSources = NO_SOURCES) -> FilterChainPart:
        return FilterChainPart(encode(FilterChain(name=name)), sources=sources)

    one, other = PartSources.of_rules(PLACE), PartSources((RULE.object,))
    part = ListenerPart("l", encode(Listener(name="l")), (chain("a", one), chain("b")), chain("c", other))

    assert only(compiled(part), LISTENER).parts == (one, NO_SOURCES, other)
