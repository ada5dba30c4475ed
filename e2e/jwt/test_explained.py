"""What is explained of tokens is what gateways and workloads make of them: the same cases that are put to Envoys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from e2e.jwt.test_claim_routing import CASES, ISSUER, routes
from e2e.jwt.world import GATEWAY_PORT, HOST, gateway, policy
from translators import DEFAULT
from xds.app.explain.command import explained
from xds.app.explain.proxies import Named
from xds.app.explain.sender import Sender
from xds.app.explain.target import Asked
from xds.app.offline import Offline
from xds.app.store import Store
from xds.model.proxy import ProxyType
from xds.model.settings import MeshSettings
from xds.sources.batch import Batch

RULES = {"issuer": ISSUER.name, "jwks": ISSUER.jwks, "spaceDelimitedClaims": ["groups"]}


@pytest.fixture(scope="module")
def store() -> Store:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "server"}, "spec": _SERVICE}
    entry = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadEntry",
        "metadata": {"name": "server"},
        "spec": {"address": "10.0.0.1", "labels": {"app": "server"}},
    }
    rules = policy(RULES, app="gateway", name="at-gateway")
    documents = (service, entry, *gateway("10.0.0.2", "gateway", *routes()), rules)
    offline = Offline(MeshSettings(), DEFAULT)
    offline.take(Batch({"mesh.yaml": "\n---\n".join(map(json.dumps, documents))}))
    return offline.store


_SERVICE = {"selector": {"app": "server"}, "ports": [{"name": "http", "port": 9080}]}


def ask(store: Store, path: str, claims: Mapping[str, object] | None) -> Any:
    text = json.dumps({"iss": ISSUER.name, **claims}) if claims is not None else ""
    asked = Asked("GET", f"http://{HOST}:{GATEWAY_PORT}{path}", sender=Sender(claims=text))
    return explained(store, Named("gateway", "default", ProxyType.ROUTER), asked)


@pytest.mark.parametrize("path", CASES)
def test_claims_decide_at_a_gateway(store: Store, path: str) -> None:
    claims, passes = CASES[path]
    found = ask(store, path, claims)
    (outcome,), (route,) = found["outcomes"], found["routes"]
    assert "forwarded" in outcome if passes else outcome["answered"]["status"] == 418
    (check,) = route["checks"]
    assert check["from"][0]["field"] == "spec.jwtRules[0]"


def test_a_token_of_another_issuer_is_refused(store: Store) -> None:
    found = ask(store, "/text", {"iss": "another"})
    assert found["outcomes"][0]["answered"]["status"] == 401
