"""A gateway that ends TLS with a certificate from a Secret, and clients that keep connections to it open."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import grpc  # type: ignore[import-untyped]  # grpcio ships no types

from e2e.credentials.backends import TALK, pem_file, talker, web_server
from e2e.lab import Lab, with_api_type
from e2e.waiting import happened
from tests.certificates import Authority, Issued
from tests.documents import document
from xds.app.bootstrap import bootstrap
from xds.app.demo.bring_up import await_ready
from xds.app.demo.plan import ADMIN_PORT
from xds.app.proxy_spec import ProxySpec
from xds.model.proxy import CaptureMode, ProxyType

PORT = 8443
WEB, GRPC = "web.example.com", "grpc.example.com"
LABELS = {"istio": "front"}

_BACKEND_PORT = 9080
_SECONDS = 30.0
_NETWORKING = "networking.istio.io/v1"


@dataclass(frozen=True)
class Front:
    """The gateway, from outside. authority: the one that clients believe."""

    lab: Lab
    spec: ProxySpec
    authority: Authority

    @property
    def ip(self) -> str:
        return self.spec.ip

    def trusting(self, client: Issued | None = None) -> ssl.SSLContext:
        """What a client needs to connect; with a certificate of its own, if it has one."""
        context = ssl.create_default_context(cadata=self.authority.pem)
        if client is not None:
            context.load_cert_chain(pem_file(client, self.lab.folder))
        return context

    async def shown(self, name: str = WEB, client: Issued | None = None) -> int | None:
        """The serial number of the certificate that a new connection gets; None if it does not come about."""
        try:
            reader, writer = await asyncio.open_connection(
                self.ip, PORT, ssl=self.trusting(client), server_hostname=name
            )
        except (ssl.SSLError, ConnectionError):
            return None
        try:
            writer.write(f"GET / HTTP/1.1\r\nhost: {name}\r\nconnection: close\r\n\r\n".encode())
            if not await reader.read():  # with TLS 1.3 a client that is refused learns of it here
                return None
            found = writer.get_extra_info("peercert")
            return int(found["serialNumber"], 16)
        except (ssl.SSLError, ConnectionError):
            return None
        finally:
            writer.transport.abort()

    async def shows(self, issued: Issued | None, name: str = WEB, client: Issued | None = None) -> None:
        """Returns when new connections get this certificate, or with None when they do not come about."""
        wanted = issued.certificate.serial_number if issued else None

        async def does() -> bool:
            return await self.shown(name, client) == wanted

        await until(does, f"a certificate {wanted} for {name}")

    async def stat(self, name: str) -> int:
        """A counter or gauge of the gateway."""
        text = await self.lab.session.get(f"http://{self.ip}:{ADMIN_PORT}/stats?filter=^{name}$")
        found = (await text.text()).strip()
        return int(found.rpartition(":")[2]) if found else 0


async def until(is_so: Callable[[], Awaitable[bool]], what: str) -> None:
    """Waits for something that must happen."""
    await happened(is_so, what, _SECONDS)


def server(name: str, tls: Mapping[str, object], *hosts: str) -> str:
    """A Gateway with one HTTPS server, on the port that all share."""
    port = {"number": PORT, "name": name, "protocol": "HTTPS"}
    spec = {"selector": LABELS, "servers": [{"port": port, "hosts": hosts, "tls": tls}]}
    return document(_NETWORKING, "Gateway", name, "default", {"spec": spec})


def backend(host: str, protocol: str, address: str) -> str:
    """A host of the mesh with one endpoint."""
    port = {"number": _BACKEND_PORT, "name": protocol.lower(), "protocol": protocol}
    entry = {"hosts": [host], "resolution": "STATIC", "ports": [port], "endpoints": [{"address": address}]}
    return document(_NETWORKING, "ServiceEntry", host.replace(".", "-"), "default", {"spec": entry})


def route(host: str, to: str, *gateways: str) -> str:
    """Everything for one host goes to another."""
    route = [{"route": [{"destination": {"host": to, "port": {"number": _BACKEND_PORT}}}]}]
    spec = {"hosts": [host], "gateways": gateways, "http": route}
    return document(_NETWORKING, "VirtualService", host.replace(".", "-"), "default", {"spec": spec})


async def start(lab: Lab, *documents: str) -> Front:
    """A gateway that has what is asked for; the Gateways ``front`` and ``other`` lead to the backends."""
    address = lab.addresses.new()
    spec = ProxySpec("front", "default", lab.addresses.new(), ProxyType.ROUTER, CaptureMode.NONE, labels=LABELS)
    second = lab.addresses.new()
    await lab.stack.enter_async_context(web_server(address, _BACKEND_PORT))
    await lab.stack.enter_async_context(talker(second, _BACKEND_PORT))
    lab.write("backends.yaml", backend("web.local", "HTTP", address) + backend("talk.local", "GRPC", second))
    routes = route(WEB, "web.local", "front", "other") + route(GRPC, "talk.local", "front", "other")
    lab.write("front.yaml", routes + "".join(documents))
    await lab.serve()
    config = with_api_type(lab.api_type, bootstrap(spec, f"{lab.control_plane}:15010", ADMIN_PORT))
    child = await lab.run_envoy("front", config)
    await await_ready(lab.session, f"http://{spec.ip}:{ADMIN_PORT}/ready", child)
    return Front(lab, spec, Authority("root"))


class Talk:
    """A gRPC stream: one HTTP/2 connection."""

    def __init__(self, call: grpc.aio.StreamStreamCall) -> None:
        self._call = call

    async def say(self, text: str) -> str:
        """The answer to one message."""
        await self._call.write(text.encode())
        answer: bytes = await asyncio.wait_for(self._call.read(), _SECONDS)
        return answer.decode()


@asynccontextmanager
async def talking(front: Front) -> AsyncIterator[Talk]:
    """A gRPC stream through the gateway, open as long as the context is."""
    credentials = grpc.ssl_channel_credentials(front.authority.pem.encode())
    options = (("grpc.ssl_target_name_override", GRPC), ("grpc.default_authority", GRPC))
    async with grpc.aio.secure_channel(f"{front.ip}:{PORT}", credentials, options) as channel:
        yield Talk(channel.stream_stream(TALK)())


class KeptAlive:
    """HTTP/1.1 requests, one after the other, on one connection as long as that is open.

    connections: how many there have been.
    """

    def __init__(self, front: Front) -> None:
        self._url = f"https://{front.ip}:{PORT}/"
        self._tls = front.trusting()
        self.connections = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[KeptAlive]:
        """For as long as the context is open."""
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_create_end.append(self._connected)
        connector = aiohttp.TCPConnector(limit=1, keepalive_timeout=600)
        async with aiohttp.ClientSession(connector=connector, trace_configs=[tracing]) as self._session:
            yield self

    async def _connected(self, *_: object) -> None:
        self.connections += 1

    async def get(self) -> int:
        """The status of a request."""
        headers = {"host": WEB}
        async with self._session.get(self._url, headers=headers, ssl=self._tls, server_hostname=WEB) as response:
            await response.read()
            return response.status
