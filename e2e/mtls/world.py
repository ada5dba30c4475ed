"""A client and a server with identities, on loopback without capture, and a PeerAuthentication that tests write."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import aiohttp
from cryptography import x509

from e2e.addresses import Addresses
from e2e.capture.servers import http_server
from e2e.lab import Lab, Sidecar, new_lab
from e2e.waiting import answered
from examples.bookinfo.topology import PROXY_HTTP_PORT
from xds.app.bootstrap import bootstrap
from xds.app.bootstrap_tls import XdsTls
from xds.app.demo.bring_up import await_ready
from xds.app.demo.plan import ADMIN_PORT
from xds.app.proxy_spec import ProxySpec
from xds.app.security import open_authority
from xds.ca.keyed import KeyedSvid, keyed_svid
from xds.ca.service import CertificateAuthority
from xds.model.identity import SpiffeId
from xds.model.proxy import CaptureMode, ProxyType

HTTP, OTHER, TCP = 9080, 9081, 9082
"""Ports of the server: two are declared as HTTP, one as TCP."""

TRUST_DOMAIN = "cluster.local"
CLIENT = SpiffeId.of_workload(TRUST_DOMAIN, "default", "client")

FEDERATED = "partner.example"
"""Another trust domain, which has no bundle until a test gives it one."""

_PARTNER = "partner.json"

REFUSED = "refused"
NOBODY = "nobody"

_LIVE_SECONDS = 20.0
NETWORKING = "networking.istio.io/v1"


@dataclass(frozen=True)
class World:
    """A running mesh. authority: of the folder that the control plane uses too. gateway: of ingress and of egress.

    What requests are answered is told as whom the server takes the sender for: a SPIFFE ID, several with ``>`` between
    them if a gateway stood between, `NOBODY`, or `REFUSED`.
    """

    lab: Lab
    authority: CertificateAuthority
    client: Sidecar
    server: Sidecar
    gateway: Sidecar

    def configure(self, text: str) -> None:
        """Puts these settings in force, with those that the mesh needs."""
        _write_settings(self.lab, text)

    def federate(self, bundle: str) -> None:
        """Puts the bundle of the other trust domain in force."""
        part = self.lab.folder / "partner.part"
        part.write_text(bundle)
        part.rename(self.lab.folder / _PARTNER)

    def policy(self, **spec: object) -> None:
        """Puts a PeerAuthentication for the server in force."""
        chosen = {"selector": {"matchLabels": {"app": "server"}}, **spec}
        self.write("policy", document("security.istio.io/v1", "PeerAuthentication", "server", chosen))

    def write(self, name: str, *documents: object) -> None:
        """Writes a file of the configuration."""
        self.lab.write(f"{name}.yaml", "---\n".join(f"{json.dumps(each)}\n" for each in documents))

    async def by_proxy(self, port: int) -> str:
        """A request by the client's proxy."""
        return await self.asked(f"http://server:{port}/")

    async def asked(self, url: str, headers: Mapping[str, str] | None = None) -> str:
        """A request by the client's proxy to wherever."""
        return await _sender(url, proxy=f"http://{self.client.ip}:{PROXY_HTTP_PORT}", headers=headers)

    async def in_plain_text(self, port: int) -> str:
        """A request past the client's proxy."""
        return await _sender(f"http://{self.server.ip}:{port}/")

    async def over_tcp(self) -> str:
        """A request on a connection that the client's proxy forwards as it is."""
        return await _sender(f"http://{self.client.ip}:{TCP}/")

    async def with_certificate(self, svid: KeyedSvid) -> str:
        """A request to the server over TLS of our own, with a certificate of any kind."""
        return await _sender(f"https://{self.server.ip}:{HTTP}/", context=self.tls(svid))

    def tls(self, svid: KeyedSvid | None, *alpn: str) -> ssl.SSLContext:
        """TLS of our own. svid: None to show no certificate. alpn: by default that of the mesh's requests."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it is the other end that is tested
        context.set_alpn_protocols([*alpn] or ["istio-http/1.1"])
        if svid is not None:
            file = self.lab.folder / "own.pem"
            file.write_bytes(svid.key + svid.chain)
            context.load_cert_chain(file)
        return context

    async def directly(
        self, url: str, *, host: str, tls: ssl.SSLContext | None = None, headers: Mapping[str, str] | None = None
    ) -> str:
        """A request by nobody's proxy. host: whom it is for."""
        return await _sender(url, context=tls, host=host, headers=headers)

    async def stat(self, proxy: Sidecar, pattern: str) -> int:
        """The sum of a proxy's counters whose names match."""
        text = await proxy.admin(f"/stats?filter={quote(pattern)}")
        return sum(int(line.rpartition(" ")[2]) for line in text.splitlines())

    async def until_asked(self, url: str, heard: asyncio.Queue[bytes]) -> None:
        """Sends requests by the client's proxy until one has been heard."""
        while heard.empty():
            await self.asked(url)
            await asyncio.sleep(0.05)

    async def renewed(self, secret: str, step: Callable[[], None]) -> None:
        """Makes a step, and waits until both proxies have another version of a secret."""
        proxies = (self.client, self.server)
        before = [await _version(proxy, secret) for proxy in proxies]
        step()
        for proxy, old in zip(proxies, before, strict=True):
            async with asyncio.timeout(_LIVE_SECONDS):
                while await _version(proxy, secret) == old:  # noqa: ASYNC110 - Envoy is to be asked
                    await asyncio.sleep(0.05)

    async def shown_serial(self, proxy: Sidecar) -> int:
        """Of the certificate that a proxy shows to others now."""
        found = json.loads(await proxy.admin("/certs"))["certificates"]
        serials = {int(each["cert_chain"][0]["serial_number"], 16) for each in found if each.get("cert_chain")}
        chain = (self.lab.folder / f"{proxy.spec.name}-chain.pem").read_bytes()
        (serial,) = serials - {x509.load_pem_x509_certificate(chain).serial_number}  # by which it proved itself
        return serial

    async def until_other_serial(self, proxy: Sidecar, before: int) -> None:
        """Waits until a proxy shows another certificate."""
        async with asyncio.timeout(_LIVE_SECONDS):
            while await self.shown_serial(proxy) == before:  # noqa: ASYNC110 - Envoy is to be asked
                await asyncio.sleep(0.05)

    async def until(self, ask: Callable[[], Awaitable[str]], expected: str) -> None:
        """Waits until requests are answered so."""
        await answered(ask, expected, _LIVE_SECONDS)


