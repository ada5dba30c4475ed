"""Every route and TCP chain of a large configuration knows where it comes from, as its own metadata says too.

The metadata names the VirtualService that has the host, the source the one in which the rule is written, which
may be a delegate of that one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from envoy_data_plane.envoy.config.listener.v3 import Listener
from envoy_data_plane.envoy.config.route.v3 import Route, RouteConfiguration

import translators
from translators.names import BLACK_HOLE_CLUSTER, PASSTHROUGH_CLUSTER
from xds.app.offline import Offline, proxy_of
from xds.app.proxy_spec import ProxySpec
from xds.model.settings import MeshSettings
from xds.resources import LISTENER, ROUTE, Snapshot, Source

DELEGATES = {"cart": "delegating", "rest": "delegating"}
"""By the name of a delegate in the configuration, the VirtualService that leaves rules to it."""

CONFIG = Path(__file__).parents[2] / "e2e" / "capture" / "config"


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    offline = Offline(MeshSettings(), translators.DEFAULT)
    offline.read([CONFIG])
    proxy = ProxySpec("client", "default", "10.77.0.10", labels={"app": "client"})
    return offline.store.compile(proxy_of(proxy, offline.store.mesh)).snapshot


def pairs(snapshot: Snapshot) -> Iterator[tuple[Route, Source | None]]:
    for resource in snapshot[ROUTE]:
        hosts = RouteConfiguration.parse(resource.body).virtual_hosts
        for host, part in zip(hosts, resource.parts, strict=True):
            yield from zip(host.routes, part.rules, strict=True)


def config_of(route: Route) -> str:
    """The ``istio.config`` of a route; empty if it has none."""
    if route.metadata is None:
        return ""
    return route.metadata.filter_metadata["istio"].fields["config"].string_value or ""


def test_a_route_has_a_rule_if_it_has_metadata_and_of_the_same_object(snapshot: Snapshot) -> None:
    found = list(pairs(snapshot))

    assert len([source for _, source in found if source is not None]) > 20
    for route, source in found:
        name = source.object.name if source is not None else ""
        assert config_of(route).rpartition("/")[2] == DELEGATES.get(name, name)
        assert bool(config_of(route)) is (source is not None)


def test_a_chain_that_leads_to_a_service_knows_an_object(snapshot: Snapshot) -> None:
    for resource in snapshot[LISTENER]:
        listener = Listener.parse(resource.body)
        chains = [*listener.filter_chains, *filter(None, (listener.default_filter_chain,))]
        for chain, part in zip(chains, resource.parts, strict=True):
            config = chain.filters[-1].typed_config
            assert config is not None
            nowhere = any(name.encode() in config.value for name in (PASSTHROUGH_CLUSTER, BLACK_HOLE_CLUSTER))
            outbound = b"outbound|" in config.value and config.type_url.endswith("TcpProxy")
            inbound = b"inbound|" in config.value
            assert bool(part.origins) is ((outbound or inbound) and not nowhere)
