"""What several objects say of one host, as files come, change and go."""

from __future__ import annotations

from tests.config.folder import Folder, service, virtual_service, workload


def rule(name: str, *versions: str, policy: str = "", namespace: str = "default", host: str = "a") -> str:
    spec: dict[str, object] = {"host": f"{host}.default.svc.cluster.local"}
    spec["subsets"] = [{"name": each, "labels": {"version": each}} for each in versions]
    if policy:
        spec["trafficPolicy"] = {"loadBalancer": {"simple": policy}}
    metadata = f"{{name: {name}, namespace: {namespace}}}"
    return f"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {metadata}\nspec: {spec}\n---\n"


def said(folder: Folder) -> list[tuple[str, str]]:
    """Who it is about, and the code."""
    found = folder.configuration.fold.conflicts.diagnostics
    return [(each.object.name if each.object else "", each.code) for each in found]


def routes(name: str, to: str, created: str, **spec: object) -> str:
    fields = {"hosts": ["a"], "http": [{"route": [{"destination": {"host": to}}]}], **spec}
    metadata = f"{{name: {name}, creationTimestamp: '{created}'}}"
    return f"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {metadata}\nspec: {fields}\n---\n"


def test_the_second_route_for_a_host_is_told_with_both_places_until_one_goes() -> None:
    first, second = routes("first", "a", "2026-01-01T00:00:00Z"), routes("second", "a", "2026-01-02T00:00:00Z")
    folder = Folder().write(one=first, two=second)
    (finding,) = folder.configuration.fold.conflicts.diagnostics
    assert str(finding) == (
        "warning  two.yaml:1  VirtualService/second.default  spec.hosts: VirtualService/first.default at one.yaml:1 "
        "routes a.default.svc.cluster.local already, and sidecars obey one: this has no effect on it"
    )

    folder.write(one=None)
    assert said(folder) == []


def test_routes_of_gateways_merge_and_routes_that_nobody_sees_together_are_apart() -> None:
    gateway = routes("gateway", "a", "2026-01-02T00:00:00Z", gateways=["front"])
    hidden = routes("hidden", "a", "2026-01-03T00:00:00Z", exportTo=["other"])
    own = routes("own", "a", "2026-01-01T00:00:00Z", exportTo=["."])
    assert said(Folder().write(own=own, gateway=gateway, hidden=hidden)) == []


def test_a_hidden_rule_is_told() -> None:
    folder = Folder().write(a=rule("a", "v1", policy="RANDOM"), b=rule("b", "v1", "v2", policy="ROUND_ROBIN"))
    assert said(folder) == [("b", "hidden-rule"), ("b", "hidden-rule")]

    folder.write(b=rule("b", "v2"))
    assert said(folder) == []


def test_rules_of_different_namespaces_are_for_different_clients() -> None:
    folder = Folder().write(a=rule("a", policy="RANDOM"), b=rule("b", policy="RANDOM", namespace="other"))
    assert said(folder) == []


def test_a_subset_without_endpoints_is_told_until_there_is_one() -> None:
    folder = Folder().write(a=service("a") + rule("a", "v1", "v2"), w=workload("w", "10.0.0.1", "a", version="v1"))
    assert said(folder) == [("a", "empty-subset")]

    folder.write(x=workload("x", "10.0.0.2", "a", version="v2"))
    assert said(folder) == []

    folder.write(w=None)
    assert said(folder) == [("a", "empty-subset")]


def test_what_is_told_of_the_service_itself_is_not_told_of_its_subsets() -> None:
    assert said(Folder().write(a=service("a") + rule("a", "v1"))) == []
    assert said(Folder().write(a=rule("a", "v1", host="nobody"))) == []


def test_a_change_elsewhere_leaves_what_was_found_as_it_is() -> None:
    folder = Folder().write(a=rule("a", "v1"), b=rule("b", "v1"))
    before = folder.configuration.fold.conflicts.findings
    folder.write(c=virtual_service("c"), d=workload("d", "10.0.0.1", "d"))
    assert folder.configuration.fold.conflicts.findings is before
