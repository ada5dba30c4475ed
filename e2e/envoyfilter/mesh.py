"""One service with a sidecar before its instance, another without, and a client; every test has a file of its own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent

from e2e.addresses import Addresses
from e2e.lab import Lab, Sidecar, new_lab
from e2e.services import service
from e2e.waiting import happened
from xds.app.demo.shop import Answer, fetch

INBOUND_PORT = 9081
_LIVE_SECONDS = 15.0

_INGRESS = """\
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {{name: web}}
spec:
  workloadSelector: {{labels: {{app: web}}}}
  ingress:
  - port: {{number: {port}, protocol: HTTP, name: http}}
    bind: {address}
    defaultEndpoint: 0.0.0.0:9080
  egress:
  - hosts: ["*/*"]
"""


@dataclass(frozen=True)
class FilterMesh:
    """web: the workload's sidecar; client: another's. Both are in the default namespace."""

    lab: Lab
    web: Sidecar
    client: Sidecar

    async def inbound(self, path: str = "/", headers: Mapping[str, str] | None = None) -> Answer:
        """A request to the workload, which its sidecar receives."""
        return await fetch(self.lab.session, f"http://{self.web.ip}:{INBOUND_PORT}{path}", headers or {})

    async def outbound(self, path: str = "/", host: str = "shop") -> Answer:
        """A request of the client's application."""
        return await self.client.get(host, path)

    async def finds(self, text: str) -> Mapping[str, object]:
        """Waits for a finding whose reason has ``text`` in it."""
        found: list[Mapping[str, object]] = []

        async def told() -> bool:
            url = f"http://{self.lab.control_plane}:15014/debug/configz"
            async with self.lab.session.get(url) as response:
                document = await response.json()
            found[:] = [each for each in document["diagnostics"] if text in each["reason"]]
            return bool(found)

        await self.until(told, text)
        return found[0]

    async def until(self, is_so: Callable[[], Awaitable[bool]], what: str) -> None:
        """Waits for something that must happen."""
        await happened(is_so, what, _LIVE_SECONDS)

    @asynccontextmanager
    async def patched(self, name: str, patches: str, selector: str = "") -> AsyncIterator[None]:
        """With an EnvoyFilter of these patches in force; without it again at the end. selector: a value of ``app``."""
        text = envoy_filter(name, patches, selector)
        file = self.lab.config / f"{name}.yaml"
        file.write_text(text)
        self._record()
        try:
            yield
        finally:
            file.unlink()
            self._record()

    def _record(self) -> None:
        if self.lab.witness is not None:
            self.lab.witness.record()


def envoy_filter(name: str, patches: str, selector: str = "") -> str:
    """A document. patches: the list of them, without indentation."""
    chosen = f"  workloadSelector: {{labels: {{app: {selector}}}}}\n" if selector else ""
    head = f"apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {{name: {name}}}\nspec:\n"
    return f"{head}{chosen}  configPatches:\n{indent(patches, '  ')}"


def instance(answer: Answer) -> str:
    """Who answered; the status if no instance did."""
    return str(json.loads(answer.body)["instance"]) if answer.ok else str(answer.status)


@asynccontextmanager
async def filter_mesh(folder: Path, envoy: Path, addresses: Addresses) -> AsyncIterator[FilterMesh]:
    """A mesh that is ready, without EnvoyFilters."""
    async with new_lab(folder, envoy, addresses) as lab:
        web = await lab.echo("web")
        lab.write("shop.yaml", service("shop", {"v1": await lab.echo("shop-v1")}))
        lab.write("ingress.yaml", _INGRESS.format(port=INBOUND_PORT, address=web))
        await lab.serve()
        yield FilterMesh(
            lab, await lab.sidecar("web", {"app": "web"}, ip=web), await lab.sidecar("client", {"app": "client"})
        )
