"""Who is in the mesh of these tests and around it, what everyone serves, and which names lead where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from e2e.capture.grpc_applications import grpc_server
from e2e.capture.namespaces import ipv6_of
from e2e.capture.servers import Server, bytes_server, failing_server, greeting_server, http_server, line_server


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload of the mesh, or a host outside of it. labels None: it has no sidecar. ports: what it serves."""

    ip: str
    labels: Mapping[str, str] | None
    ports: Mapping[int, Server] = field(default_factory=dict)


REVIEWS_PORTS: Mapping[int, Server] = {
    9080: http_server,
    9000: line_server,
    9500: grpc_server,
    3306: greeting_server,
    8000: http_server,
    8001: line_server,
    7070: http_server,
    7071: greeting_server,
}
OUTSIDE_PORTS: Mapping[int, Server] = {
    8080: http_server,
    8083: http_server,
    8088: http_server,
    9080: http_server,
    8081: line_server,
    8082: line_server,
    8084: line_server,
    8085: http_server,
    9090: line_server,
    7998: failing_server,
    8089: greeting_server,
    8443: bytes_server,
    8444: bytes_server,
}
WORKLOADS = {
    "client": Workload("10.77.0.10", {"app": "client"}, {9080: http_server}),
    "strict": Workload("10.77.0.11", {"app": "strict"}, {9180: http_server, 9100: line_server, 9200: http_server}),
    "resolving": Workload("10.77.0.12", {"app": "resolving"}),
    "reviews-v1": Workload("10.77.0.21", {"app": "reviews", "version": "v1"}, REVIEWS_PORTS),
    "reviews-v2": Workload("10.77.0.22", {"app": "reviews", "version": "v2"}, REVIEWS_PORTS),
    "outside": Workload("10.77.0.50", None, OUTSIDE_PORTS),
}
NAMES = {
    "reviews": "10.96.0.10",
    "ratings": "10.96.0.11",
    "lines": "10.96.0.12",
    "guess": "10.96.0.13",
    "client": "10.96.0.14",
    "canary": "10.96.0.15",
    "pages": "10.96.0.16",
    "strict": "10.96.0.17",
    "late": "10.96.0.18",
    "greeter": "10.96.0.19",
    "sticky": "10.96.0.20",
    "half-dead.example.com": "10.97.0.4",
    "elastic.example.com": "10.97.0.5",
    "sliced": "10.96.0.21",
    "alias": WORKLOADS["outside"].ip,
    "virtual.example.com": "10.97.0.6",
    "features": "10.96.0.22",
    "greeter-again": "10.96.0.24",
    "delegating": "10.96.0.25",
    "near": "10.96.0.26",
    "more": "10.96.0.27",
    "ejecting.example.com": "10.97.0.7",
    "static.example.com": "10.97.0.1",
    "dns.example.com": "10.97.0.2",
    "v1.pods": WORKLOADS["reviews-v1"].ip,
    "v2.pods": WORKLOADS["reviews-v2"].ip,
    "one.tls.example.com": "10.97.0.3",
    "two.tls.example.com": "10.97.0.3",
    "any.wild.example.com": WORKLOADS["outside"].ip,
    "one.automatic.example.com": "240.240.17.25",
    "two.automatic.example.com": "240.240.0.181",
    "one.dynamic.example.com": "10.97.0.8",
    "none.example.com": WORKLOADS["outside"].ip,
    "unknown.example.com": WORKLOADS["outside"].ip,
    "localhost": "127.0.0.1",
    "six": "fd96::28",
    "six.lines": "fd96::29",
    "six.pods": ipv6_of("10.77.0.21"),
    "six.outside": ipv6_of("10.77.0.50"),
}
"""What applications resolve, as the DNS of a cluster would: services to their addresses, the rest to hosts."""

RESOLVED_BY_PROXIES = {
    "backend.example.com": WORKLOADS["outside"].ip,
    "one.dynamic.example.com": WORKLOADS["outside"].ip,
}
