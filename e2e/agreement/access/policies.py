"""AuthorizationPolicies as users write them, and the filters that they become."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, TypeAlias

from envoy_data_plane.envoy.config.listener.v3 import Filter, Listener
from envoy_data_plane.envoy.extensions.filters.http.rbac.v3 import Rbac as HttpRbac
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpFilter,
)
from envoy_data_plane.envoy.extensions.filters.network.rbac.v3 import Rbac as NetworkRbac
from hypothesis import strategies as st

from e2e.agreement.access.tokens import ISSUERS
from e2e.agreement.access.world import IDENTITIES, PORT, SERVER_NAMES, TRUST_DOMAIN
from e2e.agreement.values import METHODS, VALUES
from translators import DEFAULT
from xds.app.store import Store
from xds.explain.decode import unpacked
from xds.model.diagnostic import Severity
from xds.model.labels import Labels
from xds.model.proxy import Proxy, ProxyType
from xds.model.settings import MeshSettings
from xds.pipeline import Pipeline
from xds.resources import LISTENER
from xds.sources.batch import Batch

Document: TypeAlias = Mapping[str, object]
Strategy: TypeAlias = st.SearchStrategy[Document]

_PRINCIPALS: Final = tuple(
    f"{TRUST_DOMAIN}/ns/{namespace}/sa/{account}" for namespace, account in (each.split("/") for each in IDENTITIES)
)
_BLOCKS: Final = ("127.0.0.1", "127.0.0.0/24", "127.0.0.0/8", "10.0.0.0/8", "10.1.0.1", "::1")
_PATHS: Final = ("/a", "/a/*", "*/b", "/a/{*}", "/a/{**}", "/{*}/b", "*", "/ab*", "/")
_HOSTS: Final = ("a.example.com", "*.example.com", "A.example.com", "b.*", "*", "a.example.com:8080")
_OF_REQUESTS: Final = {
    "request.headers[x-a]": VALUES[:4],
    "request.auth.claims[sub]": ("alice", "a*", "*"),
    "request.auth.claims[groups]": ("x", "z", "*"),
    "request.auth.claims[deep][er]": ("x",),
    "request.auth.audiences": ("shop", "cart"),
    "request.auth.principal": (f"{ISSUERS[0]}/alice", f"{ISSUERS[1]}/*", "*"),
}
_OF_ALL: Final = {
    "source.ip": _BLOCKS,
    "remote.ip": _BLOCKS,
    "source.namespace": ("default", "other", "*"),
    "source.principal": (*_PRINCIPALS, "*", "*/sa/shop"),
    "destination.port": (str(PORT), "80"),
    "destination.ip": ("127.0.0.0/8", "10.0.0.0/8"),
    "connection.sni": (*SERVER_NAMES[1:], "*.example.com"),
}


def _some(*values: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)


def _either(**fields: tuple[str, ...]) -> Strategy:
    """An object with some of these lists, and some of those that are not to hold."""
    lists = {name: _some(*values) for name, values in fields.items()}
    inverted = {f"not{name[0].upper()}{name[1:]}": values for name, values in lists.items()}
    found = st.fixed_dictionaries({}, optional={**lists, **inverted})
    return found.map(lambda each: dict(list(each.items())[:3])).filter(bool)


def _when(of: Mapping[str, tuple[str, ...]]) -> Strategy:
    def condition(key: str) -> Strategy:
        values = _some(*of[key])
        one = st.sampled_from(("values", "values", "notValues"))
        return st.builds(lambda name, chosen: {"key": key, name: chosen}, one, values)

    return st.sampled_from(sorted(of)).flatmap(condition)


_SOURCES: Final = st.one_of(
    _either(principals=(*_PRINCIPALS, "*", "*/sa/shop", f"{TRUST_DOMAIN}/ns/default/*")),
    _either(namespaces=("default", "other"), ipBlocks=_BLOCKS, remoteIpBlocks=_BLOCKS),
    _either(requestPrincipals=("*", f"{ISSUERS[0]}/alice", f"{ISSUERS[1]}/*", "*/bob")),
)
_OPERATIONS: Final = st.one_of(
    _either(methods=METHODS[:4], paths=_PATHS),
    _either(hosts=_HOSTS, paths=_PATHS),
    _either(ports=(str(PORT), "80")),
)
_RULES: Final = st.fixed_dictionaries(
    {},
    optional={
        "from": st.lists(_SOURCES.map(lambda each: {"source": each}), min_size=1, max_size=2),
        "to": st.lists(_OPERATIONS.map(lambda each: {"operation": each}), min_size=1, max_size=2),
        "when": st.lists(st.one_of(_when(_OF_REQUESTS), _when(_OF_ALL)), min_size=1, max_size=2),
    },
)


@st.composite
def policies(draw: st.DrawFn) -> tuple[Document, ...]:
    """Some for one workload, of different actions."""
    return tuple(draw(_policy(f"p{number}")) for number in range(draw(st.integers(1, 3))))


def _policy(name: str) -> Strategy:
    return st.builds(
        lambda action, rules, dry_run: {
            "apiVersion": "security.istio.io/v1",
            "kind": "AuthorizationPolicy",
            "metadata": {"name": name, "annotations": {"istio.io/dry-run": "true"} if dry_run else {}},
            "spec": {"action": action, "rules": rules},
        },
        st.sampled_from(("ALLOW", "ALLOW", "DENY", "DENY", "AUDIT")),
        st.lists(_RULES, min_size=1, max_size=3),
        st.integers(0, 5).map(lambda number: number == 0),
    )


_SERVICE: Final[Document] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "server"},
    "spec": {
        "selector": {"app": "server"},
        "ports": [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "tcp", "port": 81, "targetPort": 8081}],
    },
}
_POD: Final[Document] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "server", "labels": {"app": "server"}},
    "status": {"podIP": "10.0.0.1"},
}


def filters(documents: tuple[Document, ...]) -> tuple[tuple[HttpFilter, ...], tuple[Filter, ...]]:
    """Those of requests, and those of connections, in the workload's inbound listener."""
    store = Store(Pipeline(DEFAULT), MeshSettings(), clock=lambda: 0.0)
    text = "\n---\n".join(map(json.dumps, (_SERVICE, _POD, *documents)))
    published = store.apply(Batch({"mesh.yaml": text}))
    errors = [str(each) for each in published.diagnostics if each.severity is Severity.ERROR]
    assert not errors, (errors, documents)
    suffix = "default.svc.cluster.local"
    proxy = Proxy("id", ProxyType.SIDECAR, "server", "default", ("10.0.0.1",), suffix, Labels({"app": "server"}))
    resource = store.compile(proxy).snapshot[LISTENER].get("virtualInbound")
    assert resource is not None
    http: tuple[HttpFilter, ...] = ()
    network: tuple[Filter, ...] = ()
    for chain in Listener.parse(resource.body).filter_chains:
        manager = unpacked(chain.filters[-1].typed_config, HttpConnectionManager)
        if manager is not None:
            http = tuple(each for each in manager.http_filters if unpacked(each.typed_config, HttpRbac) is not None)
        else:
            network = tuple(each for each in chain.filters if unpacked(each.typed_config, NetworkRbac) is not None)
    return http, network