async def _sender(
    url: str,
    proxy: str | None = None,
    context: ssl.SSLContext | None = None,
    host: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> str:
    """On a connection of its own, as it is the connection that may be refused."""
    named = {"host": host} if host else {}
    timeout = aiohttp.ClientTimeout(total=5)
    try:
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True), timeout=timeout) as session,
            session.get(
                url,
                proxy=proxy,
                ssl=context or True,
                server_hostname=host if context else None,
                headers={**named, **(headers or {})},
            ) as response,
        ):
            if response.status != 200:
                return REFUSED
            received = {name.lower(): value for name, value in (await response.json())["headers"].items()}
    except (aiohttp.ClientError, OSError):
        return REFUSED
    return identities(received.get("x-forwarded-client-cert", "")) or NOBODY


def identities(shown: str) -> str:
    """Those in ``x-forwarded-client-cert``, the first sender first; empty if there are none."""
    parts = shown.replace(",", ";").split(";")
    return " > ".join(part.removeprefix("URI=") for part in parts if part.startswith("URI="))


async def _version(proxy: Sidecar, secret: str) -> str:
    """Of a secret that the proxy has, from Envoy's statistics."""
    return (await proxy.admin(f"/stats?filter=^sds.{secret}.version_text$")).strip()


def _write_settings(lab: Lab, text: str) -> Path:
    file = lab.folder / "mesh.yaml"
    part = file.with_suffix(".part")
    part.write_text(f"proxyHttpPort: {PROXY_HTTP_PORT}\n{text}\n")
    part.rename(file)
    return file


