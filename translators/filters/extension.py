"""WasmPlugin and TrafficExtension: a filter for each in the chain, which refers to its configuration by name (ECDS).

So what an extension runs can change without a change of any listener, which would close connections.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain
from typing import Final

from envoy_data_plane.envoy.config.listener.v3 import Filter
from envoy_data_plane.envoy.extensions.filters.http.fault.v3 import HttpFault
from envoy_data_plane.envoy.extensions.filters.http.lua.v3 import Lua as EnvoyLua
from envoy_data_plane.envoy.extensions.filters.http.rbac.v3 import Rbac
from envoy_data_plane.envoy.extensions.filters.http.wasm.v3 import Wasm as HttpWasm
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter
from envoy_data_plane.envoy.extensions.filters.network.rbac.v3 import Rbac as NetworkRbac
from envoy_data_plane.envoy.extensions.filters.network.wasm.v3 import Wasm as NetworkWasm

from translators.extension.config import http_config, network_config
from translators.extension.discovery import discovery
from translators.extension.resource import extension_resource
from translators.extension.substitute import http_substitute, network_substitute
from translators.names import extension_config
from xds.model.extensions import Extension, PluginPhase, PluginType, ProxyExtension, TrafficSelector, Wasm, WorkloadMode
from xds.model.view import ProxyView
from xds.pipeline.contribution import (
    Contribution,
    Direction,
    FilterPart,
    HttpFilterPart,
    NetworkFilterPart,
    Phase,
    Resources,
)
from xds.pipeline.memo import Memo
from xds.wire.encode import encode

_Part = Callable[[frozenset[Direction], frozenset[int] | None], FilterPart]

_PHASES: Final = {
    PluginPhase.AUTHN: Phase.BEFORE_AUTHENTICATION,
    PluginPhase.AUTHZ: Phase.BEFORE_AUTHORIZATION,
    PluginPhase.STATS: Phase.AFTER_AUTHORIZATION,
    PluginPhase.UNSPECIFIED: Phase.EXTENSION,
}
_SIDES: Final = {
    Direction.OUTBOUND: (WorkloadMode.CLIENT, WorkloadMode.CLIENT_AND_SERVER),
    Direction.INBOUND: (WorkloadMode.SERVER, WorkloadMode.CLIENT_AND_SERVER),
    Direction.GATEWAY: (WorkloadMode.CLIENT, WorkloadMode.CLIENT_AND_SERVER),
}


def translate(view: ProxyView, memo: Memo) -> Iterable[Contribution]:
    """The filters of all extensions of the proxy in their order, and what they run.

    Nothing is said of what runs a module that is still being fetched: a proxy that has one already keeps it.
    """
    if not view.extensions:
        return ()
    return memo(_contributions, view.extensions, memo)


def _contributions(extensions: tuple[ProxyExtension, ...], memo: Memo) -> tuple[Contribution, ...]:
    filters = (part for each in extensions for part in memo(_filters, each.extension))
    return (*filters, *(memo(_resource, each) for each in extensions if each.is_known))


def _is_for_requests(extension: Extension) -> bool:
    return not isinstance(extension.action, Wasm) or extension.action.type is PluginType.HTTP


def _filters(extension: Extension) -> tuple[FilterPart, ...]:
    """One for each set of ports, as the sides of a connection may have ports of their own."""
    part = _http_filter(extension) if _is_for_requests(extension) else _network_filter(extension)
    ports = {direction: _ports_on(direction, extension.match) for direction in Direction}
    return tuple(
        part(frozenset(direction for direction, found in ports.items() if found == same), same or None)
        for same in dict.fromkeys(found for found in ports.values() if found is not None)
    )


def _http_filter(extension: Extension) -> _Part:
    source = discovery(http_substitute(extension), EnvoyLua, HttpWasm, Rbac, HttpFault)
    body = encode(HttpFilter(name=extension_config(extension.meta), config_discovery=source))
    return partial(HttpFilterPart, _PHASES[extension.phase], body)


def _network_filter(extension: Extension) -> _Part:
    source = discovery(network_substitute(extension), NetworkWasm, NetworkRbac)
    body = encode(Filter(name=extension_config(extension.meta), config_discovery=source))
    return partial(NetworkFilterPart, _PHASES[extension.phase], body)


def _ports_on(direction: Direction, match: tuple[TrafficSelector, ...]) -> frozenset[int] | None:
    """The ports of one side that any of the selectors is for; empty for all, None for none."""
    if not match:
        return frozenset()
    ports = [selector.ports for selector in match if selector.mode in _SIDES[direction]]
    if not ports:
        return None
    return frozenset(chain.from_iterable(ports)) if all(ports) else frozenset()


def _resource(of: ProxyExtension) -> Resources:
    name = extension_config(of.extension.meta)
    if _is_for_requests(of.extension):
        return extension_resource(of.extension, http_config(name, of), http_substitute(of.extension))
    return extension_resource(of.extension, network_config(name, of), network_substitute(of.extension))
