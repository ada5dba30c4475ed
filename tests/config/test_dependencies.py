"""Routes and the services and subsets that they need, in every order of arrival and of leaving."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.config.folder import Folder, service, service_entry, virtual_service, workload
from xds.model.objects import ObjectKey


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


def defined(folder: Folder) -> dict[str, list[str]]:
    """The subsets in force, by rule."""
    rules = folder.mesh.destination_rules.get("default", ())
    return {rule.meta.name: [subset.name for subset in rule.subsets] for rule in rules}


def hosts_routed(folder: Folder) -> list[str]:
    """The hosts that the VirtualService in force sends traffic to."""
    (found,) = folder.mesh.virtual_services
    return [target.destination.host for each in found.http for target in each.route]


def test_a_route_waits_for_its_subset_and_takes_effect_with_it(folder: Folder) -> None:
    folder.write(route=route("v3"))
    assert routed(folder) == ["v1"]
    assert folder.changed == set()
    assert folder.configuration.dependencies.waits(ObjectKey("VirtualService", "default", "r"))

    folder.write(rule=subsets("v1", "v3"))
    assert routed(folder) == ["v3"]
    assert folder.changed == {"DestinationRule/a.default", "VirtualService/r.default"}
    assert not folder.configuration.dependencies.diagnostics


def test_a_waiting_route_is_told_with_its_place_and_reason(folder: Folder) -> None:
    folder.write(route=route("v2", "v3"))

    (finding,) = folder.configuration.dependencies.diagnostics
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
    assert not folder.configuration.dependencies.diagnostics


def test_any_rule_of_the_mesh_for_the_host_will_do(folder: Folder) -> None:
    folder.write(route=route("v3"))
    folder.write(wildcard=subsets("v3", host="*.cluster.local", name="wildcard"))
    assert routed(folder) == ["v3"]

    folder.write(rule=subsets("v3"), wildcard=None)
    assert not folder.configuration.dependencies.diagnostics
    assert set(folder.mesh.destination_rules) == {"default"}
    assert defined(folder) == {"a": ["v3"]}


def test_a_first_version_takes_effect_whatever_it_lacks() -> None:
    folder = Folder().write(service=service("a"), route=route("v3"))

    assert routed(folder) == ["v3"]
    (finding,) = folder.configuration.dependencies.diagnostics
    assert finding.reason.endswith("what is routed to it fails")


def test_a_version_that_lacks_something_is_not_held_on_to() -> None:
    folder = Folder().write(service=service("a"), route=route("v3"))
    folder.write(route=route("v4"))
    assert routed(folder) == ["v4"]


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
    assert not folder.configuration.dependencies.diagnostics
    assert folder.changed == {"VirtualService/r.default"}


def test_nobody_else_waits(folder: Folder) -> None:
    folder.write(route=route("v3"))
    folder.write(rule=subsets("v1"), service=service("a", 81))

    assert routed(folder) == ["v1"]
    assert folder.mesh.services[0].ports[0].number == 81
    assert [each.name for each in folder.mesh.destination_rules["default"][0].subsets] == ["v1"]


# What routes need stays


def test_a_subset_that_is_taken_away_before_its_last_route_stays_until_that_is_gone(folder: Folder) -> None:
    folder.write(rule=subsets("v2"))
    assert defined(folder) == {"a": ["v2", "v1"]}
    assert not folder.configuration.dependencies.waits(ObjectKey("DestinationRule", "default", "a"))

    folder.write(rule=subsets("v2", "v3"))
    assert defined(folder) == {"a": ["v2", "v3", "v1"]}

    folder.write(route=route("v2"))
    assert defined(folder) == {"a": ["v2", "v3"]}
    assert not folder.configuration.dependencies.held
    assert not folder.configuration.dependencies.diagnostics
    assert folder.changed == {"DestinationRule/a.default", "VirtualService/r.default"}


def test_both_sides_say_so_with_the_place_of_the_other(folder: Folder) -> None:
    folder.write(rule="\n" + subsets("v2"))

    of_rule, of_route = folder.configuration.dependencies.diagnostics
    assert str(of_rule) == (
        "warning  rule.yaml:4  DestinationRule/a.default  spec.subsets: the subset v1 of a.default.svc.cluster.local "
        "is gone, but VirtualService/r.default at route.yaml:4 needs it: it stays in force until no route does"
    )
    assert str(of_route) == (
        "warning  route.yaml:4  VirtualService/r.default  spec.http[0].route[0].destination.subset: "
        "no DestinationRule defines the subset v1 of a.default.svc.cluster.local: what DestinationRule/a.default "
        "at rule.yaml:4 said stays in force until no route needs it"
    )
    assert (of_rule.code, of_route.code) == ("still-needed", "unknown-subset")


def test_a_rule_that_is_deleted_stays_for_the_subsets_that_are_needed(folder: Folder) -> None:
    folder.write(rule=None)
    assert defined(folder) == {"a": ["v1"]}

    folder.write(route=None)
    assert defined(folder) == {}


def test_a_subset_that_another_rule_defines_does_not_stay(folder: Folder) -> None:
    folder.write(rule=None, other=subsets("v1", name="other"))
    assert defined(folder) == {"other": ["v1"]}

    folder.write(other=None)
    folder.write(rule=subsets("v1"))
    assert defined(folder) == {"a": ["v1"]}


def test_the_route_in_force_counts_and_not_the_one_that_waits(folder: Folder) -> None:
    folder.write(route=route("v3"))
    folder.write(rule=None)
    assert (routed(folder), defined(folder)) == (["v1"], {"a": ["v1"]})

    folder.write(rule=subsets("v3"))
    assert (routed(folder), defined(folder)) == (["v3"], {"a": ["v3"]})


def test_a_route_may_change_while_it_needs_what_stays(folder: Folder) -> None:
    folder.write(rule=subsets("v2"))
    folder.write(route=route("v1", "v2"))

    assert (routed(folder), defined(folder)) == (["v1", "v2"], {"a": ["v2", "v1"]})


def test_a_subset_that_comes_back_otherwise_is_as_it_is_written(folder: Folder) -> None:
    folder.write(rule=subsets("v2"))
    folder.write(rule=subsets("v1", "v2").replace("'version': 'v1'", "'version': 'new'"))

    (rule,) = folder.mesh.destination_rules["default"]
    assert [dict(subset.labels) for subset in rule.subsets] == [{"version": "new"}, {"version": "v2"}]
    assert not folder.configuration.dependencies.diagnostics


def test_a_route_that_comes_with_the_removal_keeps_nothing(folder: Folder) -> None:
    folder.write(route=None)
    folder.write(route=route("v1"), rule=None)

    assert defined(folder) == {}
    assert [finding.code for finding in folder.configuration.dependencies.diagnostics] == ["unknown-subset"]


def test_a_rule_that_turns_to_another_host_keeps_nothing(folder: Folder) -> None:
    folder.write(rule=subsets("v1", host="b"))

    (rule,) = folder.mesh.destination_rules["default"]
    assert rule.host == "b.default.svc.cluster.local"
    (finding,) = folder.configuration.dependencies.diagnostics
    assert finding.reason.endswith("what is routed to it fails")


# Services


def test_a_route_waits_for_its_service_and_takes_effect_with_it() -> None:
    folder = Folder().write(a=service("a"), route=virtual_service("r", "a"))
    folder.write(route=virtual_service("r", "b"))
    assert hosts_routed(folder) == ["a.default.svc.cluster.local"]
    (finding,) = folder.configuration.dependencies.diagnostics
    assert str(finding) == (
        "warning  route.yaml:4  VirtualService/r.default  spec.http[0].route[0].destination.host: "
        "there is no service b.default.svc.cluster.local: the version before stays in force until there is one"
    )
    assert finding.code == "unknown-host"

    folder.write(b=service("b"))
    assert hosts_routed(folder) == ["b.default.svc.cluster.local"]
    assert not folder.configuration.dependencies.diagnostics


def test_a_first_version_to_no_service_takes_effect_and_is_told_once() -> None:
    folder = Folder().write(route=route("v1"))

    (finding,) = folder.configuration.dependencies.diagnostics
    assert (finding.code, finding.path) == ("unknown-host", "spec.http[0].route[0].destination.host")
    assert routed(folder) == ["v1"]


def test_a_service_that_is_removed_before_its_last_route_stays_with_its_endpoints_until_that_is_gone() -> None:
    folder = Folder().write(a=service("a"), pods=workload("w", "10.0.0.1", "a"), route=virtual_service("r", "a"))
    folder.write(a=None)
    assert [each.name for each in folder.mesh.services] == ["a"]
    assert len(folder.mesh.endpoints) == 1
    of_service, of_route = folder.configuration.dependencies.diagnostics
    assert str(of_service) == (
        "warning  a.yaml:1  Service/a.default  the service a.default.svc.cluster.local is gone, "
        "but VirtualService/r.default at route.yaml:4 needs it: it stays in force until no route does"
    )
    assert of_route.code == "unknown-host"

    folder.write(b=service("b"), route=virtual_service("r", "b"))
    assert [each.name for each in folder.mesh.services] == ["b"]
    assert not folder.configuration.dependencies.diagnostics


def test_of_a_service_entry_the_hosts_that_are_needed_stay() -> None:
    folder = Folder().write(entry=service_entry("e", "x.test", "y.test"), route=virtual_service("r", "x.test"))
    folder.write(entry=service_entry("e", "z.test"))
    assert [each.hostname for each in folder.mesh.services] == ["x.test", "z.test"]

    folder.write(entry=None)
    assert [each.hostname for each in folder.mesh.services] == ["x.test"]

    folder.write(route=None)
    assert not folder.mesh.services


def test_another_declaration_of_the_host_takes_the_place_of_a_service() -> None:
    folder = Folder().write(a=service("a"), route=virtual_service("r", "a"))
    folder.write(a=None, entry=service_entry("e", "a.default.svc.cluster.local"))

    assert [each.meta.key.kind for each in folder.mesh.services] == ["ServiceEntry"]
    assert not folder.configuration.dependencies.diagnostics


def test_a_wildcard_entry_is_a_service_for_every_host_below_it() -> None:
    folder = Folder().write(entry=service_entry("e", "*.test", resolution="NONE"), route=virtual_service("r", "x.test"))
    assert not folder.configuration.dependencies.diagnostics

    folder.write(entry=None)
    assert [each.hostname for each in folder.mesh.services] == ["*.test"]


def test_what_concerns_no_route_costs_no_decision(folder: Folder) -> None:
    before = folder.configuration.dependencies
    folder.write(
        pods=workload("w", "10.0.0.1", "a"), rule=subsets("v1", "v2").replace("'host'", "'trafficPolicy': {}, 'host'")
    )

    after = folder.configuration.dependencies
    assert folder.changed == {"WorkloadEntry/w.default", "DestinationRule/a.default"}
    assert (after.users, after.findings, after.held) == (before.users, before.findings, before.held)
    assert after.users is before.users


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
        self.in_force: list[str] | None = None
        self.written: set[str] = set()
        self.defined: set[str] = set()

    @rule(change=st.dictionaries(st.sampled_from(["route", "rule"]), st.none() | st.sets(NAMES, min_size=1)))
    def change(self, change: dict[str, set[str] | None]) -> None:
        self.folder.write(**{kind: _text(kind, names) for kind, names in change.items()})
        if "route" in change:
            self.newest = sorted(change["route"]) if change["route"] else None
        if "rule" in change:
            self.written = change["rule"] or set()
        can_stay = self.defined.intersection(self.in_force or ())
        there = self.written | can_stay
        if not self.newest or there.issuperset(self.newest) or not there.issuperset(self.in_force or ["nothing"]):
            self.in_force = self.newest
        self.defined = self.written | can_stay.intersection(self.in_force or ())

    @invariant()
    def agrees(self) -> None:
        assert (routed(self.folder) if self.folder.mesh.virtual_services else None) == self.in_force
        assert set(defined(self.folder).get("a", ())) == self.defined
        codes = {finding.code for finding in self.folder.configuration.dependencies.diagnostics}
        assert ("unknown-subset" in codes) == (not self.written.issuperset(self.newest or ()))
        assert ("still-needed" in codes) == (self.defined != self.written)


TestArrivals = Arrivals.TestCase
TestArrivals.settings = settings(max_examples=60, stateful_step_count=12, deadline=None)
