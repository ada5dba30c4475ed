"""Proxies that are streams and nothing else: they ask for what an Envoy does, and come back as it does.

Each has a connection and an identity of its own, and says when it reconnects what it has.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
from google.protobuf.json_format import Parse
from grpc import aio

from bench.fanout.clients import EXTENSIONS
from e2e.agent.world import TRUST_DOMAIN
from xds.app.bootstrap import bootstrap
from xds.app.proxy_spec import ProxySpec
from xds.ca.encoding import certificates_pem
from xds.ca.keyed import keyed_svid
from xds.ca.service import CertificateAuthority
from xds.model.identity import SpiffeId
from xds.model.proxy import CaptureMode
from xds.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, TypeUrl
from xds.wire.core_pb2 import Node
from xds.wire.discovery_pb2 import DeltaDiscoveryRequest, DeltaDiscoveryResponse

_METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
_OPTIONS = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 500),
)
"""The last but one is how long an attempt may take, the handshake included: half as long as an Envoy that Istio sets up
waits, so that they are as hard to please as twice as many."""

_AGAIN_SECONDS = 0.5
"""The most that a proxy waits before it comes back: Envoy's first pause."""

_ORDER = (CLUSTER, ENDPOINT, LISTENER, ROUTE)


@dataclass
class LightProxy:
    """versions: of what it has, by type and name. heard: responses by type since it last connected."""

    spec: ProxySpec
    credentials: grpc.ChannelCredentials
    names: Mapping[TypeUrl, Sequence[str]]
    versions: dict[TypeUrl, dict[str, str]] = field(default_factory=lambda: {each: {} for each in _ORDER})
    heard: Counter[TypeUrl] = field(default_factory=Counter)

    async def run(self, address: str) -> None:
        """Until it is cancelled."""
        async with aio.secure_channel(address, self.credentials, options=_OPTIONS) as channel:
            while True:
                with suppress(aio.AioRpcError, asyncio.InvalidStateError):
                    await self._talk(channel.stream_stream(_METHOD)())
                await asyncio.sleep(random.random() * _AGAIN_SECONDS)

    async def _talk(self, call: aio.StreamStreamCall) -> None:
        self.heard.clear()
        for request in self._first():
            await call.write(request.SerializeToString())
        while isinstance(data := await call.read(), bytes):
            response = DeltaDiscoveryResponse.FromString(data)
            self._take(response)
            answer = DeltaDiscoveryRequest(type_url=response.type_url, response_nonce=response.nonce)
            await call.write(answer.SerializeToString())

    def _first(self) -> Iterator[DeltaDiscoveryRequest]:
        for type_url in _ORDER:
            request = DeltaDiscoveryRequest(
                type_url=type_url,
                resource_names_subscribe=self.names.get(type_url),
                initial_resource_versions=self.versions[type_url],
            )
            if type_url == CLUSTER:
                request.node.MergeFrom(_node(self.spec))
            yield request

    def _take(self, response: DeltaDiscoveryResponse) -> None:
        has = self.versions[TypeUrl(response.type_url)]
        has.update({each.name: each.version for each in response.resources})
        for name in response.removed_resources:
            has.pop(name, None)
        self.heard[TypeUrl(response.type_url)] += 1


@asynccontextmanager
async def light_proxies(
    address: str, authority: CertificateAuthority, count: int, names: Mapping[TypeUrl, Sequence[str]]
) -> AsyncIterator[Sequence[LightProxy]]:
    """So many, connected to a control plane's secure address while the context is open. authority: whose certificates
    they show. names: what each asks for by name, by type."""
    specs = [_spec(number) for number in range(count)]
    proxies = [LightProxy(spec, _credentials(spec, authority), names) for spec in specs]
    tasks = [asyncio.create_task(each.run(address)) for each in proxies]
    try:
        yield proxies
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _spec(number: int) -> ProxySpec:
    address, name = f"10.200.{number // 250}.{number % 250 + 1}", f"light-{number}"
    return ProxySpec(name, "default", address, capture=CaptureMode.NONE, service_account=name, sds_from_agent=True)


def _credentials(spec: ProxySpec, authority: CertificateAuthority) -> grpc.ChannelCredentials:
    """Of the workload's own account."""
    identity = SpiffeId.of_workload(TRUST_DOMAIN, spec.namespace, spec.service_account)
    svid = keyed_svid(authority, identity)
    return grpc.ssl_channel_credentials(certificates_pem(authority.bundle), svid.key, svid.chain)


def _node(spec: ProxySpec) -> Node:
    """A stock Envoy's, with the list of all its extensions."""
    described = json.dumps(bootstrap(spec, "127.0.0.1:15010")["node"])
    node = Parse(described, Node())
    return Node.FromString(node.SerializeToString() + EXTENSIONS)
