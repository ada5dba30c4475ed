"""``pilothouse serve``: starts everything, watches it, and ends it."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry

from xds.app import garbage
from xds.app.address import is_loopback, split_address
from xds.app.authority_findings import authority_findings
from xds.app.authority_metrics import AuthorityMetrics
from xds.app.bundles import AuthorityBundles
from xds.app.convergence import Convergence
from xds.app.convergence_change import Rejection
from xds.app.convergence_report import ConvergenceReport
from xds.app.errors import StartError
from xds.app.expiry import ExpiryMetric, credential_findings
from xds.app.federation import Federation
from xds.app.findings_log import FindingsLog
from xds.app.identity_findings import unenforced
from xds.app.intake import Intake, Seen
from xds.app.key_metrics import KeyMetrics
from xds.app.listening import ensure_free, http_server, plain_reason
from xds.app.loading import read_settings
from xds.app.loads_report import LoadMetrics
from xds.app.metrics import Metrics, short_name
from xds.app.modules import default_cache
from xds.app.oidc import OidcIssuers
from xds.app.preflight_envoy import with_envoy
from xds.app.preflight_report import PreflightReport
from xds.app.probes import ServerProbes
from xds.app.refusals import Refusals
from xds.app.registrations import Registrations
from xds.app.remembered import RememberedEntries
from xds.app.security import follow, open_authority, security_of
from xds.app.serve_options import ServeOptions, check_exposure
from xds.app.store import Store
from xds.app.workload_secrets import WorkloadSecrets
from xds.ca.profile import Lifetimes
from xds.ca.service import CertificateAuthority, Policy
from xds.config.kinds.mesh_config import parse_mesh_config
from xds.console import HttpServer, create_app
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.extensions import Modules
from xds.model.identity import SpiffeId
from xds.model.objects import Origin
from xds.model.proxy import Proxy, ProxyType
from xds.model.request_authentication import KeySets
from xds.model.settings import MeshSettings
from xds.pipeline import Pipeline, TranslatorError
from xds.server import Security, StatusBoard, XdsServer
from xds.server.rest import create_rest_app
from xds.sources.batch import Batch
from xds.sources.files import FileSource
from xds.sources.following import Pace
from xds.sources.keys.cache import KeyCache
from xds.sources.keys.source import KeySource
from xds.sources.modules.cache import ModuleCache
from xds.sources.modules.source import ModuleSource

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
        self.store = Store(
            Pipeline(options.translators),
            self._federated(read_settings(options.mesh_config)[0], options),
            time.time,
            on_error=_log_translator_error,
            observers=[self._convergence],
            on_findings=self._found.set,
        )
        self._board = board = StatusBoard(time.time, [self._metrics, self._convergence])
        self._preflight = None
        if options.preflight:
            reporter = PreflightReport(self._convergence, self._refusals, time.time, self._tell_findings)
            self._preflight = with_envoy(self.store, reporter)
        source = self._preflight or self.store
        cache = options.cache_dir or default_cache()
        self._remembered = RememberedEntries(cache / "registrations", options.config)
        self._registrations = Registrations(
            lambda key: self.store.mesh.workload_groups.get(key),
            self._register,
            options.workload_grace,
            self._remembered.save,
        )
        self._authority = self._open_authority(options)
        self._federation = self._open_federation(options)
        self._secrets, self._bundles = None, None
        if self._authority:
            self._secrets = WorkloadSecrets(source, self._authority, lambda: self._federation.bundles)
            self._bundles = AuthorityBundles(self._authority, lambda: self._federation.bundles)
        self._xds = XdsServer(
            self._secrets or source,
            board,
            locate=self.store.locate,
            admission=options.max_connecting,
            max_age=options.max_stream_age,
            registrar=self._registrations,
            security=self._security(options),
        )
        report = ConvergenceReport(self._convergence, self.store, self.findings)
        self._probes = ServerProbes(
            self.store, board, report, self.findings, self._xds.loads, self.refresh, time.time, self._authority
        )
        LoadMetrics(self._xds.loads, registry)
        ExpiryMetric(lambda: self.store.mesh, registry)
        if self._authority:
            AuthorityMetrics(self._authority, self._connected, registry)
        self._intake = Intake(_file_source(options.config), self._publish_safely)
        self._settings = _settings_source(options.mesh_config) if options.mesh_config else None
        self._said_of_settings: tuple[Diagnostic, ...] = ()
        self._modules = ModuleSource(ModuleCache(cache / "modules"))
        self._key_metrics = KeyMetrics(registry)
        self._keys = KeySource(KeyCache(cache / "jwks"), self._key_metrics, Pace(again=options.jwks_refresh))
        self._http = http_server(options.monitoring_listen, create_app(self._probes, registry))
        self._rest: HttpServer | None = None
        if options.rest_listen:
            self._rest = http_server(options.rest_listen, create_rest_app(source), self._http)

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
                background = [tasks.create_task(self._intake.run()), tasks.create_task(self._tidy())]
                background.append(tasks.create_task(self._tell_of_patches()))
                background.append(tasks.create_task(self._modules.run(self._supply_modules)))
                background.append(tasks.create_task(self._keys.run(self._supply_keys)))
                if self._settings:
                    background.append(tasks.create_task(self._follow_settings(self._settings)))
                if self._authority and self._options.ca_dir:
                    folders = self._options.ca_dir, self._options.ca_certs
                    following = follow(self._authority, *folders, self._authority_changed)
                    background.append(tasks.create_task(following))
                    background.append(tasks.create_task(self._federation.run()))
                if self._preflight:
                    background.append(tasks.create_task(self._preflight.run()))
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

    def stop(self) -> None:
        """Ends `run`, as a signal does."""
        self._stop.set()

    def findings(self) -> tuple[Diagnostic, ...]:
        """Everything there is to say about the configuration now."""
        of_credentials = credential_findings(self.store.mesh, time.time())
        return self.store.diagnostics + self._refusals.diagnostics + of_credentials + self._of_authority()

    def _of_authority(self) -> tuple[Diagnostic, ...]:
        if self._authority is None or self._options.ca_dir is None:
            return unenforced(self.store.mesh)
        folders = self._options.ca_dir, self._options.ca_certs
        of_authority = authority_findings(self._authority, *folders, self._connected(), datetime.now(UTC))
        return (*of_authority, *self._federation.findings())

    def _follow_aliases(self) -> None:
        aliases = self.store.mesh.settings.trust_domain_aliases
        if self._authority is not None and self._authority.aliases != aliases:
            self._authority.aliases = aliases
            self._authority_changed()

    def _connected(self) -> set[SpiffeId]:
        """Whose streams are open."""
        return {stream.proxy.identity for stream in self._board.streams if stream.proxy.identity is not None}

    def _authority_changed(self) -> None:
        self._xds.end_revoked()
        for interested in (self._secrets, self._bundles):
            if interested is not None:
                interested.changed()
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

    def _open_authority(self, options: ServeOptions) -> CertificateAuthority | None:
        if options.ca_dir is None:
            return None
        lifetimes = Lifetimes.of_workloads(options.workload_cert_ttl, options.max_workload_cert_ttl)
        policy = Policy(key_type=options.ca_key_type, lifetimes=lifetimes)
        settings = self.store.mesh.settings
        authority = open_authority(options.ca_dir, settings.trust_domain, policy, options.ca_certs)
        authority.aliases = settings.trust_domain_aliases
        return authority

    def _open_federation(self, options: ServeOptions) -> Federation:
        federation = Federation(
            options.federate, self.store.mesh.settings.trust_domains, options.ca_dir or Path(), self._authority_changed
        )
        federation.start()
        return federation

    def _federated(self, settings: MeshSettings, options: ServeOptions) -> MeshSettings:
        """With the trust domains that are federated, which are no part of a MeshConfig."""
        return replace(settings, federated_trust_domains=tuple(each.trust_domain for each in options.federate))

    def _security(self, options: ServeOptions) -> Security | None:
        if self._authority is None or self._bundles is None:
            return None
        host, _ = split_address(options.secure_listen)
        issuers = OidcIssuers(options.oidc_issuers, time.monotonic)
        issuers.check()
        return security_of(self._authority, issuers, self._bundles, self.store.mesh.settings.root_namespace, host)

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
        if self._authority is None:
            return {}
        listen = self._options.secure_listen
        try:
            host, port = split_address(listen)
            return {"secure_xds": f"{host}:{self._xds.start_secure(host, port)}"}
        except (OSError, ValueError) as error:
            raise StartError(f"cannot listen on {listen}: {plain_reason(error)}") from error

    async def _follow_settings(self, source: FileSource) -> None:
        """Puts the MeshConfig in force whenever it changes; what is wrong with it leaves the one before in force."""
        async with aclosing(source.changes()) as batches:
            async for batch in batches:
                self._configure(batch)

    def _supply_modules(self, modules: Modules) -> None:
        """Puts Wasm modules in force as they are fetched; nothing else waits for them."""
        published = self.store.supply(modules=modules)
        if published:
            self._metrics.configured(published, len(self.store.mesh.objects))
            _log.info("modules applied", generation=published.generation, modules=len(modules))
            self._modules.want(self.store.wanted)
        self._tell_findings()

    def _supply_keys(self, key_sets: KeySets) -> None:
        """Puts the keys of issuers in force as they are fetched; nothing else waits for them."""
        published = self.store.supply(key_sets=key_sets)
        if published:
            self._metrics.configured(published, len(self.store.mesh.objects))
            _log.info("keys applied", generation=published.generation, issuers=len(key_sets))
        self._want_keys()
        self._tell_findings()

    def _want_keys(self) -> None:
        wanted = self.store.wanted_keys
        self._keys.want(wanted)
        self._key_metrics.known(wanted, self.store.mesh.key_sets)

    def _configure(self, batch: Batch) -> None:
        settings = None
        if batch.changed:
            settings, self._said_of_settings = _read_settings(batch)
        if settings is not None:
            settings = self._federated(settings, self._options)
        published = self.store.configure(settings, batch.problems + self._said_of_settings)
        if published:
            self._follow_aliases()
            self._metrics.configured(published, len(self.store.mesh.objects))
            _log.info("mesh settings applied", generation=published.generation, file=str(self._options.mesh_config))
        self._tell_findings()

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
        self._modules.want(self.store.wanted)
        self._want_keys()
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
            if self.store.mesh.credentials or self._authority:
                self._tell_findings()  # time alone may have made some
            if dropped := self.store.tidy():
                _log.debug("forgot compiled results that nobody uses", count=dropped)


def _file_source(root: Path) -> FileSource:
    try:
        return FileSource(root)
    except NotADirectoryError as error:
        raise StartError(f"--config {error}") from error


def _read_settings(batch: Batch) -> tuple[MeshSettings | None, tuple[Diagnostic, ...]]:
    """The settings in the one file of a batch, None if those before are to stay, and what is to be said."""
    for file, text in batch.changed.items():
        if text is None:
            reason = "is gone; the settings that it had stay in force"
            return None, (Diagnostic(Severity.WARNING, Origin(file, 1), reason, code="unreadable"),)
        settings, found = parse_mesh_config(text, file)
        return (None if any(each.severity is Severity.ERROR for each in found) else settings), found
    return None, ()


def _settings_source(file: Path) -> FileSource:
    return FileSource(file.parent, only=file)


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
