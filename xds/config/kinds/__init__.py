"""The kinds of objects that take effect, one in each file; see `xds.config.kinds.kind` for their contract.

A new kind is a file with a ``KIND`` and a line in `KINDS`. What it is parsed into must be a
`xds.config.objects.ConfigObject`, which `xds.config.build` folds into the Mesh.
"""

from __future__ import annotations

from typing import Final

from xds.config.kinds import (
    authorization_policy,
    config_map,
    destination_rule,
    endpoint_slice,
    endpoints,
    envoy_filter,
    gateway,
    peer_authentication,
    pod,
    proxy_config,
    request_authentication,
    secret,
    service,
    service_entry,
    sidecar,
    traffic_extension,
    virtual_service,
    wasm_plugin,
    workload_entry,
    workload_group,
)
from xds.config.kinds.kind import Kind
from xds.config.objects import ConfigObject

KINDS: Final[tuple[Kind[ConfigObject], ...]] = (
    authorization_policy.KIND,
    config_map.KIND,
    destination_rule.KIND,
    endpoint_slice.KIND,
    endpoints.KIND,
    envoy_filter.KIND,
    gateway.KIND,
    peer_authentication.KIND,
    pod.KIND,
    proxy_config.KIND,
    request_authentication.KIND,
    secret.KIND,
    service.KIND,
    service_entry.KIND,
    sidecar.KIND,
    traffic_extension.KIND,
    virtual_service.KIND,
    wasm_plugin.KIND,
    workload_entry.KIND,
    workload_group.KIND,
)
