"""What the demo is made of: the processes, their addresses and the order of the steps. Values only, no I/O.

Each workload is an application on a port of 127.0.0.1 and a sidecar with an IP address of its own: the sidecar's
ingress listener is ``ip:9080``, its egress HTTP proxy is ``ip:15080``. The files under ``mesh/`` state the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

ROOT: Final = Path(__file__).parent
REPOSITORY: Final = ROOT.parent.parent
MESH_DIR: Final = ROOT / "mesh"
STEPS_DIR: Final = ROOT / "steps"
STRICT_DIR: Final = ROOT / "strict"
MESH_CONFIG: Final = ROOT / "mesh-config.yaml"

APP_HOST: Final = "127.0.0.1"
SERVICE_PORT: Final = 9080
PROXY_HTTP_PORT: Final = 15080


@dataclass(frozen=True, slots=True)
class Workload:
    """One application process and its sidecar.

    app: the Service that it belongs to and the module that runs it.
    ip: the sidecar's address and that of the WorkloadEntry.
    app_port: where the application listens on 127.0.0.1; the defaultEndpoint of the workload's Sidecar.
    """

    app: str
    version: str
    ip: str
    app_port: int
    namespace: str = "default"

    @property
    def name(self) -> str:
        """The name of its WorkloadEntry, its Sidecar and its proxy, unique within the namespace."""
        return f"{self.app}-{self.version}"

    @property
    def service_account(self) -> str:
        return f"bookinfo-{self.app}"

    @property
    def labels(self) -> MappingProxyType[str, str]:
        return MappingProxyType({"app": self.app, "version": self.version})

    @property
    def app_url(self) -> str:
        """The application itself, past its sidecar."""
        return f"http://{APP_HOST}:{self.app_port}"

    @property
    def egress_proxy_url(self) -> str:
        """The sidecar's HTTP proxy listener, through which the application calls its neighbours."""
        return f"http://{self.ip}:{PROXY_HTTP_PORT}"

    def command(self, python: str) -> tuple[str, ...]:
        """The application's command line. ``python`` is an interpreter; run it in ``REPOSITORY``."""
        listen = f"{APP_HOST}:{self.app_port}"
        module = f"examples.bookinfo.services.{self.app}"
        proxy = self.egress_proxy_url
        return (python, "-m", module, "--listen", listen, "--version", self.version, "--http-proxy", proxy)


@dataclass(frozen=True, slots=True)
class Gateway:
    """The ingress gateway's proxy. It has no application; ``port`` is open once the Gateway of step 8 is applied."""

    name: str
    namespace: str
    ip: str
    port: int
    service_account: str

    @property
    def labels(self) -> MappingProxyType[str, str]:
        return MappingProxyType({"app": self.name, "istio": "ingressgateway"})

    @property
    def url(self) -> str:
        return f"http://{self.ip}:{self.port}"


@dataclass(frozen=True, slots=True)
class Step:
    """A change of configuration: the files of ``directory`` are copied over those of ``mesh/``. parent: its folder."""

    name: str
    title: str
    parent: Path = STEPS_DIR

    @property
    def directory(self) -> Path:
        return self.parent / self.name


WORKLOADS: Final = (
    Workload("productpage", "v1", "127.1.0.11", 19081),
    Workload("details", "v1", "127.1.0.21", 19082),
    Workload("reviews", "v1", "127.1.0.31", 19083),
    Workload("reviews", "v2", "127.1.0.32", 19084),
    Workload("reviews", "v3", "127.1.0.33", 19085),
    Workload("ratings", "v1", "127.1.0.41", 19086),
)

GATEWAY: Final = Gateway(
    "istio-ingressgateway", "istio-system", "127.1.0.5", 8080, "istio-ingressgateway-service-account"
)

STEPS: Final = (
    Step("01-all-v1", "every request to reviews v1"),
    Step("02-jason-to-v2", "jason to reviews v2, everyone else to v1"),
    Step("03-canary-90-10", "90% to reviews v1, 10% to v3"),
    Step("04-canary-50-50", "50% to reviews v1, 50% to v3"),
    Step("05-all-v3", "every request to reviews v3"),
    Step("06-jason-delay", "ratings delayed by 7 s for jason"),
    Step("07-jason-abort", "ratings answered with 500 for jason"),
    Step("08-ingress", "the page through the ingress gateway"),
)

MUTUAL_TLS: Final = Step("s1-mutual-tls", "plain text refused, every caller known by its certificate", STRICT_DIR)
TOKEN: Final = Step("s2-token", "ratings with a member's token alone", STRICT_DIR)
DENY: Final = Step("s3-deny", "details for the page alone, and a denial that names its policy", STRICT_DIR)
ENTRANCE: Final = STEPS[-1]
"""Of the mesh in which plain text is refused: whoever has no identity comes in through the gateway from the start."""
