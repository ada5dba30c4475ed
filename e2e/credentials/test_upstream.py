"""Certificates that proxies show to, and ask of, what they connect to: gateways, and sidecars that a rule is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from e2e.credentials.backends import https_server
from e2e.credentials.front import until
from e2e.lab import SERVICE_PORT, Lab, with_api_type
from e2e.proofs import proves
from e2e.witness import Witness
from examples.bookinfo.topology import MESH_CONFIG, PROXY_HTTP_PORT
from tests.certificates import Authority, Issued
from tests.documents import document, rule, secret
from xds.app.bootstrap import bootstrap
from xds.app.demo.bring_up import await_ready
from xds.app.demo.plan import ADMIN_PORT
from xds.app.demo.shop import Answer, fetch
from xds.app.explain.target import Asked
from xds.app.proxy_spec import ProxySpec
from xds.model.proxy import CaptureMode, ProxyType

ROOT, CLIENTS = Authority("root"), Authority("clients")
HOST = "api.example.com"
SERVER = ROOT.issue(HOST)
FIRST, SECOND = CLIENTS.issue("first"), CLIENTS.issue("second")

_NETWORKING = "networking.istio.io/v1"
_LABELS = {"app": "client", "istio": "client"}
_GATEWAY_PORT = 8080


@dataclass(frozen=True)
class Client:
    """A proxy that has the rule: a gateway, or a sidecar that it is for."""

    lab: Lab
    spec: ProxySpec

    async def get(self, host: str = HOST) -> Answer:
        """A request for ``host`` through the proxy, of which the witness is told."""
        url, headers = f"http://{host}:{SERVICE_PORT}/", {}
        proxy = f"http://{self.spec.ip}:{PROXY_HTTP_PORT}"
        if self.spec.type is ProxyType.ROUTER:
            url, headers, proxy = f"http://{self.spec.ip}:{_GATEWAY_PORT}/", {"host": host}, ""
        answer = await fetch(self.lab.session, url, headers, proxy or None)
        assert self.lab.witness is not None
        self.lab.witness.note(self.spec, Asked("GET", url, tuple(headers.items())), answer)
        return answer

    async def answers(self, status: int, body: str = "", host: str = HOST) -> None:
        """Returns when requests are answered like this; of a failure the body is Envoy's own."""

        async def does() -> bool:
            answer = await self.get(host)
            return answer.status == status and (answer.body == body or status != 200)

        await until(does, f"{status} {body} of {host}")

    async def stat(self, name: str) -> int:
        """A counter or gauge."""
        url = f"http://{self.spec.ip}:{ADMIN_PORT}/stats?filter=^{name}$"
        text = (await fetch(self.lab.session, url, {})).body.strip()
        return int(text.rpartition(":")[2]) if text else 0


def service(host: str, address: str) -> str:
    """An outside host, and the route to it from gateways."""
    port = {"number": SERVICE_PORT, "name": "http", "protocol": "HTTP"}
    entry = {"hosts": [host], "resolution": "STATIC", "ports": [port], "endpoints": [{"address": address}]}
    route = [{"route": [{"destination": {"host": host, "port": {"number": SERVICE_PORT}}}]}]
    name = host.replace(".", "-")
    return document(_NETWORKING, "ServiceEntry", name, "default", {"spec": entry}) + document(
        _NETWORKING, "VirtualService", name, "default", {"spec": {"hosts": [host], "gateways": ["all"], "http": route}}
    )


def asking(credential: str, mode: str = "MUTUAL", host: str = HOST, **more: object) -> str:
    """The rule for the proxies of these tests."""
    tls = {"mode": mode, "credentialName": credential, "sni": HOST, "subjectAltNames": [HOST], **more}
    return rule(host.replace(".", "-"), host, tls, app="client")


async def start(lab: Lab, kind: str, files: Mapping[str, str]) -> Client:
    """A proxy of this kind, ``gateway`` or ``sidecar``, in a mesh with these files. What it answers is witnessed."""
    port = {"number": _GATEWAY_PORT, "name": "http", "protocol": "HTTP"}
    everything = {"selector": {"istio": "client"}, "servers": [{"port": port, "hosts": ["*"]}]}
    lab.write("gateway.yaml", document(_NETWORKING, "Gateway", "all", "default", {"spec": everything}))
    for name, text in files.items():
        lab.write(f"{name}.yaml", text)
    lab.witness = Witness(lab.config, MESH_CONFIG)
    await lab.serve()
    role = ProxyType.ROUTER if kind == "gateway" else ProxyType.SIDECAR
    spec = ProxySpec("client", "default", lab.addresses.new(), role, CaptureMode.NONE, labels=_LABELS)
    config = with_api_type(lab.api_type, bootstrap(spec, f"{lab.control_plane}:15010", ADMIN_PORT))
    await await_ready(lab.session, f"http://{spec.ip}:{ADMIN_PORT}/ready", await lab.run_envoy("client", config))
    return Client(lab, spec)


