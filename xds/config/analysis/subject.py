"""What analysers ask of a whole configuration: the mesh, the documents behind it, and who would be selected."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from xds.config.configuration import Configuration
from xds.config.document import Path, RawObject, format_path
from xds.config.ledger import Ledger
from xds.config.ledger_file import Claim
from xds.config.reader import Reader
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.hosts import host_matches, is_wildcard
from xds.model.labels import Labels
from xds.model.mesh import Mesh
from xds.model.objects import ObjectKey
from xds.model.services import Service


class Selectable(NamedTuple):
    """Something with labels that a selector may pick: a Pod, a WorkloadEntry, or a connected proxy."""

    namespace: str
    labels: Labels
    name: str


class Subject:
    """A configuration under analysis. Indexes are made when they are first asked for.

    proxies: those that are connected, which selectors may pick as well as what documents describe.
    """

    def __init__(self, configuration: Configuration, proxies: Iterable[Selectable] = ()) -> None:
        self._configuration = configuration
        self._proxies = tuple(proxies)

    @property
    def mesh(self) -> Mesh:
        """What is in force."""
        return self._configuration.mesh

    @property
    def root_namespace(self) -> str:
        """Where mesh-wide objects live."""
        return self.mesh.settings.root_namespace

    def documents(self, kind: str, group: str = "") -> tuple[RawObject, ...]:
        """The valid documents of a kind that hold, whether the kind takes effect here or not."""
        return self._by_kind.get((group, kind), ())

    def readers(self, kind: str, group: str = "") -> Iterator[Reader]:
        """A reader for each of `documents`. Only for kinds that have a schema."""
        return map(Reader, self.documents(kind, group))

    def selectable_in(self, namespace: str) -> tuple[Selectable, ...]:
        """What a selector of an object in ``namespace`` is matched with: everything, for one in the root namespace."""
        if namespace == self.root_namespace:
            return self._selectable
        return self._selectable_by_namespace.get(namespace, ())

    def everything_selectable(self) -> tuple[Selectable, ...]:
        """All of it, for selectors that no namespace bounds."""
        return self._selectable

    def services_matching(self, host: str) -> tuple[Service, ...]:
        """The services of a fully qualified host, which may be a wildcard on either side."""
        found = self._services_by_host.get(host, ())
        if found or not (is_wildcard(host) or self._wildcard_services):
            return found
        candidates = self.mesh.services if is_wildcard(host) else self._wildcard_services
        return tuple(s for s in candidates if host_matches(host, s.hostname) or host_matches(s.hostname, host))

    def finding(self, key: ObjectKey, path: Path, severity: Severity, reason: str, code: str) -> Diagnostic:
        """A diagnostic about a field of an object in force, at the line where that is written."""
        raw = self._by_key.get(key)
        origin = raw.origin_of(path) if raw is not None else self.mesh.objects[key].origin
        return Diagnostic(severity, origin, reason, key, format_path(path), code)

    @cached_property
    def _by_key(self) -> Mapping[ObjectKey, RawObject]:
        return {raw.key: raw for raws in self._by_kind.values() for raw in raws}

    @cached_property
    def namespaces(self) -> Mapping[str, Labels]:
        """The labels of every Namespace that is declared."""
        return {raw.name: raw.meta.labels for raw in self.documents("Namespace")}

    @cached_property
    def _by_kind(self) -> Mapping[tuple[str, str], tuple[RawObject, ...]]:
        found: dict[tuple[str, str], list[RawObject]] = defaultdict(list)
        for raw in _documents_in_force(self._configuration.ledger):
            found[raw.meta.api_group, raw.kind].append(raw)
        return {kind: tuple(raws) for kind, raws in found.items()}

    @cached_property
    def _selectable(self) -> tuple[Selectable, ...]:
        workloads = (Selectable(w.meta.namespace, w.labels, str(w.meta.key)) for w in self.mesh.workloads.values())
        return (*workloads, *self._proxies)

    @cached_property
    def _selectable_by_namespace(self) -> Mapping[str, tuple[Selectable, ...]]:
        found: dict[str, list[Selectable]] = defaultdict(list)
        for each in self._selectable:
            found[each.namespace].append(each)
        return {namespace: tuple(members) for namespace, members in found.items()}

    @cached_property
    def _services_by_host(self) -> Mapping[str, tuple[Service, ...]]:
        found: dict[str, tuple[Service, ...]] = {}
        for service in self.mesh.services:
            found[service.hostname] = (*found.get(service.hostname, ()), service)
        return found

    @cached_property
    def _wildcard_services(self) -> tuple[Service, ...]:
        return tuple(service for service in self.mesh.services if is_wildcard(service.hostname))


def _documents_in_force(ledger: Ledger) -> Iterator[RawObject]:
    for path, file in sorted(ledger.files.items()):
        for raw, claim in file.readings.items():
            if claim.is_valid and _holds(ledger, path, claim):
                yield raw


def _holds(ledger: Ledger, path: str, claim: Claim) -> bool:
    """Whether the claim wins; documents of kinds without a schema do not compete."""
    if claim.reading is not None and not claim.reading.is_known:
        return True
    holders = ledger.holders.get(claim.key, ())
    return bool(holders) and holders[0] == path and ledger.files[path].claim(claim.key) is claim
