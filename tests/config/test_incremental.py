"""However the files came to be as they are, the Mesh is the one that they make from scratch."""

from __future__ import annotations

from dataclasses import fields

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.config.folder import (
    Folder,
    delegate,
    delegating,
    endpoint_slice,
    rule_with_subsets,
    service,
    service_entry,
    virtual_service,
    workload,
)
from xds.model.mesh import Mesh
from xds.model.services import ServiceEndpoints

FILES = ("a", "b", "c")
NAMES = st.sampled_from(["a", "b"])
ADDRESSES = st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3", "vm.example.com"])
IPS = st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3"])
HOSTS = st.sampled_from(["a.default.svc.cluster.local", "x.example.com", "y.example.com"])
PORTS = st.sampled_from([81, 82]).map(lambda number: [{"number": number, "name": "http"}])
SELECTORS = st.sampled_from(["a", "b"]).map(lambda app: {"labels": {"app": app}})

DOCUMENTS = st.one_of(
    st.builds(service, NAMES, st.sampled_from([80, 81])),
    st.builds(lambda name: service(name, selector={"app": "a", "version": "v1"}), NAMES),
    st.builds(lambda name: service(name, selector={}), NAMES),
    st.builds(workload, NAMES, IPS, NAMES, st.just("Pod"), st.sampled_from(["v1", "v2"])),
    st.builds(workload, st.just("p-10-0-0-1"), IPS, NAMES, st.just("Pod")),
    st.builds(workload, NAMES, ADDRESSES, NAMES),
    st.builds(lambda name, of, addresses: endpoint_slice(name, of, *addresses), NAMES, NAMES, st.sets(IPS)),
    st.builds(lambda name, of: endpoint_slice(name, of, "10.0.0.1", pods=True), NAMES, NAMES),
    st.builds(lambda name, hosts: service_entry(name, *sorted(hosts)), NAMES, st.sets(HOSTS, min_size=1)),
    st.builds(lambda name, host: service_entry(name, host, resolution="DNS"), NAMES, HOSTS),
    st.builds(lambda name, host, port: service_entry(name, host, resolution="DNS", ports=port), NAMES, HOSTS, PORTS),
    st.builds(
        lambda name, host, selector: service_entry(name, host, resolution="STATIC", workloadSelector=selector),
        NAMES,
        HOSTS,
        SELECTORS,
    ),
    st.builds(
        lambda name, host, address: service_entry(name, host, resolution="STATIC", endpoints=[{"address": address}]),
        NAMES,
        HOSTS,
        IPS,
    ),
    st.builds(rule_with_subsets, NAMES, st.sets(st.sampled_from(["v1", "v2"]), min_size=1), NAMES),
    st.builds(delegating, st.sampled_from(["a", "c"]), NAMES, st.sampled_from(["b", "c"])),
    st.builds(delegate, NAMES, st.sampled_from(["/", "/b"])),
    st.builds(
        virtual_service, NAMES, st.just("always"), st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"])
    ),
)


class Files(RuleBasedStateMachine):
    """Files written and removed at random. No last good version is ever kept: every document is valid, and what
    routes need is always there."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, str] = {"fixed": service("always")}
        self.folder = Folder().write(**self.texts)

    @rule(changes=st.dictionaries(st.sampled_from(FILES), st.none() | st.lists(DOCUMENTS, max_size=5), min_size=1))
    def change(self, changes: dict[str, list[str] | None]) -> None:
        for name, documents in changes.items():
            self.texts.pop(name, None)
            if documents is not None:
                self.texts[name] = "".join(documents)
        self.folder.write(**{name: self.texts.get(name) for name in changes})

    @rule(name=st.sampled_from(FILES), document=DOCUMENTS)
    def append(self, name: str, document: str) -> None:
        self.texts[name] = self.texts.get(name, "") + document
        self.folder.write(**{name: self.texts[name]})

    @invariant()
    def same_as_from_scratch(self) -> None:
        fresh = Folder().write(**self.texts)
        assert comparable(self.folder.mesh) == comparable(fresh.mesh)
        assert set(self.folder.configuration.diagnostics) == set(fresh.configuration.diagnostics)
        assert self.folder.configuration.diagnostics == fresh.configuration.diagnostics


def comparable(mesh: Mesh) -> dict[str, object]:
    """A Mesh by value: endpoints compare by identity otherwise."""
    parts = {each.name: getattr(mesh, each.name) for each in fields(Mesh)}
    parts["endpoints"] = {key: by_value(each) for key, each in mesh.endpoints.items()}
    return parts


def by_value(endpoints: ServiceEndpoints) -> tuple[object, ...]:
    return endpoints.service, dict(endpoints.by_port)


TestFiles = Files.TestCase
TestFiles.settings = settings(max_examples=40, stateful_step_count=12, deadline=None)
