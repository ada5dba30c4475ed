"""Workloads with sidecars, a gateway, and callers of any identity; the policies are what tests write.

``server`` has a port declared as HTTP and one as TCP. ``captured`` is a sidecar to which connections are redirected;
who speaks to it says with the PROXY protocol what was dialled. It has a port besides of which nobody says what it
speaks, and one that nobody declares.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final

from e2e.addresses import Addresses
from e2e.authorization.caller import Ask, status_of
from e2e.echo import echo_server
from e2e.lab import Lab, Sidecar, new_lab
from e2e.waiting import answered
from examples.bookinfo.topology import PROXY_HTTP_PORT
from translators.listener.access_log_format import TEXT_FORMAT
from xds.app.bootstrap import bootstrap
from xds.app.bootstrap_tls import XdsTls
from xds.app.demo.bring_up import await_ready
from xds.app.demo.plan import ADMIN_PORT
from xds.app.proxy_spec import ProxySpec
from xds.app.security import open_authority
from xds.ca.keyed import keyed_svid
from xds.ca.service import CertificateAuthority
from xds.model.identity import SpiffeId
from xds.model.proxy import CaptureMode

HTTP, TCP, UNKNOWN, UNDECLARED = 9080, 9082, 9083, 9084
GATEWAY_HTTP, GATEWAY_TCP, INBOUND = 8080, 8082, 15006

GATEWAY_NAME: Final = "gateway.networking.k8s.io/gateway-name"
TRUST_DOMAIN: Final = "cluster.local"
ALIAS: Final = "old.example"
OK, DENIED = 200, 403

Document = Mapping[str, object]

_SECONDS = 20.0


@dataclass(frozen=True)
class World:
    """A running mesh. client: a sidecar of ``shop/web``; log: what proxies write of what they are asked."""

    lab: Lab
    authority: CertificateAuthority
    server: Sidecar
    client: Sidecar
    gateway: Sidecar
    captured: Sidecar
    log: Path
    markers: Callable[[], int] = field(default_factory=lambda: count().__next__)

    async def enforce(self, *policies: Document) -> None:
        """Puts these policies in force instead of those before, and waits until all proxies obey."""
        name = f"marker-{self.markers()}"
        never = {"to": [{"operation": {"ports": ["1"]}}]}
        marked = (*policies, policy(name, "DENY", never, namespace="istio-system"))
        self.lab.write("policies.yaml", "---\n".join(f"{json.dumps(each)}\n" for each in marked))
        for proxy, listeners in ((self.server, 2), (self.captured, 1), (self.gateway, 2)):
            await self.until(partial(_obeying, proxy, name), listeners)

    def certificate(self, identity: str) -> Path:
        """Of ``namespace/service-account``, as a file."""
        path = self.lab.folder / f"{identity.replace('/', '-')}.pem"
        if not path.exists():
            svid = keyed_svid(self.authority, SpiffeId.of_workload(TRUST_DOMAIN, *identity.split("/")))
            path.write_bytes(svid.key + svid.chain)
        return path

    async def ask(self, ask: Ask, port: int = HTTP, who: str = "") -> int:
        """The server's answer. who: ``namespace/service-account``; empty for a caller in plain text."""
        return await status_of(self._by(ask, who), self.server.ip, port)

    async def ask_gateway(self, ask: Ask, port: int = GATEWAY_HTTP, who: str = "") -> int:
        return await status_of(self._by(ask, who), self.gateway.ip, port)

    async def ask_captured(self, ask: Ask, port: int, who: str = "") -> int:
        """The answer of the workload whose proxy has captured its ports."""
        dialled = replace(self._by(ask, who), dialled=(self.captured.ip, port))
        return await status_of(dialled, self.captured.ip, INBOUND)

    def _by(self, ask: Ask, who: str) -> Ask:
        return replace(ask, certificate=self.certificate(who)) if who else ask

    async def by_sidecar(self, path: str) -> int:
        """What the server answers the client's sidecar."""
        ask = Ask(f"http://server:{HTTP}{path}", host=f"server:{HTTP}")
        return await status_of(ask, self.client.ip, PROXY_HTTP_PORT)

    async def counter(self, proxy: Sidecar, ending: str) -> int:
        """The sum of a proxy's counters whose names end so."""
        lines = (await proxy.admin(f"/stats?filter={ending}$")).splitlines()
        return sum(int(line.rpartition(": ")[2]) for line in lines)

    async def logged(self, text: str) -> str:
        """The first line of the log with this in it; waits for it."""
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            found = [line for line in self.log.read_text().splitlines() if text in line] if self.log.exists() else []
            if found:
                return found[0]
            await asyncio.sleep(0.05)
        raise AssertionError(f"no line with {text} after {_SECONDS:g} s")

    async def until(self, ask: Callable[[], Awaitable[int]], expected: int) -> None:
        """Waits until requests are answered so."""
        await answered(ask, expected, _SECONDS)


