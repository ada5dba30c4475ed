"""Automatic addresses: deterministic, stable, and only for hosts that are to have them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from xds.model.labels import Labels
from xds.model.mesh import EMPTY_MESH
from xds.model.objects import ObjectKey, ObjectMeta, Origin
from xds.model.proxy import Proxy, ProxyType
from xds.model.services import Protocol, Resolution, Service, ServicePort
from xds.pipeline import Memo, automatic_addresses, view_key, view_of

FORBIDDING = Labels({"networking.istio.io/enable-autoallocate-ip": "False"})
SAME = ("host-111.example.com", "host-598.example.com")
"""Two names that come out at the same place."""


def entry(hostname: str, *, created: float = 0, labels: Labels | None = None, kind: str = "ServiceEntry") -> Service:
    key = ObjectKey(kind, "default", hostname)
    meta = ObjectMeta(key, Origin("mesh.yaml", 1), created=created, labels=labels or Labels())
    return Service(hostname, meta, (ServicePort(5432, "tcp", Protocol.TCP),), resolution=Resolution.DNS)


def test_addresses_are_of_istios_ranges_and_follow_from_the_name() -> None:
    found = automatic_addresses((entry("a.example.com"),))
    assert found == {"a.example.com": ("240.240.118.224", "2001:2::f0f0:76e0")}


def test_no_two_hosts_share_an_address_and_none_looks_like_a_network() -> None:
    found = automatic_addresses(tuple(entry(f"host-{number}.example.com") for number in range(2000)))
    addresses = [ip_address(address) for pair in found.values() for address in pair]
    assert len(set(addresses)) == 4000
    for address in addresses:
        assert address in ip_network("240.240.0.0/16" if address.version == 4 else "2001:2::/48")
        assert int(address) & 0xFF not in (0, 255)


def test_a_host_keeps_its_address_when_younger_ones_come() -> None:
    few = tuple(entry(f"host-{number}.example.com", created=1) for number in range(0, 2000, 2))
    more = tuple(entry(f"host-{number}.example.com", created=2) for number in range(1, 2000, 2))
    before, after = automatic_addresses(few), automatic_addresses(few[::-1] + more)
    assert {host: after[host] for host in before} == before


@pytest.mark.parametrize("taken", [0, 1])
def test_of_two_names_for_one_address_the_older_object_has_it(taken: int) -> None:
    first = automatic_addresses((entry(SAME[taken]),))
    both = automatic_addresses((entry(SAME[taken], created=1), entry(SAME[1 - taken], created=2)))
    assert automatic_addresses((entry(SAME[1 - taken]),))[SAME[1 - taken]] == first[SAME[taken]]
    assert both[SAME[taken]] == first[SAME[taken]] != both[SAME[1 - taken]]


@pytest.mark.parametrize(
    "service",
    [
        entry("*.example.com"),
        entry("a.example.com", labels=FORBIDDING),
        entry("a.default.svc.cluster.local", kind="Service"),
        replace(entry("a.example.com"), addresses=("10.0.0.1",)),
        replace(entry("a.example.com"), resolution=Resolution.NONE),
    ],
    ids=["wildcard", "forbidden", "Service", "has one", "no resolution"],
)
def test_who_has_none(service: Service) -> None:
    assert automatic_addresses((service,)) == {}


def test_what_is_assigned_holds_and_is_nobody_elses() -> None:
    (natural,) = automatic_addresses((entry("a.example.com"),)).values()
    holder = replace(entry("b.example.com"), assigned=(natural[0],))
    found = automatic_addresses((entry("a.example.com"), holder))
    assert found["b.example.com"] == (natural[0],)
    assert set(found["a.example.com"]).isdisjoint(natural)


@pytest.mark.parametrize(
    ("ips", "captures", "addresses"),
    [
        (("10.0.0.1",), True, ("240.240.118.224",)),
        (("2001:db8::1",), True, ("2001:2::f0f0:76e0",)),
        (("10.0.0.1", "2001:db8::1"), True, ("240.240.118.224", "2001:2::f0f0:76e0")),
        (("10.0.0.1",), False, ()),
    ],
)
def test_a_proxy_sees_them_if_its_workload_can_resolve_them(
    ips: tuple[str, ...], captures: bool, addresses: tuple[str, ...]
) -> None:
    proxy = Proxy("id", ProxyType.SIDECAR, "client", "default", ips, "default.svc.cluster.local", dns_capture=captures)
    mesh, memo = replace(EMPTY_MESH, services=(entry("a.example.com"),)), Memo()
    first, again = (view_of(mesh, view_key(mesh, proxy, memo), memo) for _ in range(2))
    assert first.services[0].service.addresses == addresses
    assert first.services[0].service is again.services[0].service
