"""The one writer: what it puts in force, whom it wakes, what it forgets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from envoy_data_plane.envoy.config.cluster.v3 import Cluster

from translators import DEFAULT
from xds.app.store import Store
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.objects import ObjectKey, Origin
from xds.model.proxy import Proxy, ProxyType
from xds.model.settings import MeshSettings
from xds.model.view import ProxyView
from xds.pipeline import Contribution, Memo, Pipeline, Translator, TranslatorError, add
from xds.resources import CLUSTER
from xds.sources.batch import Batch

PROXY = Proxy(
    "sidecar~10.0.0.1~a.default~default.svc.cluster.local",
    ProxyType.SIDECAR,
    "a",
    "default",
    ("10.0.0.1",),
    "default.svc.cluster.local",
)
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: NAME}\nspec: {ports: [{port: 80, name: http}]}\n"


def service(name: str) -> str:
    return SERVICE.replace("NAME", name)


def store(translators: Iterable[Translator] = DEFAULT, errors: list[TranslatorError] | None = None) -> Store:
    told = [] if errors is None else errors
    return Store(Pipeline(translators), MeshSettings(), lambda: 1.0, on_error=lambda _, error: told.append(error))


def clusters(of: Store) -> set[str]:
    return {resource.name for resource in of.compile(PROXY).snapshot[CLUSTER] if resource.name.startswith("outbound")}


def test_a_stream_has_no_snapshot_until_the_configuration_has_been_read() -> None:
    empty = store()
    subscription = empty.connect(PROXY, lambda: None)
    assert subscription.latest() is None
    empty.apply(Batch())
    assert subscription.latest() is not None


def test_every_stream_is_woken_once_for_a_batch_and_none_after_it_closed() -> None:
    woken: list[str] = []
    shared = store()
    first = shared.connect(PROXY, lambda: woken.append("first"))
    shared.connect(PROXY, lambda: woken.append("second"))
    shared.apply(Batch({"a.yaml": service("a"), "b.yaml": service("b")}))
    assert woken == ["first", "second"]
    first.close()
    shared.apply(Batch({"a.yaml": None}))
    assert woken == ["first", "second", "second"]


def test_a_batch_changes_and_removes_objects() -> None:
    shared = store()
    published = shared.apply(Batch({"a.yaml": service("a"), "b.yaml": service("b")}))
    assert published.generation == 1
    assert published.changed == {ObjectKey("Service", "default", name) for name in "ab"}
    published = shared.apply(Batch({"a.yaml": None}))
    assert (published.generation, published.changed) == (2, frozenset({ObjectKey("Service", "default", "a")}))
    assert clusters(shared) == {"outbound|80||b.default.svc.cluster.local"}


def test_what_cannot_be_read_is_among_the_diagnostics_until_it_can() -> None:
    problem = Diagnostic(Severity.ERROR, Origin("a.yaml", 1), "cannot be read")
    shared = store()
    assert problem in shared.apply(Batch(problems=(problem,))).diagnostics
    assert problem not in shared.apply(Batch({"a.yaml": service("a")})).diagnostics


def test_an_unchanged_configuration_gives_the_same_snapshot() -> None:
    shared = store()
    shared.apply(Batch({"a.yaml": service("a")}))
    subscription = shared.connect(PROXY, lambda: None)
    assert subscription.latest() is subscription.latest()


def test_an_object_is_located_by_its_key() -> None:
    shared = store()
    shared.apply(Batch({"a.yaml": "---\n" + service("a")}))
    assert shared.locate(ObjectKey("Service", "default", "a")) == Origin("a.yaml", 2)
    assert shared.locate(ObjectKey("Service", "default", "b")) is None


def test_the_error_of_a_translator_is_told_once() -> None:
    def broken(view: ProxyView, memo: Memo) -> Iterable[Contribution]:
        raise RuntimeError("no")

    errors: list[TranslatorError] = []
    shared = store((broken,), errors)
    for text in (service("a"), service("b")):
        shared.apply(Batch({"a.yaml": text}))
        shared.compile(PROXY)
    assert len(errors) == 1
    assert "RuntimeError: no" in errors[0].reason


def test_tidying_forgets_what_nobody_uses_and_nothing_else() -> None:
    calls: list[str] = []

    def counting(view: ProxyView, memo: Memo) -> Iterable[Contribution]:
        calls.append(view.key.namespace)
        yield add(Cluster(name="c"))

    shared = store((counting,))
    shared.apply(Batch())
    connected = shared.connect(PROXY, lambda: None)
    connected.latest()
    for number in range(2000):
        shared.compile(replace(PROXY, namespace=f"gone-{number}"))
    assert shared.tidy() >= 2000
    calls.clear()
    connected.latest()
    assert calls == []
    shared.compile(replace(PROXY, namespace="gone-1"))
    assert calls == ["gone-1"]


def test_other_settings_reach_every_stream_and_findings_stay_until_they_are_gone() -> None:
    woken: list[str] = []
    finding = Diagnostic(Severity.WARNING, Origin("mesh.yaml", 1), "no effect")
    shared = store()
    shared.connect(PROXY, lambda: woken.append("stream"))
    assert shared.configure(MeshSettings(proxy_http_port=1), ()) is None, "nothing has been read yet"
    shared.apply(Batch({"a.yaml": service("a")}))
    woken.clear()

    published = shared.configure(MeshSettings(proxy_http_port=2), (finding,))
    assert published is not None
    assert (published.generation, published.diagnostics, woken) == (2, (finding,), ["stream"])
    assert shared.mesh.settings.proxy_http_port == 2

    assert shared.configure(None, ()) is None
    assert (shared.mesh.settings.proxy_http_port, shared.diagnostics) == (2, ())


def test_default_visibility_is_read_into_every_object() -> None:
    shared = store()
    shared.apply(Batch({"a.yaml": service("a")}))
    shared.configure(MeshSettings(service_export_to=(".",)), ())
    assert [each.export_to for each in shared.mesh.services] == [("default",)]
