"""Conversations that went wrong once: what a client brings along, asks for late, or takes in although it rejects it."""

from __future__ import annotations

import pytest

from tests.protocol.model import Client, DeltaClient, SotwClient, resource, snapshot
from xds.protocol import Shared
from xds.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, Reference, Resource


def clusters(*names: str) -> tuple[Resource, ...]:
    return tuple(resource(CLUSTER, name, references=(Reference(ENDPOINT, name),)) for name in names)


def route(name: str, to: str, content: str = "1") -> Resource:
    return resource(ROUTE, name, f"\x01{to}|{content}")


def listener(name: str, content: str = "1") -> Resource:
    return resource(LISTENER, name, content, (Reference(ROUTE, name),))


def converge(client: Client, *resources: Resource) -> None:
    client.publish(snapshot(*resources))
    client.drain()
    client.tick(100.0)
    client.drain()


def test_a_cluster_goes_after_the_routes_that_a_client_brought_along_although_it_asks_for_them_late() -> None:
    client = DeltaClient(Shared())
    client.set_names(ROUTE, {"r"})
    converge(client, *clusters("a", "b"), route("r", to="a"))
    client.connect()
    client.publish(snapshot(*clusters("b"), route("r", to="b")))
    while client.responses:
        client.client_reads()
    assert "a" in client.have[CLUSTER]
    client.drain()
    client.tick(100.0)  # it never asks for listeners
    client.drain()
    assert client.have[CLUSTER].keys() == {"b"}


@pytest.mark.parametrize("kind", [SotwClient, DeltaClient])
def test_what_was_asked_for_late_comes_through_beside_what_is_rejected(kind: type[Client]) -> None:
    client = kind(Shared())
    client.tells_names = False
    client.set_names(ENDPOINT, {"never"})
    converge(client, *clusters("a", "b"), resource(ENDPOINT, "a", "bad"), resource(ENDPOINT, "b"))
    client.set_names(ENDPOINT, {"a", "b"})
    client.drain()
    assert client.have[ENDPOINT].keys() == {"b"}


def test_the_warming_rule_takes_no_route_away_whose_new_version_is_rejected() -> None:
    client = DeltaClient(Shared())
    client.tells_names, client.applies_rest = False, True
    client.set_names(ROUTE, {"a", "b"})
    client.ask_wildcard(LISTENER)
    converge(client, *clusters("a"), route("a", to="a"))
    bad = (route("b", to="a", content="bad"), route("a", to="a", content="bad"))
    client.publish(snapshot(*clusters("a"), listener("a"), listener("b"), listener("c", "bad"), *bad))
    client.connect()
    client.drain()
    assert client.have[ROUTE].keys() == {"a"}


def test_what_a_client_took_in_of_a_rejected_response_goes_although_the_next_is_rejected_too() -> None:
    client = SotwClient(Shared())
    client.tells_names, client.applies_rest = False, True
    client.ask_wildcard(LISTENER)
    converge(client, *clusters("a"), listener("a"))
    client.publish(snapshot(*clusters("a"), listener("a"), listener("b"), listener("c", "bad")))
    client.publish(snapshot(*clusters("a"), listener("a"), listener("b", "bad")))
    client.drain()
    converge(client, *clusters("a"), listener("a"))
    assert client.have[LISTENER].keys() == {"a"}


def test_what_a_client_took_in_and_does_not_list_goes_after_a_reconnect() -> None:
    client = DeltaClient(Shared())
    client.applies_rest = True
    converge(client, *clusters("a"))
    client.publish(snapshot(*clusters("a", "b"), resource(CLUSTER, "c", "bad")))
    client.client_reads()
    client.latest = snapshot(*clusters("a"))
    client.connect()
    client.drain()
    client.tick(100.0)
    client.drain()
    assert client.have[CLUSTER].keys() == {"a"}
