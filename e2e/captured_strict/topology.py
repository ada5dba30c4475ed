"""Who is in the mesh and around it, what everyone serves, and which names lead where."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from e2e.capture.namespaces import ipv6_of
from e2e.capture.servers import Server, bytes_server, greeting_server, http_server, line_server
from e2e.netmesh_plan import Member, Plan, gateway

HTTP, OPEN, LINES, VAULT, DATABASE = 9080, 9090, 9000, 9001, 3306
"""Ports of the service ``server``: HTTP, HTTP that is open to plain text, TCP, TCP for the client alone, and one where
the server speaks first."""

GUESSED, GUESSED_LINES, GUESSED_BYTES = 8000, 8001, 8002
"""Those of which nobody says what they are: HTTP, TCP, and whatever the application likes."""

UNDECLARED, UNDECLARED_GREETING = 7070, 7071
"""Ports that workloads serve, and of which no service knows: HTTP, and one where the server speaks first."""

DIALLED, DIALLED_LINES = 9400, 9401
"""HTTP and TCP by the entry that sends connections wherever they were going."""

STRICT, PLAIN = 9081, 9082
"""Ports of ``mixed``: with mutual TLS alone, and without."""

NOT_CAPTURED_IN, NOT_CAPTURED_OUT = 9999, 9998
"""What ``mixed`` receives and what ``client`` sends on these ports is left alone by capture."""

BEHIND, BEHIND_LINES = 9180, 9100
"""Where ``guest`` serves what its Sidecar receives for it on other ports."""

_SERVER: Mapping[int, Server] = {
    HTTP: http_server,
    OPEN: http_server,
    LINES: line_server,
    VAULT: line_server,
    DATABASE: greeting_server,
    GUESSED: http_server,
    GUESSED_LINES: line_server,
    GUESSED_BYTES: bytes_server,
    UNDECLARED: http_server,
    UNDECLARED_GREETING: greeting_server,
    DIALLED: http_server,
    DIALLED_LINES: line_server,
    NOT_CAPTURED_OUT: http_server,
}
_MIXED: Mapping[int, Server] = {
    HTTP: http_server,
    STRICT: http_server,
    PLAIN: http_server,
    NOT_CAPTURED_IN: http_server,
    NOT_CAPTURED_OUT: http_server,
    LINES: line_server,
    VAULT: line_server,
}
_OUTSIDE: Mapping[int, Server] = {
    HTTP: http_server,
    8080: http_server,
    8081: line_server,
    UNDECLARED: http_server,
    UNDECLARED_GREETING: greeting_server,
    NOT_CAPTURED_OUT: http_server,
}
SERVED: Mapping[str, Mapping[int, Server]] = {
    "client": {HTTP: http_server, NOT_CAPTURED_IN: http_server},
    "guest": {BEHIND: http_server, BEHIND_LINES: line_server},
    "server-v1": _SERVER,
    "server-v2": _SERVER,
    "mixed": _MIXED,
    "outside": _OUTSIDE,
    "beyond": {HTTP: http_server},
}
"""By who serves it. ``outside`` serves TLS besides (`OUTSIDE_TLS`)."""

SERVERS = ("server-v1", "server-v2")


OUTSIDE = {"outside": "10.77.0.50", "beyond": "10.77.0.51"}


def _workload(name: str, ip: str, *capture: str) -> Member:
    """Its account is that of its application."""
    app, _, version = name.partition("-")
    labels = {"app": app, **({"version": version} if version else {})}
    options = tuple(word for key, value in labels.items() for word in ("--label", f"{key}={value}"))
    return Member(name, ip, app, options, capture=capture)


MEMBERS = (
    gateway("ingressgateway", "10.77.0.5", "ingressgateway", "istio-system"),
    gateway("egressgateway", "10.77.0.6", "egressgateway", "istio-system"),
    _workload(
        *("client", "10.77.0.10"),
        *("--include-inbound-ports", f"{HTTP}", "--exclude-outbound-ports", f"{NOT_CAPTURED_OUT}"),
    ),
    _workload("guest", "10.77.0.11", "--exclude-outbound-ip-ranges", f"{OUTSIDE['beyond']}/32"),
    _workload("server-v1", "10.77.0.21"),
    _workload("server-v2", "10.77.0.22"),
    _workload(
        *("mixed", "10.77.0.23"),
        *("--annotation", f"traffic.sidecar.istio.io/excludeInboundPorts={NOT_CAPTURED_IN}"),
    ),
)
LEFT_ALONE: Mapping[str, set[str]] = {"client": {str(NOT_CAPTURED_OUT)}, "guest": {OUTSIDE["beyond"]}}
"""By who sends it, the ports and addresses of what no sidecar sees."""

IPS: Mapping[str, str] = {**{member.name: member.ip for member in MEMBERS}, **OUTSIDE}

BY_IPV6: Mapping[str, str] = {f"[{ipv6_of(ip)}]": ip for ip in IPS.values()}
"""Everybody is known by the address of IPv4."""

RESOLVED_BY_PROXIES = {"backend.example.com": IPS["outside"], "v1.server.example.com": IPS["server-v1"]}
NAMES: Mapping[str, str] = {
    "server": "10.96.0.10",
    "chosen": IPS["server-v1"],
    "mixed": "10.96.0.12",
    "lines": "10.96.0.13",
    "pods": IPS["server-v2"],
    **{f"{name}.pods": IPS[name] for name in SERVERS},
    **{f"{name}.address": ip for name, ip in IPS.items()},
    **{f"{name}.six": ipv6_of(ip) for name, ip in IPS.items()},
    "six": "fd96::10",
    "guest": "10.96.0.14",
    "careless": "10.96.0.15",
    "static.example.com": "10.97.0.1",
    "dns.example.com": "10.97.0.2",
    "selected.example.com": "10.97.0.3",
    "named.example.com": "10.97.0.6",
    "secure.example.com": "10.97.0.4",
    "ledger.example.com": "10.97.0.5",
    "remote.example.com": "10.97.0.7",
    "unknown.example.com": IPS["outside"],
    "beyond.example.com": IPS["beyond"],
    "localhost": "127.0.0.1",
}
"""What applications resolve: services to addresses that are nobody's, the rest to hosts."""

SHOP, SECURE = "shop.example.com", "secure.example.com"
OUTSIDE_TLS = 9443
"""Where the host outside speaks TLS, with a certificate for `SECURE`."""

_HERE = Path(__file__).parent
MESH_CONFIG = _HERE / "mesh-config.yaml"
PLAN = Plan(
    members=MEMBERS,
    configuration=_HERE / "config",
    mesh_config=MESH_CONFIG,
    hosts=RESOLVED_BY_PROXIES,
    outside=OUTSIDE,
)
