"""The documents that tests of gateways are configured with, as plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from tests.certificates import Issued

Document: TypeAlias = Mapping[str, object]
LABELS = {"istio": "ingressgateway"}


def text(*documents: Document) -> str:
    """As a file has them: JSON is YAML."""
    return "\n---\n".join(json.dumps(each) for each in documents)


def _istio(kind: str, name: str, spec: Document, **more: object) -> Document:
    metadata = {"name": name, **{key: value for key, value in more.items() if value}}
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def gateway(name: str, *servers: Document, created: str = "", annotations: Mapping[str, str] | None = None) -> Document:
    """A Gateway of the tests' gateway proxy."""
    spec = {"selector": LABELS, "servers": servers}
    return _istio("Gateway", name, spec, creationTimestamp=created, annotations=annotations)


def server(
    port: int, protocol: str, hosts: Sequence[str], tls: Document | None = None, bind: str = "", port_name: str = ""
) -> Document:
    """A server. port_name: by default its protocol with its first host."""
    named = port_name or f"{protocol}-{port}-{hosts[0]}".lower().replace("*", "any").replace(".", "-")
    port_document = {"number": port, "name": named, "protocol": protocol}
    extras = {name: value for name, value in (("tls", tls), ("bind", bind)) if value}
    return {"port": port_document, "hosts": hosts, **extras}


def https_routes(
    name: str, gateways: Sequence[str], hosts: Sequence[str], subset: str = "v1", port: int = 0
) -> Document:
    """A VirtualService that sends every request for the hosts to a subset of the shop. port: of the server, if that
    counts."""
    match = {"match": [{"port": port}]} if port else {}
    route = {**match, "route": [{"destination": {"host": "shop", "subset": subset}}]}
    return _istio("VirtualService", name, {"hosts": hosts, "gateways": gateways, "http": [route]})


def connection_routes(
    name: str, gateways: Sequence[str], hosts: Sequence[str], **rules: Sequence[Document]
) -> Document:
    """A VirtualService with rules for TCP or TLS."""
    return _istio("VirtualService", name, {"hosts": hosts, "gateways": gateways, **rules})


def to(host: str, number: int, subset: str = "", **match: object) -> Document:
    """A rule that sends what matches to a service."""
    destination = {"host": host, "port": {"number": number}, **({"subset": subset} if subset else {})}
    found = {"match": [match]} if match else {}
    return {**found, "route": [{"destination": destination}]}


def service(name: str, address: str, ports: Mapping[str, int], *, mtls: bool = False) -> tuple[Document, Document]:
    """A Service with one instance. ports: by name. mtls: whether it says that it accepts mutual TLS."""
    label = {"security.istio.io/tlsMode": "istio"} if mtls else {}
    listed = [{"name": port_name, "port": number} for port_name, number in ports.items()]
    workload = _istio("WorkloadEntry", name, {"address": address, "labels": {"app": name, **label}})
    spec = {"selector": {"app": name}, "ports": listed}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}, workload


def secret(name: str, issued: Issued | None = None, **more: str) -> Document:
    """A Secret. more: further keys, with underscores for their dots."""
    pair = {"tls.crt": issued.chain, "tls.key": issued.key_pem} if issued is not None else {}
    data = {**pair, **{key.replace("_", "."): value for key, value in more.items()}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}
