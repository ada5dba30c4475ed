"""A gateway proxy, what is behind it, and what calls it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from e2e.addresses import Addresses
from e2e.explained import Explained, Seen
from e2e.gateway.backends import line_server, pem_file, server_context
from e2e.gateway.documents import LABELS, Document, secret, service, text
from e2e.gateway.tls_client import REFUSALS, Caller, Conversation, Reply, dialled
from e2e.lab import Lab, new_lab
from e2e.services import service as shop
from e2e.waiting import happened
from examples.bookinfo.topology import MESH_CONFIG
from tests.certificates import Authority
from xds.app.bootstrap import bootstrap
from xds.app.demo.bring_up import await_ready
from xds.app.demo.plan import ADMIN_PORT
from xds.app.explain.target import Asked
from xds.app.proxy_spec import ProxySpec
from xds.model.proxy import CaptureMode, ProxyType

PLAIN_PORT, TLS_PORT = 9000, 9443
"""Of the service ``lines``: as it is, and within TLS of its own."""

_SECONDS = 30.0


@dataclass
class Yard:
    """spec: the gateway proxy. lines: the address of the service of that name. authority: who vouches for servers;
    clients: for those who call."""

    lab: Lab
    spec: ProxySpec
    lines: str
    explained: Explained
    authority: Authority = field(default_factory=lambda: Authority("servers"))
    clients: Authority = field(default_factory=lambda: Authority("clients"))
    ports: Callable[[], int] = field(default_factory=lambda: count(8100).__next__)

    @property
    def front(self) -> str:
        """The address that the gateway's servers bind."""
        return self.spec.ip

    def write(self, name: str, *documents: Document) -> None:
        """Writes a file of the configuration."""
        self.lab.write(f"{name}.yaml", text(*documents))
        self.explained.record()

    def remove(self, name: str) -> None:
        """Takes a file away."""
        (self.lab.config / f"{name}.yaml").unlink()
        self.explained.record()

    def certificate(self, name: str, *names: str, **more: str) -> Document:
        """A Secret with a certificate of the servers' authority."""
        return secret(name, self.authority.issue(name, *names), **more)

    def caller(self, client: str = "", by: Authority | None = None, **how: object) -> Caller:
        """Who trusts the servers' authority. client: the name in the caller's own certificate."""
        path = None
        if client:
            path = pem_file((by or self.clients).issue(client), self.lab.folder / f"client-{client}.pem")
        return Caller(self.authority.pem, path, **how)  # type: ignore[arg-type]  # the fields of a Caller

    async def get(self, port: int, name: str, path: str = "/", caller: Caller | None = None) -> Reply:
        """The reply to one request over TLS, compared with what is explained for it. Raises one of `REFUSALS`."""
        async with dialled(self.front, port, name, caller or self.caller()) as conversation:
            return await self.ask(conversation, port, name, path)

    async def ask(self, conversation: Conversation, port: int, name: str, path: str = "/") -> Reply:
        """One more request on a connection, compared likewise."""
        reply = await conversation.get(name, path)
        self._check(f"https://{name}:{port}{path}", seen(reply), name)
        return reply

    async def plain(self, port: int, host: str, path: str = "/") -> Reply:
        """The reply to a request without TLS, compared likewise."""
        async with dialled(self.front, port) as conversation:
            reply = await conversation.get(host, path)
        self._check(f"http://{host}:{port}{path}", seen(reply), host)
        return reply

    async def line(self, port: int, name: str = "", caller: Caller | None = None) -> tuple[str, str]:
        """What a server of lines answers, and the name in the certificate that was shown, if there was TLS."""
        async with dialled(self.front, port, name, caller) as conversation:
            answer = await conversation.ask("hello")
            shown = conversation.certificate if caller is not None else ""
        alpn = caller is not None and caller.alpn
        if not alpn:  # a URL says nothing of other protocols in TLS
            self._check(f"https://{name}:{port}/" if name else f"tcp://gateway:{port}", Seen(0, self.lines))
        return answer, shown

    async def refused(self, port: int, name: str, caller: Caller | None = None) -> bool:
        """Whether a request over TLS finds nobody."""
        try:
            async with dialled(self.front, port, name, caller or self.caller()) as conversation:
                await conversation.get(name)
        except REFUSALS:
            return True
        return False

    async def serves(self, port: int, name: str, caller: Caller | None = None) -> None:
        """Returns when a request over TLS gets an answer."""

        async def answered() -> bool:
            return not await self.refused(port, name, caller)

        await self.until(answered, f"{name} on port {port}")

    async def until(self, is_so: Callable[[], Awaitable[bool]], what: str) -> None:
        """Waits for something that a change of the configuration brings about."""
        await happened(is_so, what, _SECONDS)

    def _check(self, url: str, outcome: Seen, host: str = "") -> None:
        headers = (("host", host),) if host else ()
        self.explained.check(self.spec, Asked("GET", url, headers, self.front), outcome)


def seen(reply: Reply) -> Seen:
    """What came back, as an explanation puts it."""
    if reply.status != 200:
        return Seen(reply.status, location=reply.headers.get("location", ""))
    received = json.loads(reply.body)
    return Seen(
        200, received["address"], path=received["path"].partition("?")[0], authority=received["headers"]["Host"]
    )


def instance(reply: Reply) -> str:
    """Who answered; the status if that was not one of the shop's instances."""
    return str(json.loads(reply.body)["instance"]) if reply.status == 200 else str(reply.status)


def received(reply: Reply) -> Mapping[str, str]:
    """The headers that the instance received, with names in lower case."""
    return {name.lower(): value for name, value in json.loads(reply.body)["headers"].items()}


@asynccontextmanager
async def new_yard(folder: Path, envoy: Path, addresses: Addresses, *options: str) -> AsyncIterator[Yard]:
    """A gateway proxy without servers yet, and behind it the shop, in two versions, and a server of lines."""
    async with new_lab(folder, envoy, addresses) as lab:
        instances = {version: await lab.echo(version) for version in ("v1", "v2")}
        spec = ProxySpec("gateway", "default", addresses.new(), ProxyType.ROUTER, CaptureMode.NONE, labels=LABELS)
        lab.write("shop.yaml", shop("shop", instances))
        yard = Yard(lab, spec, addresses.new(), Explained(lab.config, MESH_CONFIG))
        tls = server_context(yard.authority.issue("backend", "backend", "*.example.com"), folder, "istio", "h2")
        await lab.stack.enter_async_context(line_server("plain", yard.lines, PLAIN_PORT))
        await lab.stack.enter_async_context(line_server("within TLS", yard.lines, TLS_PORT, tls))
        ports = {"tcp-plain": PLAIN_PORT, "tls-own": TLS_PORT}
        yard.write("lines", *service("lines", yard.lines, ports, mtls=True))
        await lab.serve(*options)
        child = await lab.run_envoy("gateway", bootstrap(spec, f"{lab.control_plane}:15010", ADMIN_PORT))
        await await_ready(lab.session, f"http://{spec.ip}:{ADMIN_PORT}/ready", child)
        yield yard
