"""``pilothouse serve``: starts everything, watches it, and ends it."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from xds.app import garbage
from xds.app.address import is_loopback, split_address
from xds.app.authority_metrics import AuthorityMetrics
from xds.app.authority_side import AuthoritySide
from xds.app.convergence import Convergence
from xds.app.convergence_change import Rejection
from xds.app.convergence_report import ConvergenceReport
from xds.app.errors import StartError
from xds.app.expiry import ExpiryMetric, credential_findings
from xds.app.findings_log import FindingsLog
from xds.app.identity_findings import unenforced
from xds.app.intake import Intake, Seen
from xds.app.key_metrics import KeyMetrics
from xds.app.listening import ensure_free, http_server, plain_reason
from xds.app.loading import read_settings
from xds.app.loads_report import LoadMetrics
from xds.app.metrics import Metrics, short_name
from xds.app.modules import default_cache
from xds.app.preflight import Preflight
from xds.app.preflight_envoy import with_envoy
from xds.app.preflight_report import PreflightReport
from xds.app.probes import ServerProbes
from xds.app.refusals import Refusals
from xds.app.registrations import Registrations
from xds.app.remembered import RememberedEntries
from xds.app.serve_options import ServeOptions, check_exposure
from xds.app.settings_follower import SettingsFollower, federated
from xds.app.store import Publication, Store
from xds.app.supplies import Supplies
from xds.console import HttpServer, create_app
from xds.model.diagnostic import Diagnostic
from xds.model.identity import SpiffeId
from xds.model.proxy import Proxy, ProxyType
from xds.pipeline import Pipeline, TranslatorError
from xds.server import SnapshotSource, StatusBoard, XdsServer
from xds.server.rest import create_rest_app
from xds.sources.batch import Batch
from xds.sources.files import FileSource

_TIDY_SECONDS = 10.0
_GATHER_SECONDS = 0.2

_NOBODY = Proxy("", ProxyType.SIDECAR, "warm-up", "default", ("127.0.0.1",), "default.svc.cluster.local")

_log = structlog.get_logger("xds.app")


async def serve(options: ServeOptions) -> None:
    """Runs until SIGTERM or SIGINT, then drains. Raises StartError."""
    garbage.look_less_often()
    await ControlPlane(options).run()


class ControlPlane:
    """All parts of one running control plane, wired together."""

    def __init__(self, options: ServeOptions) -> None:
        """Reads nothing and opens nothing but the monitoring port. Raises StartError."""
        check_exposure(options)
        self._options = options
        self._stop = asyncio.Event()
        registry = CollectorRegistry()
        self._metrics = Metrics(registry)
        self._convergence = Convergence(self._metrics, lambda key: self.store.locate(key), on_reject=_log_rejection)
        self._refusals = Refusals(lambda key: self.store.locate(key))
        self._findings_log = FindingsLog()
        self._found = asyncio.Event()
        self.store = self._new_store()
        self._board = StatusBoard(time.time, [self._metrics, self._convergence])
        self._preflight = self._new_preflight() if options.preflight else None
        cache = options.cache_dir or default_cache()
        self._remembered = RememberedEntries(cache / "registrations", options.config)
        self._registrations = self._new_registrations()
        self._identity = self._new_authority_side()
        self._xds = self._new_server()
        self._supplies = Supplies(self.store, cache, options.jwks_refresh, KeyMetrics(registry), self._applied)
        self._intake = Intake(_file_source(options.config), self._publish_safely)
        self._settings = self._new_settings_follower()
        self._probes = self._new_probes()
        self._add_metrics(registry)
        self._http = http_server(options.monitoring_listen, create_app(self._probes, registry))
        self._rest: HttpServer | None = None
        if options.rest_listen:
            self._rest = http_server(options.rest_listen, create_rest_app(self._preflight or self.store), self._http)

    def _new_store(self) -> Store:
        return Store(
            Pipeline(self._options.translators),
            federated(read_settings(self._options.mesh_config)[0], self._federated_domains),
            time.time,
            on_error=_log_translator_error,
            observers=[self._convergence],
            on_findings=self._found.set,
        )

    def _new_preflight(self) -> Preflight:
        reporter = PreflightReport(self._convergence, self._refusals, time.time, self._tell_findings)
        return with_envoy(self.store, reporter)

    def _new_registrations(self) -> Registrations:
        return Registrations(
            lambda key: self.store.mesh.workload_groups.get(key),
            self._register,
            self._options.workload_grace,
            self._remembered.save,
        )

    def _new_authority_side(self) -> AuthoritySide | None:
        if self._options.ca_dir is None:
            return None
        return AuthoritySide(
            self._options, self._options.ca_dir, self.store.mesh.settings, changed=self._authority_changed
        )

    def _new_server(self) -> XdsServer:
        source: SnapshotSource = self._preflight or self.store
        security = None
        if self._identity:
            source = self._identity.with_secrets(source)
            security = self._identity.security(self._options, self.store.mesh.settings.root_namespace)
        return XdsServer(
            source,
            self._board,
            locate=self.store.locate,
            admission=self._options.max_connecting,
            max_age=self._options.max_stream_age,
            registrar=self._registrations,
            security=security,
        )

    def _new_settings_follower(self) -> SettingsFollower | None:
        file = self._options.mesh_config
        return SettingsFollower(file, self.store, self._federated_domains, self._settings_applied) if file else None

    def _new_probes(self) -> ServerProbes:
        report = ConvergenceReport(self._convergence, self.store, self.findings)
        return ServerProbes(
            self.store,
            self._board,
            report,
            self.findings,
            self._xds.loads,
            self.refresh,
            time.time,
            self._identity.authority if self._identity else None,
        )

    def _add_metrics(self, registry: CollectorRegistry) -> None:
        LoadMetrics(self._xds.loads, registry)
        ExpiryMetric(lambda: self.store.mesh, registry)
        if self._identity:
            AuthorityMetrics(self._identity.authority, self._connected, registry)

    @property
    def _federated_domains(self) -> tuple[str, ...]:
        return tuple(each.trust_domain for each in self._options.federate)

    async def run(self) -> None:
        """Serves until a signal or `stop`. Raises StartError."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        await self._open()
        try:
            async with asyncio.TaskGroup() as tasks:
                servers = [server for server in (self._http, self._rest) if server]
                serving = [tasks.create_task(server.serve()) for server in servers]
                background = [tasks.create_task(each) for each in self._background()]
                await self._stop.wait()
                _log.info("stopping", drain_seconds=self._options.drain_seconds)
                for task in background:
                    task.cancel()
                self._registrations.save()
                await self._xds.stop(self._options.drain_seconds)
                for server in servers:
                    server.stop()
                await asyncio.wait(serving)
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
        _log.info("stopped")

    def _background(self) -> Iterator[Coroutine[Any, Any, None]]:
        """What goes on until the end."""
        yield from (self._intake.run(), self._supplies.run(), self._tidy(), self._tell_of_patches())
        yield from (each.run() for each in (self._settings, self._identity, self._preflight) if each)

    def stop(self) -> None:
        """Ends `run`, as a signal does."""
        self._stop.set()

    def findings(self) -> tuple[Diagnostic, ...]:
        """Everything there is to say about the configuration now."""
        of_credentials = credential_findings(self.store.mesh, time.time())
        of_identity = self._identity.findings(self._connected()) if self._identity else unenforced(self.store.mesh)
        return self.store.diagnostics + self._refusals.diagnostics + of_credentials + of_identity

    def _connected(self) -> set[SpiffeId]:
        """Whose streams are open."""
        return {stream.proxy.identity for stream in self._board.streams if stream.proxy.identity is not None}

    def _authority_changed(self) -> None:
        self._xds.end_revoked()
        self._tell_findings()

    def _tell_findings(self) -> None:
        findings = self.findings()
        self._findings_log.tell(findings)
        self._metrics.found(findings)

    async def _tell_of_patches(self) -> None:
        """What patches do is known when proxies are given their resources: told once for many."""
        while True:
            await self._found.wait()
            await asyncio.sleep(_GATHER_SECONDS)
            self._found.clear()
            self._tell_findings()

    async def refresh(self) -> None:
        """Looks at the configuration now, and returns when everything that it says is in force."""
        await self._intake.refresh()

    async def _open(self) -> None:
        try:
            ports: dict[str, str | int] = {"xds": await self._open_plain(), **self._open_secure()}
        except StartError:
            for server in (self._http, self._rest):
                if server:
                    server.close()
            await self._xds.stop(0)
            raise
        self._probes.listening = True
        ports |= {"monitoring_port": self._http.port} | ({"rest_port": self._rest.port} if self._rest else {})
        _log.info("serving", **ports, config=str(self._options.config))
        if self._options.insecure_xds and not is_loopback(split_address(self._options.xds_listen)[0]):
            _log.warning("proxies of other machines get no credentials in plain text: they need the secure address")

    async def _open_plain(self) -> str:
        """Where plain text is served."""
        listen = self._options.xds_listen
        try:
            ensure_free(listen)
            port = await self._xds.start(listen)
        except (OSError, ValueError) as error:
            raise StartError(f"cannot listen on {listen}: {plain_reason(error)}") from error
        return f"{split_address(listen)[0]}:{port}"

    def _open_secure(self) -> dict[str, str]:
        """Where TLS is served, if it is, for the log."""
        if self._identity is None:
            return {}
        listen = self._options.secure_listen
        try:
            host, port = split_address(listen)
            return {"secure_xds": f"{host}:{self._xds.start_secure(host, port)}"}
        except (OSError, ValueError) as error:
            raise StartError(f"cannot listen on {listen}: {plain_reason(error)}") from error

    def _applied(self, publication: Publication | None) -> None:
        """publication: None if nothing is different, but for what there is to say."""
        if publication:
            self._metrics.configured(publication, len(self.store.mesh.objects))
        self._tell_findings()

    def _settings_applied(self, publication: Publication | None) -> None:
        if publication and self._identity:
            self._identity.configure(self.store.mesh.settings)
        self._applied(publication)

    def _publish_safely(self, seen: Seen) -> None:
        """A defect of ours that some input brings out must not stop the proxies from being served."""
        try:
            self._publish(seen)
        except Exception:  # noqa: BLE001 - whatever it is, it is logged whole, and the proxies matter more
            _log.exception("a change could not be applied; what was in force stays", files=sorted(seen.batch.changed))

    def _publish(self, seen: Seen) -> None:
        publication = self.store.apply(seen.batch, seen.at)
        self._metrics.configured(publication, len(self.store.mesh.objects))
        if publication.generation == 1:
            self._warm_up()
            self._registrations.restore(self._remembered.load())
        _log.info(
            "configuration applied",
            generation=publication.generation,
            files=len(seen.batch.changed),
            objects=len(self.store.mesh.objects),
            changed=len(publication.changed),
            milliseconds=round(publication.seconds * 1000, 1),
        )
        self._registrations.changed(publication.changed)
        self._supplies.want()
        self._refusals.changed(publication.changed, self._convergence.connected)
        self._tell_findings()

    def _register(self, changed: Mapping[str, str | None]) -> bool:
        """Puts what registered itself in force, once the configuration has been read."""
        if self.store.published is not None:
            self._publish_safely(Seen(time.time(), Batch(changed, self.store.unreadable)))
        return self.store.published is not None

    def _warm_up(self) -> None:
        """Compiles for a proxy that does not exist, before any that does is answered.

        The first compile loads Envoy's message classes, which takes most of a second.
        """
        self.store.compile(_NOBODY)
        garbage.keep_what_is_there()

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(_TIDY_SECONDS)
            self._convergence.sum_up()
            if self.store.mesh.credentials or self._identity:
                self._tell_findings()  # time alone may have made some
            if dropped := self.store.tidy():
                _log.debug("forgot compiled results that nobody uses", count=dropped)


def _file_source(root: Path) -> FileSource:
    try:
        return FileSource(root)
    except NotADirectoryError as error:
        raise StartError(f"--config {error}") from error


def _log_translator_error(proxy: Proxy, error: TranslatorError) -> None:
    _log.error(error.reason, translator=error.translator, proxy=str(proxy), details=error.details)


def _log_rejection(rejection: Rejection) -> None:
    """Once for a change, with those to blame. What is refused in preflight is a finding, and is logged as such."""
    if not rejection.in_preflight:
        _log.error(
            "a change was rejected",
            proxy=rejection.name,
            type=short_name(rejection.type_url),
            reason=rejection.reason,
            resources=rejection.resources,
            objects=[f"{changed.key} {changed.origin or ''}".rstrip() for changed in rejection.objects],
        )
