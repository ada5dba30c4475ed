"""EnvoyFilters in the pipeline: what they cost, what shares what, and what is left out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from translators import DEFAULT
from xds.app.offline import Offline, proxy_of
from xds.app.proxy_spec import ProxySpec
from xds.app.store import Store
from xds.model.envoy_filters import ApplyTo, ConfigPatch, PatchOperation
from xds.model.objects import ObjectKey, Origin
from xds.model.settings import MeshSettings
from xds.pipeline import Compiled, tables
from xds.pipeline.envoyfilter.check import leaving_out
from xds.pipeline.envoyfilter.edit import edited
from xds.pipeline.envoyfilter.encoded import text
from xds.pipeline.envoyfilter.outcome import InvalidResultError
from xds.pipeline.envoyfilter.routes import RouteEdits
from xds.pipeline.envoyfilter.spliced import PatchedHost, patch_host
from xds.pipeline.splice import VirtualHost
from xds.resources import CLUSTER, LISTENER, ROUTE
from xds.sources.batch import Batch

OBJECT = ObjectKey("EnvoyFilter", "default", "mine")


def patch(operation: PatchOperation, name: str = "new") -> ConfigPatch:
    return ConfigPatch(OBJECT, 0, Origin("f", 1), ApplyTo.HTTP_FILTER, operation, name=name)


def service(name: str, port: int = 80) -> str:
    ports = f"[{{name: http, port: {port}}}]"
    return f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{ports: {ports}}}\n"


def envoy_filter(*patches: str, selector: str = "") -> str:
    chosen = f"workloadSelector: {{labels: {{app: {selector}}}}}, " if selector else ""
    head = "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: mine}\n"
    return f"{head}spec: {{{chosen}configPatches: [{', '.join(patches)}]}}\n"


OF_CLUSTERS = "{applyTo: CLUSTER, patch: {operation: MERGE, value: {connect_timeout: 3s}}}"
OF_HOSTS = "{applyTo: VIRTUAL_HOST, patch: {operation: MERGE, value: {request_headers_to_remove: [x]}}}"
OF_LISTENERS = "{applyTo: LISTENER, patch: {operation: MERGE, value: {tcp_backlog_size: 5}}}"


def store_of(**files: str) -> Store:
    offline = Offline(MeshSettings(), DEFAULT)
    offline.take(Batch({f"{name}.yaml": text for name, text in files.items()}))
    return offline.store


def compiled(store: Store, name: str = "client", app: str = "client", ip: str = "10.0.0.9") -> Compiled:
    spec = ProxySpec(name, "default", ip, labels={"app": app})
    return store.compile(proxy_of(spec, store.mesh))


@pytest.mark.parametrize(
    ("operation", "named", "after"),
    [
        (PatchOperation.ADD, "b", ["a", "b", "c", "new"]),
        (PatchOperation.INSERT_FIRST, "b", ["new", "a", "b", "c"]),
        (PatchOperation.INSERT_BEFORE, "b", ["a", "new", "b", "c"]),
        (PatchOperation.INSERT_BEFORE, None, ["new", "a", "b", "c"]),
        (PatchOperation.INSERT_AFTER, "b", ["a", "b", "new", "c"]),
        (PatchOperation.INSERT_AFTER, None, ["a", "b", "c", "new"]),
        (PatchOperation.INSERT_AFTER, "x", None),
        (PatchOperation.REPLACE, "b", ["a", "new", "c"]),
        (PatchOperation.REPLACE, None, None),
        (PatchOperation.REMOVE, "b", ["a", "c"]),
        (PatchOperation.REMOVE, "x", None),
        (PatchOperation.MERGE, "b", None),
    ],
)
def test_lists_are_changed_as_the_operation_says(
    operation: PatchOperation, named: str | None, after: list[str] | None
) -> None:
    matches = None if named is None else (lambda item: item == named)
    assert edited(["a", "b", "c"], patch(operation), "new", matches) == after


def test_what_cannot_be_is_left_out_and_the_rest_is_not() -> None:
    good, bad, fine = (patch(PatchOperation.ADD, name) for name in ("good", "bad", "fine"))

    def make(patches: object) -> tuple[str, ...]:
        names = tuple(each.name for each in patches)  # type: ignore[attr-defined]  # they are patches
        if "bad" in names:
            raise InvalidResultError("it is bad")
        return names

    made, refused = leaving_out((good, bad, fine), "a thing", make)
    assert made == ("good", "fine")
    assert [(each.patch, each.what, each.reason) for each in refused] == [(bad, "a thing", "it is bad")]


def test_what_verifies_tokens_is_not_replaced_by_a_merge() -> None:
    manager = "envoy.filters.network.http_connection_manager"
    sub_filter = "{name: envoy.filters.http.jwt_authn}"
    listener = f"{{filterChain: {{filter: {{name: {manager}, subFilter: {sub_filter}}}}}}}"
    config = "{'@type': type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication}"
    merge = f"patch: {{operation: MERGE, value: {{typed_config: {config}}}}}"
    tokens = "apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: {name: tokens}\n"
    store = store_of(
        web=service("web").replace("spec: {", "spec: {selector: {app: web}, "),
        tokens=f"{tokens}spec: {{jwtRules: [{{issuer: https://a.example.com}}]}}\n",
        mine=envoy_filter(f"{{applyTo: HTTP_FILTER, match: {{listener: {listener}}}, {merge}}}"),
    )
    patching = compiled(store, "web", "web").patching
    assert {(each.what, each.reason) for each in patching.refused} == {
        (
            "Listener virtualInbound",
            "envoy.filters.http.jwt_authn finds its configuration by name (ECDS), which a merge would replace",
        )
    }
    assert patching.applied == frozenset()


def test_an_unrelated_change_patches_nothing_again(monkeypatch: pytest.MonkeyPatch) -> None:
    patched: list[str] = []

    def counted(host: VirtualHost, edits: RouteEdits) -> PatchedHost:
        patched.append(text(host.body, 1))
        return patch_host(host, edits)

    monkeypatch.setattr(tables, "patch_host", counted)
    patches = envoy_filter(OF_CLUSTERS, OF_HOSTS, OF_LISTENERS)
    store = store_of(mine=patches, **{f"s{number}": service(f"s{number}", 8000 + number) for number in range(5)})
    before = compiled(store)
    patched.clear()
    store.apply(Batch({"s0.yaml": service("s0", 9000)}))
    after = compiled(store)

    assert len(before.patching.applied) == 3
    assert patched == ["s0.default.svc.cluster.local:9000"]
    for type_url, name in ((CLUSTER, "outbound|8003||s3.default.svc.cluster.local"), (LISTENER, "0.0.0.0_8003")):
        same = before.snapshot[type_url].get(name)
        assert same is not None
        assert OBJECT in same.origins
        assert after.snapshot[type_url].get(name) is same


def test_a_proxy_that_no_patch_selects_shares_its_view_and_its_resources_as_before() -> None:
    without = compiled(store_of(s=service("s")))
    store = store_of(s=service("s"), mine=envoy_filter(OF_CLUSTERS, selector="web"))
    one, other, web = compiled(store), compiled(store, "b", ip="10.0.0.8"), compiled(store, "web", "web")

    assert one is other
    assert one.patching.patches == ()
    assert one.snapshot[CLUSTER].version == without.snapshot[CLUSTER].version
    assert web.snapshot[CLUSTER].version != without.snapshot[CLUSTER].version
    assert web.snapshot[ROUTE].version == without.snapshot[ROUTE].version


def test_only_a_proxy_with_another_version_has_another_view_where_a_patch_asks_for_it() -> None:
    condition = "match: {proxy: {proxyVersion: '^2'}}"
    store = store_of(s=service("s"), mine=envoy_filter(OF_CLUSTERS.replace("patch:", f"{condition}, patch:")))
    proxy = proxy_of(ProxySpec("a", "default", "10.0.0.9", labels={"app": "a"}), store.mesh)
    new, old, older = (store.compile(replace(proxy, version=version)) for version in ("2.0", "1.9", "1.8"))

    assert old is older
    assert [patch.object for patch in old.patching.unmet] == [OBJECT]
    assert (len(old.patching.patches), len(new.patching.applied)) == (0, 1)


def test_findings_come_and_go_with_the_patches() -> None:
    nothing = "{applyTo: CLUSTER, match: {cluster: {name: nobody}}, patch: {operation: REMOVE}}"
    store = store_of(s=service("s"), mine=envoy_filter(nothing))
    assert [found.code for found in store.diagnostics if found.object == OBJECT] == []
    compiled(store)
    assert [found.code for found in store.diagnostics if found.object == OBJECT] == ["no-match"]
    store.apply(Batch({"mine.yaml": envoy_filter(OF_CLUSTERS)}))
    compiled(store)
    assert [found.code for found in store.diagnostics if found.object == OBJECT] == []


def test_a_patch_that_one_proxy_has_a_use_for_is_no_finding_because_of_another() -> None:
    inbound = "{applyTo: CLUSTER, match: {cluster: {name: 'inbound|80||'}}, patch: {operation: MERGE, value: {}}}"
    selecting = service("s").replace("spec: {", "spec: {selector: {app: s}, ")
    store = store_of(s=selecting, mine=envoy_filter(inbound))
    compiled(store)
    assert [found.code for found in store.diagnostics if found.object == OBJECT] == ["no-match"]
    compiled(store, "s", "s", "10.0.0.7")
    assert [found.code for found in store.diagnostics if found.object == OBJECT] == []


def test_that_no_proxy_is_of_the_sort_that_a_patch_is_for_is_told() -> None:
    asked = "match: {proxy: {proxyVersion: '^2', metadata: {TEAM: shop}}}"
    store = store_of(s=service("s"), mine=envoy_filter(OF_CLUSTERS.replace("patch:", f"{asked}, patch:")))
    compiled(store)
    (found,) = (found for found in store.diagnostics if found.object == OBJECT)
    assert (found.code, found.path) == ("no-match", "spec.configPatches[0]")
    assert "has the version ^2, TEAM=shop" in found.reason