async def _obeying(proxy: Sidecar, text: str) -> int:
    """How many listeners of a proxy have this in them and are in use."""
    dump = json.loads(await proxy.admin("/config_dump?resource=dynamic_listeners"))
    return sum(text in json.dumps(each.get("active_state", {})) for each in dump.get("configs", ()))


def policy(
    name: str,
    action: str,
    *rules: Mapping[str, object],
    namespace: str = "shop",
    selector: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    gateway: str = "",
) -> Document:
    """An AuthorizationPolicy. gateway: the Kubernetes Gateway that it names."""
    target = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": gateway}
    chosen: dict[str, object] = {"selector": {"matchLabels": selector}} if selector else {}
    if gateway:
        chosen = {"targetRefs": [target]}
    meta = {"name": name, "namespace": namespace, "annotations": annotations or {}}
    spec = {"action": action, "rules": list(rules), **chosen}
    return {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": meta, "spec": spec}


@asynccontextmanager
async def new_world(folder: Path, envoy: Path, addresses: Addresses) -> AsyncIterator[World]:
    """A mesh that is ready: everybody may call everything."""
    async with new_lab(folder, envoy, addresses) as lab:
        lab.write("nothing.yaml", "")
        log = folder / "access.log"
        settings = {
            "trustDomain": TRUST_DOMAIN,
            "trustDomainAliases": [ALIAS],
            "proxyHttpPort": PROXY_HTTP_PORT,
            "accessLogFile": str(log),
            "accessLogFormat": f"{TEXT_FORMAT.strip()} %DYNAMIC_METADATA(envoy.common:access_log_hint)%",
        }
        mesh_config = folder / "mesh-config.yaml"
        mesh_config.write_text(json.dumps(settings))
        address = addresses.new()
        secure = ("--ca-dir", str(folder / "ca"), "--secure-listen", f"{address}:15012")
        await lab.serve(*secure, address=address, mesh_config=mesh_config)
        authority = open_authority(folder / "ca", TRUST_DOMAIN)
        workload = await lab.stack.enter_async_context(echo_server("server", "127.0.0.1"))
        captured = addresses.new()
        for port in (HTTP, TCP, UNKNOWN, UNDECLARED):
            await lab.stack.enter_async_context(echo_server("captured", captured, port))
        server = addresses.new()
        lab.write(
            "mesh.yaml",
            "---\n".join(f"{json.dumps(each)}\n" for each in _documents(server, workload, captured)),
        )
        world = World(
            lab,
            authority,
            *await asyncio.gather(
                _proxy(lab, authority, "server", server),
                _proxy(lab, authority, "web", addresses.new()),
                lab.gateway("front", {"app": "front", GATEWAY_NAME: "front"}),
                _proxy(lab, authority, "captured", captured, CaptureMode.REDIRECT),
            ),
            log,
        )
        for port in (HTTP, TCP):
            await world.until(partial(world.ask, Ask(), port), OK)
        for port in (HTTP, TCP, UNKNOWN, UNDECLARED):
            await world.until(partial(world.ask_captured, Ask(), port), OK)
        for port in (GATEWAY_HTTP, GATEWAY_TCP):
            await world.until(partial(world.ask_gateway, Ask(), port), OK)
        await world.until(partial(world.by_sidecar, "/"), OK)
        yield world


async def _proxy(
    lab: Lab, authority: CertificateAuthority, name: str, ip: str, capture: CaptureMode = CaptureMode.NONE
) -> Sidecar:
    """An Envoy that proves by a certificate who it is."""
    svid = keyed_svid(authority, SpiffeId.of_workload(TRUST_DOMAIN, "shop", name))
    chain, key = lab.folder / f"{name}-chain.pem", lab.folder / f"{name}-key.pem"
    chain.write_bytes(svid.chain)
    key.write_bytes(svid.key)
    tls = XdsTls(str(lab.folder / "ca" / "root-cert.pem"), str(chain), str(key))
    spec = ProxySpec(name, "shop", ip, capture=capture, service_account=name, labels={"app": name})
    config: dict[str, Any] = bootstrap(spec, f"{lab.control_plane}:15012", ADMIN_PORT, tls=tls)
    config["admin"]["address"]["socket_address"]["address"] = ip
    child = await lab.run_envoy(name, config)
    await await_ready(lab.session, f"http://{spec.ip}:{ADMIN_PORT}/ready", child)
    return Sidecar(spec, lab)


def _documents(server: str, workload: int, captured: str) -> Iterator[Document]:
    ports = {"http": HTTP, "tcp": TCP}
    yield from _workload("server", server, ports)
    yield from _workload("captured", captured, {**ports, "unknown": UNKNOWN})
    ingress = [
        {"port": {"number": port, "name": name, "protocol": name.upper()}, "defaultEndpoint": f"127.0.0.1:{workload}"}
        for name, port in ports.items()
    ]
    selector = {"workloadSelector": {"labels": {"app": "server"}}}
    yield _document("networking.istio.io/v1", "Sidecar", "server", {**selector, "ingress": ingress})
    one_request = {"connectionPool": {"http": {"maxRequestsPerConnection": 1}}}  # an open connection keeps old rules
    rule = {"host": "server", "trafficPolicy": one_request}
    yield _document("networking.istio.io/v1", "DestinationRule", "server", rule)
    yield _document("networking.istio.io/v1alpha3", "EnvoyFilter", "captured", _without_redirection(captured))
    servers = [
        {"port": {"number": GATEWAY_HTTP, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]},
        {"port": {"number": GATEWAY_TCP, "name": "tcp", "protocol": "TCP"}, "hosts": ["*"]},
    ]
    spec = {"selector": {"app": "front"}, "servers": servers}
    yield _document("networking.istio.io/v1", "Gateway", "front", spec, namespace="default")
    to_server = {"destination": {"host": "server.shop.svc.cluster.local", "port": {"number": HTTP}}}
    routes = {
        "hosts": ["*"],
        "gateways": ["front"],
        "http": [{"route": [to_server]}],
        "tcp": [{"match": [{"port": GATEWAY_TCP}], "route": [to_server]}],
    }
    yield _document("networking.istio.io/v1", "VirtualService", "front", routes, namespace="default")


def _workload(name: str, ip: str, ports: Mapping[str, int]) -> Iterator[Document]:
    listed = [{"name": each, "port": port} for each, port in ports.items()]
    yield _document("v1", "Service", name, {"selector": {"app": name}, "ports": listed})
    labels = {"app": name, "security.istio.io/tlsMode": "istio"}
    yield {**_document("v1", "Pod", name, {"serviceAccountName": name}, labels=labels), "status": {"podIP": ip}}


def _without_redirection(ip: str) -> Document:
    """What was dialled is told by the client, not by the kernel; and nothing binds an address of others."""
    proxy_protocol = {
        "name": "envoy.filters.listener.proxy_protocol",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol"
        },
    }
    listener = {"listener": {"name": "virtualInbound"}, "context": "SIDECAR_INBOUND"}
    address = {"address": {"socket_address": {"address": ip, "port_value": INBOUND}}}
    outbound = {"listener": {"name": "virtualOutbound"}, "context": "SIDECAR_OUTBOUND"}
    patches = [
        {"applyTo": "LISTENER", "match": listener, "patch": {"operation": "MERGE", "value": address}},
        {
            "applyTo": "LISTENER_FILTER",
            "match": {
                "context": "SIDECAR_INBOUND",
                "listener": {"listenerFilter": "envoy.filters.listener.original_dst"},
            },
            "patch": {"operation": "REPLACE", "value": proxy_protocol},
        },
        {"applyTo": "LISTENER", "match": outbound, "patch": {"operation": "REMOVE"}},
    ]
    return {"workloadSelector": {"labels": {"app": "captured"}}, "configPatches": patches}


def _document(
    version: str,
    kind: str,
    name: str,
    spec: object,
    *,
    namespace: str = "shop",
    labels: Mapping[str, str] | None = None,
) -> Document:
    metadata = {"name": name, "namespace": namespace, "labels": labels or {}}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}
