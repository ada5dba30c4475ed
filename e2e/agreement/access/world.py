"""What generated policies and clients have in common: names, addresses, headers; and what a case is made of."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import Enum

from envoy_data_plane.envoy.config.listener.v3 import Filter
from envoy_data_plane.envoy.extensions.filters.http.jwt_authn.v3 import JwtAuthentication
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter

from e2e.agreement.world import Sent

PORT = 18473
NETWORK = 200 + os.getpid() % 50
"""Two test runs at the same time take different addresses, and others than those of routes."""

TRUST_DOMAIN = "cluster.local"
IDENTITIES = ("default/shop", "default/cart", "other/shop")
"""Namespace and service account of those who may ask."""

SERVER_NAMES = ("", "a.example.com", "outbound_.80_._.shop.default.svc.cluster.local")
SOURCES = ("127.0.0.1", "127.0.0.2", "127.0.1.1", "127.9.9.9")
FORWARDED_FOR = ("", "10.0.0.1", "10.0.0.1, 10.1.0.1", "10.0.0.1,  10.1.0.1 ,10.2.0.1", "nobody", "10.0.0.1,", "::1")
BLOCKS = (("127.0.0.1", 32), ("127.0.0.0", 24), ("127.0.0.0", 8), ("10.0.0.0", 8), ("10.1.0.0", 16), ("::1", 128))


class Kind(Enum):
    """What a case's proxy looks at."""

    REQUESTS = "requests"
    CONNECTIONS = "connections"


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks, and what. identity: index of `IDENTITIES`, None without a certificate. server_name: over TLS. token:
    index of the payloads of tokens, None without one."""

    source: str
    identity: int | None
    server_name: str
    request: Sent
    token: int | None


@dataclass(frozen=True, slots=True)
class Case:
    """A proxy, and its clients. tls: whether it ends TLS. tokens: what it asks of tokens first. filters: those that
    refuse. edge, hops: what it believes of the client's address. source: what the filters are made from."""

    kind: Kind
    tls: bool
    tokens: JwtAuthentication | None
    filters: tuple[HttpFilter, ...] | tuple[Filter, ...]
    edge: bool
    hops: int
    clients: tuple[Client, ...]
    source: object = None


def address_of(number: int) -> str:
    """Where the proxy of a case listens."""
    return f"127.{NETWORK}.{number // 250}.{number % 250 + 1}"


def principal(index: int) -> str:
    """The SPIFFE ID of one of those who may ask."""
    namespace, account = IDENTITIES[index].split("/")
    return f"spiffe://{TRUST_DOMAIN}/ns/{namespace}/sa/{account}"
