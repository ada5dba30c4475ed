"""What is in the mesh: Bookinfo's workloads and a gateway; and beside it, who gives out tokens."""

from __future__ import annotations

from e2e.capture.namespaces import GATEWAY
from e2e.netmesh_plan import Member, Plan, gateway
from examples.bookinfo.topology import REPOSITORY, SERVICE_PORT

FRONT_DOOR = 8080
ISSUER = f"{GATEWAY}:8081"
_BOOKINFO = REPOSITORY / "examples" / "bookinfo"


def _workload(app: str, version: str, ip: str) -> Member:
    name = f"{app}-{version}"
    options = ("--workload-group", name, "--label", f"app={app}", "--label", f"version={version}")
    program = (f"examples.bookinfo.services.{app}", "--listen", f"0.0.0.0:{SERVICE_PORT}", "--version", version)
    return Member(name, ip, f"bookinfo-{app}", options, application=program)


SHOP = Plan(
    members=(
        gateway("ingressgateway", "10.77.0.5", "istio-ingressgateway-service-account", "istio-system"),
        _workload("productpage", "v1", "10.77.0.11"),
        _workload("details", "v1", "10.77.0.12"),
        _workload("reviews", "v1", "10.77.0.13"),
        _workload("reviews", "v2", "10.77.0.14"),
        _workload("reviews", "v3", "10.77.0.15"),
        _workload("ratings", "v1", "10.77.0.16"),
    ),
    configuration=_BOOKINFO / "captured",
    mesh_config=_BOOKINFO / "mesh-config.yaml",
    # the addresses are nobody's: the requests say for whom they are
    hosts={"productpage": "10.96.0.1", "details": "10.96.0.2", "reviews": "10.96.0.3", "ratings": "10.96.0.4"},
    beside={"issuer": ("examples.bookinfo.issuer", "--listen", ISSUER)},
)
