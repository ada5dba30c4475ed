"""Routes and the subsets that they need, in every order of arrival."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.config.folder import Folder, service


def route(*subsets: str, protocol: str = "http", weights: tuple[int, ...] = ()) -> str:
    destinations: list[dict[str, object]] = [{"destination": {"host": "a", "subset": subset}} for subset in subsets]
    if len(subsets) > 1:
        shares = weights or (100 // len(subsets),) * len(subsets)
        destinations = [{**each, "weight": share} for each, share in zip(destinations, shares, strict=True)]
    spec = {"hosts": ["a"], protocol: [{"route": destinations}]}
    return f"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: r}}\nspec: {spec}\n---\n"


def subsets(*names: str, host: str = "a", name: str = "a") -> str:
    spec = {"host": host, "subsets": [{"name": each, "labels": {"version": each}} for each in names]}
    return f"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: {name}}}\nspec: {spec}\n---\n"


@pytest.fixture
def folder() -> Folder:
    return Folder().write(service=service("a"), rule=subsets("v1", "v2"), route=route("v1"))


def routed(folder: Folder) -> list[str]:
    """The subsets that the VirtualService in force uses."""
    (found,) = folder.mesh.virtual_services
    http = [target.destination.subset for each in found.http for target in each.route]
    return http + [target.destination.subset for each in (*found.tls, *found.tcp) for target in each.route]


def test_a_route_waits_for_its_subset_and_takes_effect_with_it(folder: Folder) -> None:
    folder.write(route=route("v3"))
    assert routed(folder) == ["v1"]
    assert folder.changed == set()

    folder.write(rule=subsets("v1", "v3"))
    assert routed(folder) == ["v3"]
    assert folder.changed == {"DestinationRule/a.default", "VirtualService/r.default"}
    assert not folder.configuration.subsets.diagnostics


def test_a_waiting_route_is_told_with_its_place_and_reason(folder: Folder) -> None:
    folder.write(route=route("v2", "v3"))

    (finding,) = folder.configuration.subsets.diagnostics
    assert str(finding) == (
        "warning  route.yaml:4  VirtualService/r.default  spec.http[0].route[1].destination.subset: "
        "no DestinationRule defines the subset v3 of a.default.svc.cluster.local: "
        "the version before stays in force until one does"
    )
    assert finding.code == "unknown-subset"


def test_a_subset_may_come_before_its_route(folder: Folder) -> None:
    folder.write(rule=subsets("v1", "v3"))
    folder.write(route=route("v3"))

    assert routed(folder) == ["v3"]


def test_both_may_come_at_once(folder: Folder) -> None:
    folder.write(route=route("v3"), rule=subsets("v3"))

    assert routed(folder) == ["v3"]
    assert not folder.configuration.subsets.diagnostics


def test_any_rule_of_the_mesh_for_the_host_will_do(folder: Folder) -> None:
    folder.write(route=route("v3"))
    folder.write(wildcard=subsets("v3", host="*.cluster.local", name="wildcard"))
    assert routed(folder) == ["v3"]

    folder.write(wildcard=None)
    assert [finding.code for finding in folder.configuration.subsets.diagnostics] == ["unknown-subset"]


def test_a_first_version_takes_effect_whatever_it_lacks() -> None:
    folder = Folder().write(service=service("a"), route=route("v3"))

    assert routed(folder) == ["v3"]
    (finding,) = folder.configuration.subsets.diagnostics
    assert finding.reason.endswith("what is routed to it fails")


def test_a_version_that_lacks_something_is_not_held_on_to(folder: Folder) -> None:
    folder.write(rule=subsets("v2"))
    assert routed(folder) == ["v1"]

    folder.write(route=route("v3"))
    assert routed(folder) == ["v3"]


def test_a_newer_version_ends_the_wait_of_an_older_one(folder: Folder) -> None:
    folder.write(route=route("v3"))
    folder.write(route=route("v2"))
    assert routed(folder) == ["v2"]

    folder.write(rule=subsets("v1", "v2", "v3"))
    assert routed(folder) == ["v2"]


def test_a_removed_route_waits_no_more(folder: Folder) -> None:
    folder.write(route=route("v3"))
    folder.write(route=None)

    assert not folder.mesh.virtual_services
    assert not folder.configuration.subsets.diagnostics
    assert folder.changed == {"VirtualService/r.default"}


def test_nobody_else_waits(folder: Folder) -> None:
    folder.write(route=route("v3"))
    folder.write(rule=subsets("v1"), service=service("a", 81))

    assert routed(folder) == ["v1"]
    assert folder.mesh.services[0].ports[0].number == 81
    assert [each.name for each in folder.mesh.destination_rules["default"][0].subsets] == ["v1"]


def test_a_subset_without_a_share_of_the_traffic_is_not_waited_for(folder: Folder) -> None:
    folder.write(route=route("v2", "v3", weights=(100, 0)))

    assert routed(folder) == ["v2", "v3"]


@pytest.mark.parametrize("protocol", ["tcp", "http"])
def test_connections_wait_as_requests_do(folder: Folder, protocol: str) -> None:
    folder.write(route=route("v3", protocol=protocol))

    assert routed(folder) == ["v1"]


def _text(kind: str, names: set[str] | None) -> str | None:
    if not names:
        return None
    return route(*sorted(names)) if kind == "route" else subsets(*sorted(names))


NAMES = st.sampled_from(["v1", "v2", "v3"])


class Arrivals(RuleBasedStateMachine):
    """Routes and rules at random: what is in force lacks nothing, unless there was nothing better."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Folder().write(service=service("a"))
        self.newest: list[str] | None = None
        self.defined: set[str] = set()
        self.in_force: list[str] | None = None

    @rule(change=st.dictionaries(st.sampled_from(["route", "rule"]), st.none() | st.sets(NAMES, min_size=1)))
    def change(self, change: dict[str, set[str] | None]) -> None:
        self.folder.write(**{kind: _text(kind, names) for kind, names in change.items()})
        if "route" in change:
            self.newest = sorted(change["route"]) if change["route"] else None
        if "rule" in change:
            self.defined = change["rule"] or set()
        if self.newest is None or not self._lacks(self.newest) or not self.in_force or self._lacks(self.in_force):
            self.in_force = self.newest

    def _lacks(self, names: list[str]) -> bool:
        return not self.defined.issuperset(names)

    @invariant()
    def agrees(self) -> None:
        assert (routed(self.folder) if self.folder.mesh.virtual_services else None) == self.in_force
        found = {finding.path for finding in self.folder.configuration.subsets.diagnostics}
        assert bool(found) == (self.newest is not None and self._lacks(self.newest))


TestArrivals = Arrivals.TestCase
TestArrivals.settings = settings(max_examples=60, stateful_step_count=12, deadline=None)
