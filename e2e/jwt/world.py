"""A workload and a gateway that verify tokens, asked in plain text, over mutual TLS and from outside."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from e2e.addresses import Addresses
from e2e.jwt.issuer import Issuer
from e2e.mtls.world import HTTP, NETWORKING, World, document, new_world
from e2e.waiting import answered
from examples.bookinfo.topology import PROXY_HTTP_PORT
from xds.app.demo.shop import fetch

GATEWAY_PORT = 8080
HOST = "shop.example.com"
TO_SERVER = [{"destination": {"host": "server", "port": {"number": HTTP}}}]
REFRESH_SECONDS = 1
_LIVE_SECONDS = 20.0
_MESH = frozenset({"nothing", "mesh", "gateway"})
"""The files that make the mesh."""

_NO_TOKEN = "no.real.token"
_SECURITY = "security.istio.io/v1"


@dataclass(frozen=True)
class Reply:
    """headers: that the workload received, by names in lower case. path: as it received it. body: of anybody else."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
    body: str = ""


@dataclass(frozen=True)
class JwtWorld:
    """mesh: client, server and gateway. cache: the folder where fetched keys are kept."""

    mesh: World
    cache: Path
    addresses: Addresses

    @property
    def places(self) -> Mapping[str, tuple[str, str, str]]:
        """By name, a URL, the host to say, and the proxy to ask."""
        mesh = self.mesh
        return {
            "plain text": (f"http://{mesh.server.ip}:{HTTP}", "server", ""),
            "mutual TLS": (f"http://server:{HTTP}", "", f"http://{mesh.client.ip}:{PROXY_HTTP_PORT}"),
            "gateway": (f"http://{mesh.gateway.ip}:{GATEWAY_PORT}", HOST, ""),
        }

    async def ask(
        self, token: str = "", headers: Mapping[str, str] | None = None, path: str = "/", place: str = "plain text"
    ) -> Reply:
        """A request with a token, if there is one, where tokens are by default."""
        base, host, proxy = self.places[place]
        sent = {**({"host": host} if host else {}), **(headers or {}), "connection": "close"}
        if token:
            sent["authorization"] = f"Bearer {token}"
        answer = await fetch(self.mesh.lab.session, base + path, sent, proxy or None)
        if not answer.ok:
            return Reply(answer.status, body=answer.body)
        received = json.loads(answer.body)
        names = {str(name).lower(): str(value) for name, value in received["headers"].items()}
        return Reply(answer.status, names, str(received["path"]))

    async def status(self, token: str = "", place: str = "plain text") -> int:
        """What a request with this token is answered."""
        return (await self.ask(token, place=place)).status

    def rules(self, *rules: Mapping[str, object], app: str = "server", name: str = "rules") -> None:
        """Puts a RequestAuthentication for a workload in force."""
        self.mesh.write(name, policy(*rules, app=app, name=name))

    async def without_rules(self) -> None:
        """Everything is as it was in the beginning: no token is looked at."""
        for file in self.mesh.lab.config.glob("*.yaml"):
            if file.stem not in _MESH:
                file.unlink()
        self.mesh.write("gateway", *gateway(self.mesh.gateway.ip))
        for place in ("plain text", "gateway"):
            await self.until(partial(self.status, _NO_TOKEN, place), 200)

    async def enforced(self, place: str = "plain text") -> None:
        """Waits until some rules are in force that look where tokens are by default."""
        await self.until(partial(self.status, _NO_TOKEN, place), 401)

    async def until(self, ask: Callable[[], Awaitable[object]], expected: object) -> None:
        """Waits until this is so."""
        await answered(ask, expected, _LIVE_SECONDS)

    async def findings(self, code: str) -> list[tuple[str, int, str]]:
        """The file, the line and the path of each finding with this code."""
        url = f"http://{self.mesh.lab.control_plane}:15014/debug/configz"
        found = json.loads((await fetch(self.mesh.lab.session, url, {})).body)["diagnostics"]
        return [(Path(each["file"]).name, each["line"], each["path"]) for each in found if each["code"] == code]

    async def issuer(self, *, up: bool = True) -> Issuer:
        """A new one, with an address of its own."""
        address = self.addresses.new()
        issuer = Issuer(f"http://{address}:8080", address)
        self.mesh.lab.stack.push_async_callback(issuer.close)
        if up:
            await issuer.open()
        return issuer


def policy(*rules: Mapping[str, object], app: str = "server", name: str = "rules") -> Mapping[str, object]:
    """A RequestAuthentication for the workloads of an application."""
    spec = {"selector": {"matchLabels": {"app": app}}, "jwtRules": list(rules)}
    return document(_SECURITY, "RequestAuthentication", name, spec)


@asynccontextmanager
async def new_jwt_world(folder: Path, envoy: Path, addresses: Addresses) -> AsyncIterator[JwtWorld]:
    """A mesh that is ready, without rules for tokens."""
    cache = folder / "cache"
    options = ("--cache-dir", str(cache), "--jwks-refresh", f"{REFRESH_SECONDS}s")
    async with new_world(folder, envoy, addresses, *options) as mesh:
        world = JwtWorld(mesh, cache, addresses)
        await world.without_rules()
        yield world


def gateway(ip: str, app: str = "gateway", *rules: object) -> tuple[Mapping[str, object], ...]:
    """A gateway with its routes: by default everything goes to the workload."""
    server = {"port": {"number": GATEWAY_PORT, "name": "http", "protocol": "HTTP"}, "bind": ip, "hosts": [HOST]}
    http = [*rules] or [{"route": TO_SERVER}]
    return (
        document(NETWORKING, "Gateway", app, {"selector": {"app": app}, "servers": [server]}),
        document(NETWORKING, "VirtualService", app, {"hosts": [HOST], "gateways": [app], "http": http}),
    )
