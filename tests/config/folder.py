"""A folder of files, as the tests of the ledger and of the fold write it."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import dedent

from xds.config.configuration import Configuration
from xds.config.yaml import ParsedFile, parse_documents
from xds.model.mesh import Mesh


class Folder:
    """Files that are written and removed, and what the configuration makes of it."""

    def __init__(self) -> None:
        self.configuration = Configuration()
        self._parsed: dict[str, ParsedFile] = {}

    def write(self, **texts: str | None) -> Folder:
        """Write files, named without their suffix, or remove them with None: all in one change."""
        changes: dict[str, ParsedFile | None] = {}
        for name, text in texts.items():
            file = f"{name}.yaml"
            changes[file] = None if text is None else parse_documents(dedent(text), file, self._parsed.get(file))
            self._parsed.pop(file, None)
            if (parsed := changes[file]) is not None:
                self._parsed[file] = parsed
        self.configuration = self.configuration.apply(changes)
        return self

    @property
    def mesh(self) -> Mesh:
        return self.configuration.mesh

    @property
    def changed(self) -> set[str]:
        return set(map(str, self.configuration.changed))

    @property
    def errors(self) -> list[str]:
        return self._said("error")

    @property
    def remarks(self) -> list[str]:
        """Everything said that is no error."""
        return self._said("warning") + self._said("info")

    def _said(self, severity: str) -> list[str]:
        found = self.configuration.diagnostics
        return [f"{d.origin} {d.object}: {d.reason}" for d in found if d.severity == severity]


def service(name: str, port: int = 80, **spec: object) -> str:
    """A Service whose selector is ``app: <name>``."""
    fields = {"selector": {"app": name}, "ports": [{"name": "http", "port": port}], **spec}
    return f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {fields}\n---\n"


def workload(name: str, address: str, app: str, kind: str = "WorkloadEntry", version: str = "v1") -> str:
    """A WorkloadEntry or a Pod with the labels ``app`` and ``version``."""
    labels = {"app": app, "version": version}
    if kind == "Pod":
        return (
            f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {labels}}}\n"
            f"status: {{podIP: {address}}}\n---\n"
        )
    spec = {"address": address, "labels": labels}
    return f"apiVersion: networking.istio.io/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n---\n"


def endpoint_slice(name: str, of: str, *addresses: str, port: int = 8080, pods: bool = False) -> str:
    """An EndpointSlice; with ``pods``, each address refers to the Pod that is named like it, with dashes."""
    endpoints: list[dict[str, object]] = [{"addresses": [address]} for address in addresses]
    for endpoint, address in zip(endpoints, addresses, strict=True):
        if pods:
            endpoint["targetRef"] = {"kind": "Pod", "name": "p-" + address.replace(".", "-")}
    return (
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
        f"metadata: {{name: {name}, labels: {{kubernetes.io/service-name: {of}}}}}\naddressType: IPv4\n"
        f"ports: [{{name: http, port: {port}}}]\nendpoints: {endpoints}\n---\n"
    )


def virtual_service(name: str, to: str = "a", created: str = "2026-01-01T00:00:00Z") -> str:
    spec = {"hosts": [name], "http": [{"route": [{"destination": {"host": to}}]}]}
    return (
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\n"
        f"metadata: {{name: {name}, creationTimestamp: '{created}'}}\nspec: {spec}\n---\n"
    )


def service_entry(name: str, *hosts: str, **spec: object) -> str:
    fields = {"hosts": list(hosts), "ports": [{"number": 80, "name": "http"}], **spec}
    return f"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}}}\nspec: {fields}\n---\n"


def rule_with_subsets(name: str, versions: Iterable[str], host: str) -> str:
    """A DestinationRule for a service of the same namespace."""
    subsets = [{"name": version, "labels": {"version": version}} for version in sorted(versions)]
    spec = {"host": host, "subsets": subsets, "trafficPolicy": {"loadBalancer": {"simple": "RANDOM"}}}
    return f"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: {name}}}\nspec: {spec}\n---\n"


def delegating(name: str, *delegates: str) -> str:
    """A VirtualService without rules of its own."""
    rules = [{"delegate": {"name": delegate}} for delegate in delegates]
    return _routes(name, {"hosts": ["web"], "http": rules})


def delegate(name: str, path: str = "/") -> str:
    """A VirtualService that others may name as their delegate."""
    rules = [{"match": [{"uri": {"prefix": path}}], "directResponse": {"status": 200}}]
    return _routes(name, {"http": rules})


def _routes(name: str, spec: object) -> str:
    return f"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}}}\nspec: {spec}\n---\n"
