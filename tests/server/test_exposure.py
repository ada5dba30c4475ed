"""Who could be overheard: what comes in plain text from another machine."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from typing import Any

import pytest
from starlette.applications import Starlette

import translators
from tests.certificates import Authority
from tests.documents import gateway, secret
from xds.app.store import Store
from xds.model.proxy import Proxy, ProxyType
from xds.model.settings import MeshSettings
from xds.pipeline import Pipeline
from xds.server.exposure import address_of, as_reached
from xds.server.rest import create_rest_app
from xds.sources.batch import Batch

PROXY = Proxy("id", ProxyType.ROUTER, "front", "default", ("10.0.0.1",), "default.svc.cluster.local")


@pytest.mark.parametrize(
    ("peer", "overheard"),
    [
        ("ipv4:127.0.0.1:4711", False),
        ("ipv4:127.20.3.4:4711", False),
        ("ipv6:%5B::1%5D:4711", False),
        ("ipv6:[::1]:4711", False),
        ("ipv6:%5B::ffff:127.0.0.1%5D:4711", False),
        ("unix:/run/xds", False),
        ("unix:", False),
        ("ipv4:10.0.0.5:4711", True),
        ("ipv6:%5Bfe80::1%25eth0%5D:4711", True),
        ("ipv6:%5B::ffff:10.0.0.5%5D:4711", True),
        ("something else", True),
        ("", True),
    ],
)
def test_only_this_machine_is_not_overheard(peer: str, overheard: bool) -> None:
    assert as_reached(PROXY, address_of(peer)).overheard is overheard


@pytest.mark.parametrize(("address", "count"), [("127.0.0.1", 1), ("10.0.0.5", 0), ("", 0)])
async def test_over_rest_a_secret_does_not_go_to_another_machine(address: str, count: int) -> None:
    store = Store(Pipeline(translators.DEFAULT), MeshSettings(), clock=lambda: 0.0)
    server = gateway("front", {"mode": "SIMPLE", "credentialName": "front"}, selector="front")
    store.apply(Batch({"mesh.yaml": server + secret("front", Authority("root").issue("front"))}))
    node = {"id": "router~10.0.0.1~a.default~default.svc.cluster.local", "metadata": {"LABELS": {"istio": "front"}}}
    asked = {"node": node, "resource_names": ["kubernetes://front"]}
    answered = await post(create_rest_app(store), "/v3/discovery:secrets", asked, address)
    assert len(answered.get("resources", [])) == count


async def post(app: Starlette, path: str, document: object, address: str) -> dict[str, list[object]]:
    """The answer to a POST that comes from this address."""
    client = (address, 4711) if address else None
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": path,
        "headers": [],
        "query_string": b"",
        "client": client,
    }
    sent: list[bytes] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": json.dumps(document).encode()}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message.get("body", b""))

    await app({**scope, "client": client}, receive, send)
    answer = json.loads(b"".join(sent))
    assert isinstance(answer, dict)
    assert "error" not in answer
    return answer
