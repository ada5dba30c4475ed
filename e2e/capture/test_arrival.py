"""What is explained of the sidecar at the other end is what the server there sees."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from yarl import URL

from e2e.capture.mesh import MESH_CONFIG, CaptureMesh, sidecar_spec
from e2e.capture.topology import NAMES, WORKLOADS
from translators import DEFAULT
from xds.app.explain.inbound import arrival
from xds.app.explain.target import Asked, target
from xds.app.loading import load_settings
from xds.app.offline import Offline, proxy_of
from xds.explain import Forwarded, explain

pytestmark = pytest.mark.asyncio(loop_scope="session")


def explained(mesh: CaptureMesh, url: str) -> Iterator[str]:
    """Where the sidecars of endpoints lead a request of the client."""
    offline = Offline(load_settings(MESH_CONFIG), DEFAULT)
    offline.read([mesh.config])
    store, spec = offline.store, sidecar_spec("client", {"app": "client"}, WORKLOADS["client"].ip)
    aim = target(Asked("GET", url, address=NAMES[URL(url).host or ""]), spec, store.mesh)
    snapshot = store.compile(proxy_of(spec, store.mesh)).snapshot
    for outcome in explain(snapshot, aim.connection, aim.request, through_capture=True).outcomes:
        found = arrival(store, spec, aim, outcome) if isinstance(outcome, Forwarded) else None
        for inner in found.explanation.outcomes if found is not None else ():
            if isinstance(inner, Forwarded):
                yield from (endpoint.address for endpoint in inner.cluster.endpoints)


@pytest.mark.parametrize(
    "url",
    ["http://strict:9080/", "http://v1.pods:9080/", "http://v2.pods:7070/", "http://reviews:9080/"],
    ids=["a Sidecar's ingress", "an endpoint of its own", "a port that nobody declared", "a subset"],
)
async def test_a_request_arrives_where_it_is_explained_to(mesh: CaptureMesh, url: str) -> None:
    local = (await mesh.client.get(url)).received["local"]

    assert isinstance(local, list)
    assert list(explained(mesh, url)) == [f"{local[0]}:{local[1]}"]
