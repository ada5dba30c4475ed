"""How traffic is parted among endpoints."""

from __future__ import annotations

import pytest
from envoy_data_plane.envoy.config.core.v3 import Address, HealthStatus, Locality, Pipe, SocketAddress
from envoy_data_plane.envoy.config.endpoint.v3 import ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints

from xds.explain.shares import Balancing, address_of, endpoint_shares

UP, DOWN = HealthStatus.HEALTHY, HealthStatus.UNHEALTHY


def endpoint(number: int, health: HealthStatus = UP, weight: int | None = None) -> LbEndpoint:
    address = Address(socket_address=SocketAddress(address=f"10.0.0.{number}", port_value=80))
    return LbEndpoint(endpoint=Endpoint(address=address), health_status=health, load_balancing_weight=weight)


def group(*endpoints: LbEndpoint, priority: int = 0, weight: int | None = None) -> LocalityLbEndpoints:
    return LocalityLbEndpoints(
        locality=Locality(region=f"r{priority}"),
        lb_endpoints=list(endpoints),
        priority=priority,
        load_balancing_weight=weight,
    )


def shares(*groups: LocalityLbEndpoints, by_locality: bool = False, panic: float = 50.0) -> list[float]:
    found = endpoint_shares(ClusterLoadAssignment(endpoints=list(groups)), Balancing(by_locality, panic))
    return [round(each.share, 4) for each in found]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (shares(), []),
        (shares(group(endpoint(1), endpoint(2))), [0.5, 0.5]),
        (shares(group(endpoint(1, weight=3), endpoint(2))), [0.75, 0.25]),
        (shares(group(endpoint(1), endpoint(2, DOWN), endpoint(3))), [0.5, 0.0, 0.5]),
        (shares(group(endpoint(1), weight=9), group(endpoint(2), endpoint(3), weight=1)), [0.3333] * 3),
        (
            shares(group(endpoint(1), weight=9), group(endpoint(2), endpoint(3), weight=1), by_locality=True),
            [0.9, 0.05, 0.05],
        ),
        (shares(group(endpoint(1)), group(endpoint(2), priority=1)), [1.0, 0.0]),
        (shares(group(endpoint(1), endpoint(2, DOWN)), group(endpoint(3), priority=1)), [0.7, 0.0, 0.3]),
        (shares(group(endpoint(1, DOWN)), group(endpoint(2), priority=1)), [0.0, 1.0]),
        (shares(group(endpoint(1, DOWN), endpoint(2, DOWN))), [0.5, 0.5]),
        (shares(group(endpoint(1, DOWN), endpoint(2, DOWN)), panic=0), [0.0, 0.0]),
        (shares(group(endpoint(1), endpoint(2, DOWN), endpoint(3, DOWN))), [0.3333] * 3),
        (shares(group(endpoint(1), endpoint(2, DOWN), endpoint(3, DOWN)), panic=0), [1.0, 0.0, 0.0]),
    ],
    ids=[
        "none",
        "equal",
        "weights",
        "an unhealthy one",
        "localities that do not count",
        "localities by weight",
        "priorities",
        "a priority that cannot take all",
        "a priority that is gone",
        "panic",
        "no panic, none left",
        "too few",
        "few, but no panic",
    ],
)
def test_shares(found: list[float], expected: list[float]) -> None:
    assert found == expected


def test_addresses_in_all_forms() -> None:
    six = Address(socket_address=SocketAddress(address="::1", port_value=80))
    pipe = Address(pipe=Pipe(path="/run/x"))

    assert address_of(endpoint(1)) == "10.0.0.1:80"
    assert address_of(LbEndpoint(endpoint=Endpoint(address=six))) == "[::1]:80"
    assert address_of(LbEndpoint(endpoint=Endpoint(address=pipe))) == "/run/x"
    assert address_of(LbEndpoint(endpoint_name="named")) == "named"


def test_what_is_special_is_remarked() -> None:
    found = endpoint_shares(ClusterLoadAssignment(endpoints=[group(endpoint(1, DOWN), priority=1)]), Balancing())

    assert [each.remark for each in found] == ["r1, priority 1, unhealthy"]