async def backend(lab: Lab, shown: Issued = SERVER, clients: Authority | None = CLIENTS) -> str:
    """An HTTPS server; its address."""
    address = lab.addresses.new()
    await lab.stack.enter_async_context(https_server(address, SERVICE_PORT, shown, lab.folder, clients))
    return address


KINDS = pytest.mark.parametrize("kind", ["gateway", "sidecar"])


@KINDS
@proves("DestinationRule", "spec.trafficPolicy.tls.credentialName", "spec.trafficPolicy.tls.mode")
async def test_a_certificate_is_shown_and_replaced(lab: Lab, kind: str) -> None:
    files = {"api": service(HOST, await backend(lab)) + asking("api"), "secret": secret("api", FIRST, ROOT)}
    client = await start(lab, kind, files)
    await client.answers(200, "first")
    lab.write("secret.yaml", secret("api", SECOND, ROOT))
    await client.answers(200, "second")


@KINDS
async def test_without_one_of_its_own_a_proxy_still_checks_whom_it_speaks_with(lab: Lab, kind: str) -> None:
    address = await backend(lab, clients=None)
    files = {"api": service(HOST, address) + asking("api", "SIMPLE"), "secret": secret("api-cacert", authority=ROOT)}
    client = await start(lab, kind, files)
    await client.answers(200, "-")
    lab.write("secret.yaml", secret("api-cacert", authority=CLIENTS))
    await client.answers(503)
    lab.write("secret.yaml", secret("api-cacert", authority=ROOT))
    await client.answers(200, "-")


@KINDS
async def test_a_server_is_revoked(lab: Lab, kind: str) -> None:
    files = {
        "api": service(HOST, await backend(lab)) + asking("api"),
        "secret": secret("api", FIRST, ROOT, revoked=ROOT.revoke()),
    }
    client = await start(lab, kind, files)
    await client.answers(200, "first")
    lab.write("secret.yaml", secret("api", FIRST, ROOT, revoked=ROOT.revoke(SERVER)))
    await client.answers(503)


@KINDS
@pytest.mark.parametrize("api_type", ["DELTA_GRPC", "GRPC"])
async def test_a_missing_credential_costs_only_its_own_connections(lab: Lab, kind: str, api_type: str) -> None:
    """A proxy that starts with it, and one that has it in the same change as another service, have all others."""
    lab.api_type = api_type
    first, second, plain = await backend(lab), await backend(lab), await lab.echo("plain")
    client = await start(
        lab, kind, {"api": service(HOST, first) + asking("late"), "plain": service("plain.example.com", plain)}
    )
    assert (await client.get("plain.example.com")).status == 200
    assert (await client.get()).status == 503

    more = service("second.example.com", second) + asking("missing", host="second.example.com")
    lab.write("more.yaml", more + service("new.example.com", plain))
    await client.answers(503, host="second.example.com")

    async def reached() -> bool:
        return (await client.get("new.example.com")).ok

    await until(reached, "a service of the same change")
    # Delta says that there is no such secret, so that Envoy need not wait for the second that it would.
    told = [await client.stat(f"sds.kubernetes_{name}.update_success") for name in ("late", "missing")]
    assert told == ([0, 0] if api_type == "GRPC" else [1, 1])

    lab.write("secret.yaml", secret("late", FIRST, ROOT))
    await client.answers(200, "first")
    assert (await client.get("second.example.com")).status == 503


async def test_a_sidecar_that_no_rule_is_for_sends_plain_text(lab: Lab) -> None:
    """As in Istio, and as the finding says: the rule is for gateways."""
    tls = {"mode": "MUTUAL", "credentialName": "api"}
    files = {
        "api": service(HOST, await lab.echo("plain")) + rule("api", HOST, tls),
        "secret": secret("api", FIRST, ROOT),
    }
    client = await start(lab, "sidecar", files)

    async def reached() -> bool:
        return (await client.get()).ok

    await until(reached, "an answer in plain text")
    assert await client.stat("sds.kubernetes_api.update_attempt") == 0
