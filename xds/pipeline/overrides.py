"""What a workload says of its own proxy, over what the mesh says of all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from xds.model.mesh import Mesh
from xds.model.proxy_settings import ProxyOverride
from xds.model.settings import MeshSettings
from xds.model.view import ViewKey
from xds.pipeline.memo import Memo


def override_of(mesh: Mesh, addresses: Iterable[str]) -> ProxyOverride | None:
    """What the workload at these addresses says of its proxy, if it says anything. Equal ones are the same object."""
    for ip in addresses:
        workload = mesh.workloads.get(ip)
        if workload is not None and workload.proxy is not None:
            return _same(workload.proxy)
    return None


def settings_for(settings: MeshSettings, key: ViewKey, memo: Memo) -> MeshSettings:
    """The mesh's settings for a proxy: the same object if neither it nor its workload says anything."""
    if key.from_agent:
        settings = memo(_from_agent, settings)
    return settings if key.override is None else memo(_overridden, settings, key.override)


@lru_cache(maxsize=4096)
def _same(override: ProxyOverride) -> ProxyOverride:
    """So that proxies that are told the same share what is made of the settings, which goes by identity."""
    return override


def _from_agent(settings: MeshSettings) -> MeshSettings:
    return replace(settings, mesh_mtls=replace(settings.mesh_mtls, from_agent=True))


def _overridden(settings: MeshSettings, override: ProxyOverride) -> MeshSettings:
    return replace(settings, proxy=override.over(settings.proxy))
