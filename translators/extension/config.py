"""The configuration of an extension's filter."""

from __future__ import annotations

from typing import Final

import betterproto2
from envoy_data_plane.envoy.config.core.v3 import AsyncDataSource, DataSource
from envoy_data_plane.envoy.extensions.filters.http.lua.v3 import Lua as EnvoyLua
from envoy_data_plane.envoy.extensions.filters.http.wasm.v3 import Wasm as HttpWasm
from envoy_data_plane.envoy.extensions.filters.network.wasm.v3 import Wasm as NetworkWasm
from envoy_data_plane.envoy.extensions.wasm.v3 import (
    EnvironmentVariables,
    FailurePolicy,
    PluginConfig,
    VmConfig,
)
from envoy_data_plane.google.protobuf import StringValue

from xds.model.extensions import FailStrategy, Lua, Module, ProxyExtension, Wasm
from xds.wire.encode import pack_any

_POLICIES: Final = {
    FailStrategy.FAIL_CLOSE: FailurePolicy.FAIL_CLOSED,
    FailStrategy.FAIL_OPEN: FailurePolicy.FAIL_OPEN,
    FailStrategy.FAIL_RELOAD: FailurePolicy.FAIL_RELOAD,
}
_RUNTIME: Final = "envoy.wasm.runtime.v8"


def http_config(name: str, of: ProxyExtension) -> betterproto2.Message | None:
    """What the HTTP filter ``name`` runs; None if its module cannot be had."""
    action = of.extension.action
    if isinstance(action, Lua):
        return EnvoyLua(default_source_code=DataSource(inline_string=action.code))
    return HttpWasm(config=_plugin_config(name, action, of.module)) if isinstance(of.module, Module) else None


def network_config(name: str, of: ProxyExtension) -> betterproto2.Message | None:
    """What the network filter ``name`` runs; None if its module cannot be had."""
    action = of.extension.action
    if not isinstance(action, Wasm) or not isinstance(of.module, Module):
        return None
    return NetworkWasm(config=_plugin_config(name, action, of.module))


def _plugin_config(name: str, wasm: Wasm, module: Module) -> PluginConfig:
    """A plugin with its module. As in Istio its configuration is one string."""
    return PluginConfig(
        name=name,
        root_id=wasm.name,
        failure_policy=_POLICIES[wasm.fail_strategy],
        configuration=pack_any(StringValue(value=wasm.config)) if wasm.config else None,
        vm_config=VmConfig(
            runtime=_RUNTIME,
            code=AsyncDataSource(local=DataSource(inline_bytes=module.code)),
            environment_variables=_environment(wasm),
        ),
    )


def _environment(wasm: Wasm) -> EnvironmentVariables | None:
    if not wasm.env and not wasm.host_env:
        return None
    return EnvironmentVariables(host_env_keys=list(wasm.host_env), key_values=dict(sorted(wasm.env.items())))
