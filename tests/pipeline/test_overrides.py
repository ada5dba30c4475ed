"""Proxies whose workloads say something of them."""

from __future__ import annotations

from dataclasses import replace

from tests.pipeline.test_view import mesh, meta, proxy
from xds.model.labels import Labels
from xds.model.proxy_settings import ProxyDefaults, ProxyOverride
from xds.model.services import Workload
from xds.model.settings import MeshSettings
from xds.pipeline import Memo, view_key, view_of

OWN = ProxyOverride(frozenset({"trusted_proxies"}), values=ProxyDefaults(trusted_proxies=3))


def workload(address: str, override: ProxyOverride | None) -> Workload:
    return Workload(meta("Pod", address.replace(".", "-")), address, Labels(), proxy=override)


def test_a_proxy_has_the_settings_of_its_workload_and_others_those_of_the_mesh() -> None:
    memo, settings = Memo(), MeshSettings(proxy=ProxyDefaults(service_cluster="a"))
    ours = mesh(
        settings=settings,
        workloads={
            "10.0.0.1": workload("10.0.0.1", OWN),
            "10.0.0.2": workload("10.0.0.2", replace(OWN)),
            "10.0.0.3": workload("10.0.0.3", None),
        },
    )
    keys = [view_key(ours, proxy(ip_addresses=(f"10.0.0.{n}",)), memo) for n in (1, 2, 3, 4)]
    assert keys[0] == keys[1] != keys[2] == keys[3]
    views = [view_of(ours, key, memo) for key in keys]
    assert views[0].settings is views[1].settings
    assert views[0].settings.proxy == ProxyDefaults(service_cluster="a", trusted_proxies=3)
    assert views[0].digest != views[2].digest
    assert views[2].settings is settings
