"""What the sidecar of an endpoint does with what it is sent, as far as the configuration knows whose endpoint it is."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xds.app.explain.proxies import Named, proxy_spec
from xds.app.explain.target import Target
from xds.app.offline import proxy_of
from xds.app.proxy_spec import ProxySpec
from xds.app.store import Store
from xds.explain import Connection, Explanation, Forwarded, explain_arrival

_ENCRYPTED = frozenset({"transport_socket", "transport_socket_match"})


@dataclass(frozen=True, slots=True)
class Arrival:
    """workload: ``NAME.NAMESPACE``. explanation: what its sidecar does."""

    workload: str
    explanation: Explanation


def arrival(store: Store, sender: ProxySpec, aim: Target, sent: Forwarded) -> Arrival | None:
    """At the endpoint that gets most, if it has a sidecar with the sender's mode of capture.

    None if it is no workload of the configuration, if what is sent to it may be encrypted, or if no listener of such a
    sidecar takes it, so that it gets to the workload itself. Raises UnsupportedError.
    """
    most = max(sent.cluster.endpoints, key=lambda endpoint: endpoint.share)
    ip, _, port = most.address.rpartition(":")
    workload = store.mesh.workloads.get(ip.strip("[]"))
    if workload is None or any(policy.name in _ENCRYPTED for policy in sent.cluster.policies):
        return None
    named = Named(workload.meta.name, workload.meta.namespace, capture=sender.capture)
    snapshot = store.compile(proxy_of(proxy_spec(named, store.mesh), store.mesh)).snapshot
    request = aim.request
    if request is not None:
        request = replace(request, authority=sent.authority, path=sent.path, headers=sent.request_headers)
    connection = Connection(workload.address, int(port), protocols=aim.connection.protocols, source=sender.ip)
    explanation = explain_arrival(snapshot, connection, request)
    return Arrival(str(named), explanation) if explanation.listener is not None else None
