"""Who could be overheard: what comes in plain text from another machine."""

from __future__ import annotations

import pytest

from xds.model.proxy import Proxy, ProxyType
from xds.server.exposure import address_of, as_reached

PROXY = Proxy("id", ProxyType.ROUTER, "front", "default", ("10.0.0.1",), "default.svc.cluster.local")


@pytest.mark.parametrize(
    ("peer", "overheard"),
    [
        ("ipv4:127.0.0.1:4711", False),
        ("ipv4:127.20.3.4:4711", False),
        ("ipv6:%5B::1%5D:4711", False),
        ("ipv6:[::1]:4711", False),
        ("ipv6:%5B::ffff:127.0.0.1%5D:4711", False),
        ("unix:/run/xds", False),
        ("unix:", False),
        ("ipv4:10.0.0.5:4711", True),
        ("ipv6:%5Bfe80::1%25eth0%5D:4711", True),
        ("ipv6:%5B::ffff:10.0.0.5%5D:4711", True),
        ("something else", True),
        ("", True),
    ],
)
def test_only_this_machine_is_not_overheard(peer: str, overheard: bool) -> None:
    assert as_reached(PROXY, address_of(peer)).overheard is overheard
