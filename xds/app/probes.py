"""What the monitoring endpoints show: projections of the store and of the streams."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict

from xds.app.analysis import finding_document
from xds.app.convergence_change import MAX_LISTED
from xds.app.convergence_report import ConvergenceReport, Findings
from xds.app.credentials_report import credentials_document
from xds.app.documents import diagnostic_document
from xds.app.loads_report import loads_document
from xds.app.metrics import short_name
from xds.app.render import render
from xds.app.store import Store
from xds.ca.service import CertificateAuthority
from xds.ca.spiffe_bundle import own_bundle
from xds.config.analysis import Selectable, analyse
from xds.console.http import AmbiguousProxyError, Json
from xds.model.objects import ObjectMeta, mentioned_first
from xds.model.proxy import Proxy
from xds.pipeline import automatic_addresses
from xds.resources import Resource, TypeUrl
from xds.server import LoadBoard, Nack, StatusBoard, StreamStatus, TypeStatus


class ServerProbes:
    """The `Probes` of a running control plane. ``listening`` is set once the xDS port is open."""

    def __init__(
        self,
        store: Store,
        board: StatusBoard,
        report: ConvergenceReport,
        findings: Findings,
        loads: LoadBoard,
        refresh: Callable[[], Awaitable[None]],
        clock: Callable[[], float],
        authority: CertificateAuthority | None = None,
    ) -> None:
        """refresh: returns when everything that the sources say by now is in force. clock: gives epoch seconds."""
        self._store = store
        self._board = board
        self._report = report
        self._findings = findings
        self._loads = loads
        self._refresh = refresh
        self._clock = clock
        self._authority = authority
        self.listening = False

    def not_ready(self) -> str | None:
        """Why the control plane cannot serve yet, or None if it can."""
        if self._store.published is None:
            return "the configuration has not been read yet"
        return None if self.listening else "the xDS port is not open yet"

    def sync_status(self) -> Json:
        """Every open stream, by type: what it subscribed to, was sent, and accepted (istiod's ``/debug/syncz``)."""
        return [self._stream(stream) for stream in self._board.streams]

    def _stream(self, stream: StreamStatus) -> Json:
        proxy = stream.proxy
        return {
            "proxy": str(proxy),
            "proxyID": proxy.id,
            "type": proxy.type.value,
            "cluster": proxy.cluster_id,
            "version": proxy.version,
            "peer": stream.peer,
            "protocol": stream.variant.value,
            "connectedAt": stream.connected_at,
            "identity": str(proxy.identity or ""),
            "certificateEnds": self._certificate_ends(proxy),
            "types": {
                short_name(type_url): self._type(proxy.id, type_url, status)
                for type_url, status in stream.types.items()
            },
            "refused": self._report.refused(proxy),
        }

    def _certificate_ends(self, proxy: Proxy) -> float | None:
        """Of the newest that its identity was given, in epoch seconds; None if it was given none."""
        newest = self._authority.issued.of(proxy.identity) if self._authority and proxy.identity else None
        return newest.ends.timestamp() if newest else None

    def _type(self, proxy_id: str, type_url: TypeUrl, status: TypeStatus) -> Json:
        return {
            "typeUrl": type_url,
            "state": status.state.value,
            "subscribedNames": status.names,
            "wildcard": status.wildcard,
            "sent": {"version": status.sent_version, "nonce": status.sent_nonce, "at": status.sent_at},
            "acked": {"version": status.acked_version, "at": status.acked_at},
            "rejections": status.nacks,
            "rejected": self._nack(proxy_id, type_url, status, status.nack) if status.nack else None,
        }

    def _nack(self, proxy_id: str, type_url: TypeUrl, status: TypeStatus, nack: Nack) -> Json:
        """quarantined: what the proxy goes on without; objects: those that brought it; resources: all that were new."""
        return {
            "message": nack.message,
            "version": nack.version,
            "at": nack.at,
            "quarantined": list(status.quarantined),
            "objects": self._report.blamed(proxy_id, type_url, status.quarantined),
            "resources": [self._culprit(resource, nack.message) for resource in nack.resources],
        }

    def _culprit(self, resource: Resource, reason: str) -> Json:
        keys = mentioned_first(resource.origins, reason)
        origins = [{"object": str(key), "origin": str(self._store.locate(key) or "")} for key in keys[:MAX_LISTED]]
        return {"name": resource.name, "version": resource.version, "objects": origins, "objectCount": len(keys)}

    def config(self) -> Json:
        """The objects in force and what there is to say about them."""
        published = self._store.published
        return {
            "generation": published.generation if published else 0,
            "settings": {key: str(value) for key, value in asdict(self._store.mesh.settings).items()},
            "objects": [_object(meta) for _, meta in sorted(self._store.mesh.objects.items())],
            "diagnostics": [diagnostic_document(diagnostic) for diagnostic in self._findings()],
        }

    def config_dump(self, proxy_id: str) -> Json:
        """The resources that one connected proxy should have now."""
        proxies = {stream.proxy.id: stream.proxy for stream in self._board.streams}
        found = [proxy for proxy in proxies.values() if proxy_id in (proxy.id, str(proxy), proxy.name)]
        if len(found) != 1:
            known = ", ".join(sorted(map(str, proxies.values()))) or "none"
            count = "no proxy" if not found else f"{len(found)} proxies"
            raise AmbiguousProxyError(f"{count} of that name; connected are: {known}")
        compiled = self._store.compile(found[0])
        return {"proxyID": found[0].id, **render(compiled.snapshot)}

    async def analysis(self) -> Json:
        """All findings, with the labels of connected proxies taken into account. Does not hold up the server."""
        proxies = {stream.proxy.id: stream.proxy for stream in self._board.streams}.values()
        selectable = [Selectable(proxy.namespace, proxy.labels, proxy.id) for proxy in proxies]
        found = await asyncio.to_thread(analyse, self._store.configuration, self._findings(), selectable)
        return [finding_document(finding) for finding in found]

    def credentials(self) -> Json:
        """See `credentials_document`."""
        return credentials_document(self._store.mesh, self._clock())

    def spiffe_bundle(self) -> Json | None:
        """See `own_bundle`."""
        return own_bundle(self._authority.stored) if self._authority else None

    def loads(self) -> Json:
        """See `loads_document`."""
        return loads_document(self._loads)

    def addresses(self) -> Json:
        """See `automatic_addresses`."""
        return {host: list(found) for host, found in sorted(automatic_addresses(self._store.mesh.services).items())}

    def changes(self, about: str) -> Json:
        """See `ConvergenceReport`."""
        return self._report.changes(about)

    def standing(self, about: str) -> Json:
        """See `ConvergenceReport`."""
        return self._report.standing(about)

    async def refresh(self) -> None:
        """See `__init__`."""
        await self._refresh()


def _object(meta: ObjectMeta) -> Json:
    version = f"{meta.api_group}/{meta.api_version}" if meta.api_group else meta.api_version
    return {
        "object": str(meta.key),
        "kind": meta.key.kind,
        "namespace": meta.namespace,
        "name": meta.name,
        "apiVersion": version,
        "origin": str(meta.origin),
    }
