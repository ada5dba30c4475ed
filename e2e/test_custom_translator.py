"""The example of a translator of one's own, run by the control plane for a real Envoy."""

from __future__ import annotations

import json

from e2e.lab import Lab
from e2e.services import service


async def test_the_example_adds_a_header_to_one_service_and_a_cluster_to_every_proxy(lab: Lab) -> None:
    lab.write("reviews.yaml", service("reviews", {"v1": await lab.echo("reviews")}))
    lab.write("ratings.yaml", service("ratings", {"v1": await lab.echo("ratings")}))
    await lab.serve("--translators", "examples.custom_translator.translator:TRANSLATORS")
    client = await lab.sidecar("client")

    reviews, ratings = await client.get("reviews"), await client.get("ratings")

    assert (json.loads(reviews.body)["instance"], reviews.headers.get("x-mesh")) == ("reviews", "pilothouse")
    assert (json.loads(ratings.body)["instance"], ratings.headers.get("x-mesh")) == ("ratings", None)
    assert "legacy::127.0.0.1:8888::health_flags::healthy" in await client.admin("/clusters")
