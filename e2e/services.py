"""Configuration of services whose instances are echo servers."""

from __future__ import annotations

from collections.abc import Mapping


def service(name: str, instances: Mapping[str, str]) -> str:
    """A Service, a WorkloadEntry for each version and its address, and a DestinationRule with a subset for each."""
    entries = "".join(_entry(name, version, address) for version, address in instances.items())
    subsets = "".join(f"  - name: {version}\n    labels:\n      version: {version}\n" for version in instances)
    return (
        f"apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\nspec:\n"
        f"  ports:\n  - name: http\n    port: 9080\n  selector:\n    app: {name}\n{entries}"
        f"---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata:\n  name: {name}\nspec:\n"
        f"  host: {name}\n  subsets:\n{subsets}"
    )


def _entry(name: str, version: str, address: str) -> str:
    return (
        f"---\napiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata:\n  name: {name}-{version}\nspec:\n"
        f"  address: {address}\n  labels:\n    app: {name}\n    version: {version}\n"
    )


def route(name: str, subset: str) -> str:
    """A VirtualService that sends every request for ``name`` to one subset."""
    return (
        f"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: {name}\nspec:\n"
        f"  hosts:\n  - {name}\n"
        f"  http:\n  - route:\n    - destination:\n        host: {name}\n        subset: {subset}\n"
    )