def document(version: str, kind: str, name: str, spec: object) -> dict[str, object]:
    """An object of the namespace default."""
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "default"}, "spec": spec}


async def _proxy(lab: Lab, authority: CertificateAuthority, name: str, kind: ProxyType = ProxyType.SIDECAR) -> Sidecar:
    """An Envoy that proves by a certificate who it is."""
    svid = keyed_svid(authority, SpiffeId.of_workload(TRUST_DOMAIN, "default", name))
    chain, key = lab.folder / f"{name}-chain.pem", lab.folder / f"{name}-key.pem"
    chain.write_bytes(svid.chain)
    key.write_bytes(svid.key)
    tls = XdsTls(str(lab.folder / "ca" / "root-cert.pem"), str(chain), str(key))
    spec = ProxySpec(
        name,
        "default",
        lab.addresses.new(),
        kind,
        capture=CaptureMode.NONE,
        service_account=name,
        labels={"app": name},
    )
    config = bootstrap(spec, f"{lab.control_plane}:15012", ADMIN_PORT, tls=tls)
    child = await lab.run_envoy(name, config)
    await await_ready(lab.session, f"http://{spec.ip}:{ADMIN_PORT}/ready", child)
    return Sidecar(spec, lab)


@asynccontextmanager
async def new_world(folder: Path, envoy: Path, addresses: Addresses, *options: str) -> AsyncIterator[World]:
    """A mesh that is ready: the client can call every port of the server. options: of the control plane, more."""
    async with new_lab(folder, envoy, addresses) as lab:
        lab.write("nothing.yaml", "")
        settings = _write_settings(lab, "")
        address = addresses.new()
        secure = ["--ca-dir", str(folder / "ca"), "--secure-listen", f"{address}:15012"]
        secure += ["--federate", f"{FEDERATED}={folder / _PARTNER}"]
        await lab.serve(*secure, *options, address=address, mesh_config=settings)
        authority = open_authority(folder / "ca", TRUST_DOMAIN)
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setblocking(False)
        await lab.stack.enter_async_context(http_server("server", listening))
        client, server, gateway = await asyncio.gather(
            _proxy(lab, authority, "client"),
            _proxy(lab, authority, "server"),
            _proxy(lab, authority, "gateway", ProxyType.ROUTER),
        )
        world = World(lab, authority, client, server, gateway)
        world.write("mesh", *_documents(server.ip, listening.getsockname()[1]))
        for ask in (lambda: world.by_proxy(HTTP), lambda: world.by_proxy(OTHER)):
            await world.until(ask, str(CLIENT))
        await world.until(world.over_tcp, NOBODY)
        yield world


def _documents(server: str, workload: int) -> tuple[object, ...]:
    ports = {"http": HTTP, "other": OTHER, "tcp": TCP}
    protocols = {"http": "HTTP", "other": "HTTP", "tcp": "TCP"}
    service = {
        "selector": {"app": "server"},
        "ports": [{"name": n, "port": p, "appProtocol": protocols[n].lower()} for n, p in ports.items()],
    }
    pod = document("v1", "Pod", "server", {"serviceAccountName": "server"})
    pod["metadata"] = {
        "name": "server",
        "namespace": "default",
        "labels": {"app": "server", "security.istio.io/tlsMode": "istio"},
    }
    ingress = [
        {"port": {"number": p, "name": n, "protocol": protocols[n]}, "defaultEndpoint": f"127.0.0.1:{workload}"}
        for n, p in ports.items()
    ]
    egress = [
        {"port": {"number": TCP, "protocol": "TCP", "name": "tcp"}, "captureMode": "NONE", "hosts": ["./*"]},
        {"hosts": ["./*"]},
    ]
    return (
        document("v1", "Service", "server", service),
        {**pod, "status": {"podIP": server}},
        document(
            NETWORKING, "Sidecar", "server", {"workloadSelector": {"labels": {"app": "server"}}, "ingress": ingress}
        ),
        document(
            NETWORKING, "Sidecar", "client", {"workloadSelector": {"labels": {"app": "client"}}, "egress": egress}
        ),
    )
