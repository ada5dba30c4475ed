"""What the proxy of an endpoint does with what it is sent, as far as the configuration knows whose endpoint it is.

An endpoint that a Gateway selects is a gateway; every other has a sidecar.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from xds.app.explain.peers import Accepts, accepted
from xds.app.explain.proxies import ANY_ADDRESS, Named, proxy_spec
from xds.app.explain.target import Target
from xds.app.offline import proxy_of
from xds.app.proxy_spec import ProxySpec
from xds.app.store import Store
from xds.explain import TLS, Connection, Explanation, Forwarded, Request, Spoken, explain_arrival
from xds.model.labels import Labels
from xds.model.mesh import Mesh
from xds.model.proxy import ProxyType
from xds.model.services import Workload


@dataclass(frozen=True, slots=True)
class Arrival:
    """workload: ``NAME.NAMESPACE``. connection: as it comes there. explanation: what its proxy does. accepts: what it
    takes on this port; None of a gateway, whose servers say that, and if its sidecar has no identity, so that nothing
    is asked of anybody."""

    workload: str
    connection: Connection
    explanation: Explanation
    accepts: Accepts | None


def arrival(store: Store, sender: ProxySpec, aim: Target, sent: Forwarded) -> Arrival | None:
    """At the endpoint that gets most, if it is a gateway or has a sidecar with the sender's mode of capture.

    None if it is no workload of the configuration, or if no listener of its proxy takes it, so that it gets to the
    workload itself. Raises UnsupportedError.
    """
    most = max(sent.cluster.endpoints, key=lambda endpoint: endpoint.share)
    ip, _, port = most.address.rpartition(":")
    workload = store.mesh.workloads.get(ip.strip("[]"))
    if workload is None:
        return None
    proxy = _type(store.mesh, workload)
    named = Named(workload.meta.name, workload.meta.namespace, proxy, sender.capture, mtls=sender.mtls)
    snapshot = store.compile(proxy_of(proxy_spec(named, store.mesh), store.mesh)).snapshot
    connection = _connection(store, sender, aim, most.spoken, (workload.address, int(port)))
    explanation = explain_arrival(snapshot, connection, _request(aim.request, sent, most.spoken))
    if explanation.listener is None:
        return None
    asks = sender.mtls and proxy is ProxyType.SIDECAR
    accepts = accepted(store.mesh, workload, int(port)) if asks else None
    return Arrival(str(named), connection, explanation, accepts)


def _type(mesh: Mesh, workload: Workload) -> ProxyType:
    """A Gateway that selects all gateways says nothing of who is one."""
    labels = Labels(workload.labels)
    selected = any(gateway.selector and gateway.selector.selects(labels) for gateway in mesh.gateways)
    return ProxyType.ROUTER if selected else ProxyType.SIDECAR


def _connection(store: Store, sender: ProxySpec, aim: Target, spoken: Spoken, address: tuple[str, int]) -> Connection:
    """From the proxy that sends, with its own identity; a workload may be said to have another, and another address."""
    identity = sender.identity(store.mesh.settings.trust_domain)
    principal, source = str(identity or ""), sender.ip if sender.ip != ANY_ADDRESS else ""
    if sender.type is ProxyType.SIDECAR:
        principal, source = aim.sender.identity or principal, aim.sender.address or source
    if not spoken.tls:
        return Connection(*address, protocols=aim.connection.protocols, source=source, principal="")
    shown = principal if spoken.shows else ""
    return Connection(*address, TLS, spoken.server_name, spoken.protocols, source, principal=shown)


def _request(request: Request | None, sent: Forwarded, spoken: Spoken) -> Request | None:
    if request is None:
        return None
    changed = replace(request, authority=sent.authority, path=sent.path, headers=sent.request_headers)
    return replace(changed, claims=sent.claims, scheme="https" if spoken.tls else request.scheme)
