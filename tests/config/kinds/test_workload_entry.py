"""WorkloadEntries."""

from __future__ import annotations

import pytest

from tests.config.kinds.whole import accepted, said
from xds.model.services import Health, Workload


def entry(annotations: str, status: str) -> str:
    return (
        "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\n"
        f"metadata: {{name: e, annotations: {{{annotations}}}}}\nspec: {{address: 10.0.0.1}}\nstatus: {{{status}}}\n"
    )


HEALTHY = "conditions: [{type: Other, status: x}, {type: Healthy, status: 'True'}]"
BROKEN = "conditions: [{type: Healthy, status: 'False'}]"
PROBED = "proxy.istio.io/health-checks-enabled: 'true'"


@pytest.mark.parametrize(
    ("annotations", "status", "health"),
    [
        ("", "", Health.HEALTHY),
        ("", HEALTHY, Health.HEALTHY),
        ("", BROKEN, Health.UNHEALTHY),
        (PROBED, "", Health.UNHEALTHY),
        (PROBED, "conditions: []", Health.UNHEALTHY),
        (PROBED, HEALTHY, Health.HEALTHY),
        (PROBED, BROKEN, Health.UNHEALTHY),
        ("proxy.istio.io/health-checks-enabled: 'false'", "", Health.HEALTHY),
    ],
)
def test_health_is_what_the_status_says(annotations: str, status: str, health: Health) -> None:
    assert accepted(Workload, entry(annotations, status)).health is health


def test_without_an_address_there_is_no_endpoint() -> None:
    text = "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: e}\nspec: {network: other}\n"
    assert [finding[0] for finding in said(text)] == ["warning"]
