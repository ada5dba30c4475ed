"""Addresses for hosts that have none, so that connections to them are told apart by where they go.

Istio's ranges: 240.240.0.0/16, which no network uses, and its like in 2001:2::/48. An address follows from the name of
the host; where two names would have the same, the younger object's takes the next that is free. So every replica and
every start gives the same addresses, and a host keeps its own when others come and go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from ipaddress import ip_address
from itertools import count, islice
from typing import Final

from xds.model.hosts import is_wildcard
from xds.model.proxy import IpVersions
from xds.model.services import Resolution, Service
from xds.pipeline.memo import Memo

_ENABLED: Final = "networking.istio.io/enable-autoallocate-ip"
_LAST_OCTETS: Final = 254
"""1 to 254: 0 and 255 look like a network and a broadcast address."""

_SIZE: Final = 256 * _LAST_OCTETS


def automatic_addresses(services: tuple[Service, ...]) -> Mapping[str, tuple[str, ...]]:
    """By host name, an IPv4 and an IPv6 address for every ServiceEntry's host that is to have them.

    Istio: it has no address, is no wildcard, its traffic does not go where it was dialled, and its object has no label
    that forbids it. What is written in the object's status holds.
    """
    wanted = sorted(filter(_is_wanted, services), key=lambda service: (service.meta.age_order, service.hostname))
    found = {service.hostname: service.assigned for service in reversed(wanted) if service.assigned}
    taken = {address for addresses in found.values() for address in addresses}
    for service in wanted:
        if service.hostname not in found:
            free = next((each for each in _candidates(service.hostname) if taken.isdisjoint(each)), ())
            found[service.hostname] = free
            taken.update(free)
    return found


def _is_wanted(service: Service) -> bool:
    return (
        service.meta.key.kind == "ServiceEntry"
        and not service.addresses
        and service.resolution is not Resolution.NONE
        and not is_wildcard(service.hostname)
        and service.meta.labels.get(_ENABLED, "").lower() != "false"
    )


def _candidates(hostname: str) -> Iterator[tuple[str, str]]:
    """Every pair of addresses there is, that of the name first."""
    start = int.from_bytes(hashlib.blake2b(hostname.encode(), digest_size=8).digest())
    for number in islice(count(start), _SIZE):
        third, fourth = divmod(number % _SIZE, _LAST_OCTETS)
        yield f"240.240.{third}.{fourth + 1}", f"2001:2::f0f0:{third << 8 | fourth + 1:x}"


def with_automatic_addresses(
    services: tuple[Service, ...], addresses: Mapping[str, tuple[str, ...]], versions: IpVersions, memo: Memo
) -> tuple[Service, ...]:
    """``services``, those without an address with what ``addresses`` has for them, of these IP versions."""
    return tuple(
        memo(_with_addresses, service, *of_versions(addresses[service.hostname], versions))
        if not service.addresses and service.hostname in addresses
        else service
        for service in services
    )


def of_versions(addresses: Iterable[str], versions: IpVersions) -> Iterator[str]:
    """Those of the addresses that have one of the versions."""
    return (address for address in addresses if ip_address(address).version in versions.value)


def _with_addresses(service: Service, *addresses: str) -> Service:
    return replace(service, addresses=addresses)
