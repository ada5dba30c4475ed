"""EnvoyFilters for a gateway: a listener of its own, and what it does with a port's virtual hosts."""

from __future__ import annotations

import asyncio
import json
import time

from e2e.envoyfilter.mesh import envoy_filter, instance
from e2e.lab import Lab
from e2e.proofs import proves
from e2e.services import service
from xds.app.bootstrap import bootstrap
from xds.app.demo.bring_up import await_ready
from xds.app.demo.plan import ADMIN_PORT
from xds.app.demo.shop import Answer, fetch
from xds.app.proxy_spec import ProxySpec
from xds.model.proxy import CaptureMode, ProxyType

PORT, OWN_PORT = 8080, 8099
FILTERS = "type.googleapis.com/envoy.extensions.filters"

PATCHES = """\
- applyTo: LISTENER
  match: {{context: GATEWAY}}
  patch:
    operation: ADD
    value:
      name: own
      address: {{socket_address: {{address: {ip}, port_value: {own}}}}}
      filter_chains:
      - filters:
        - name: envoy.filters.network.http_connection_manager
          typed_config:
            "@type": {filters}.network.http_connection_manager.v3.HttpConnectionManager
            stat_prefix: own
            route_config:
              virtual_hosts:
              - name: all
                domains: ["*"]
                routes: [{{match: {{prefix: /}}, direct_response: {{status: 299}}}}]
            http_filters:
            - {{name: router, typed_config: {{"@type": {filters}.http.router.v3.Router}}}}
- applyTo: LISTENER
  match: {{context: GATEWAY, listener: {{portNumber: {port}}}}}
  patch: {{operation: MERGE, value: {{stat_prefix: patched}}}}
- applyTo: VIRTUAL_HOST
  match: {{context: GATEWAY, routeConfiguration: {{portNumber: {port}, vhost: {{domainName: shop.example.com}}}}}}
  patch:
    operation: MERGE
    value: {{response_headers_to_add: [{{header: {{key: x-gateway, value: "yes"}}}}]}}
- applyTo: VIRTUAL_HOST
  match: {{context: GATEWAY, routeConfiguration: {{portNumber: {own}, vhost: {{domainName: shop.example.com}}}}}}
  patch:
    operation: MERGE
    value: {{response_headers_to_add: [{{header: {{key: x-other, value: "yes"}}}}]}}
"""


@proves(
    "EnvoyFilter",
    "spec.configPatches.match.routeConfiguration.portNumber",
    "spec.configPatches.match.routeConfiguration.vhost.domainName",
)
async def test_a_gateway_has_a_listener_of_its_own_and_marks_what_it_passes_on(lab: Lab) -> None:
    spec = ProxySpec(
        "gateway", "default", lab.addresses.new(), ProxyType.ROUTER, CaptureMode.NONE, labels={"istio": "ingress"}
    )
    lab.write("shop.yaml", service("shop", {"v1": await lab.echo("v1")}))
    lab.write("gateway.yaml", "\n---\n".join(map(json.dumps, (gateway(spec.ip), routes()))))
    await lab.serve()
    child = await lab.run_envoy("gateway", bootstrap(spec, f"{lab.control_plane}:15010", ADMIN_PORT))
    await await_ready(lab.session, f"http://{spec.ip}:{ADMIN_PORT}/ready", child)

    async def ask(port: int) -> Answer:
        return await fetch(lab.session, f"http://{spec.ip}:{port}/", {"host": "shop.example.com"})

    before = await ask(PORT)
    assert (instance(before), "x-gateway" in before.headers) == ("v1", False)
    text = envoy_filter("gateway", PATCHES.format(ip=spec.ip, own=OWN_PORT, port=PORT, filters=FILTERS))
    lab.write("patches.yaml", text)
    deadline = time.monotonic() + 15
    while (await ask(PORT)).headers.get("x-gateway") != "yes":
        assert time.monotonic() < deadline, "never patched"
        await asyncio.sleep(0.05)

    answer = await ask(PORT)
    assert (instance(answer), "x-other" in answer.headers) == ("v1", False)
    assert (await ask(OWN_PORT)).status == 299
    assert "listener.patched." in await fetch_text(lab, f"http://{spec.ip}:{ADMIN_PORT}/stats?filter=listener.patched")


async def fetch_text(lab: Lab, url: str) -> str:
    return (await fetch(lab.session, url, {})).body


def gateway(bind: str) -> object:
    server = {"port": {"number": PORT, "name": "http", "protocol": "HTTP"}, "bind": bind, "hosts": ["*"]}
    return _object("Gateway", {"selector": {"istio": "ingress"}, "servers": [server]})


def routes() -> object:
    route = {"route": [{"destination": {"host": "shop"}}]}
    return _object("VirtualService", {"hosts": ["shop.example.com"], "gateways": ["shop"], "http": [route]})


def _object(kind: str, spec: object) -> object:
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": {"name": "shop"}, "spec": spec}
