"""RouteConfigurations that are spliced out of virtual hosts: each of these is patched by itself, and once."""

from __future__ import annotations

from dataclasses import dataclass

from envoy_data_plane.envoy.config.route.v3 import RouteConfiguration
from envoy_data_plane.envoy.config.route.v3 import VirtualHost as VirtualHostMessage

from xds.model.envoy_filters import ConfigPatch, PatchOperation
from xds.pipeline.contribution import VirtualHosts
from xds.pipeline.envoyfilter.check import check, check_name, leaving_out
from xds.pipeline.envoyfilter.encoded import items, text
from xds.pipeline.envoyfilter.outcome import InvalidResultError, Refusal, Trail
from xds.pipeline.envoyfilter.plan import Plan
from xds.pipeline.envoyfilter.routes import (
    RouteEdits,
    added_hosts,
    check_hosts,
    patched_header,
    patched_host,
    route_edits,
)
from xds.pipeline.memo import Memo
from xds.pipeline.splice import JoinedVirtualHosts, VirtualHost, join_virtual_hosts
from xds.resources import PartSources
from xds.wire.fields import fields_by_name


@dataclass(frozen=True, slots=True, eq=False)
class PatchedHost:
    """host: None if it is removed, the same as before if no patch changes it."""

    host: VirtualHost | None
    applied: tuple[ConfigPatch, ...] = ()
    refused: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class PatchedHeader:
    """part: with the header after the patches. added: virtual hosts that come after its own."""

    part: VirtualHosts
    added: JoinedVirtualHosts
    applied: tuple[ConfigPatch, ...] = ()
    refused: tuple[Refusal, ...] = ()


def edits_for(plan: Plan, name: str, memo: Memo) -> RouteEdits | None:
    """The patches for a RouteConfiguration that a proxy asks for by name; None if there are none.

    The same object for the same patches, so that virtual hosts that several have in common are patched once.
    """
    edits = route_edits(plan, name, plan.context(inbound=False))
    return memo(_edits, len(edits.configuration), len(edits.hosts), *edits.all) if edits is not None else None


def _edits(configuration: int, hosts: int, *patches: ConfigPatch) -> RouteEdits:
    """Of so many patches, by what they are applied to."""
    of_routes = configuration + hosts
    return RouteEdits(patches[:configuration], patches[configuration:of_routes], patches[of_routes:])


def patch_host(host: VirtualHost, edits: RouteEdits) -> PatchedHost:
    """One virtual host."""
    what = f"VirtualHost {text(host.body, 1)}"
    found, refused = leaving_out(edits.all, what, lambda patches: _attempt(host, edits.only(patches)))
    return PatchedHost(found.host, found.applied, refused)


def _attempt(host: VirtualHost, edits: RouteEdits) -> PatchedHost:
    trail = Trail()
    body, rules = patched_host(host.body, host.sources.rules, edits, trail)
    if not trail.applied:
        return PatchedHost(host)
    if body is None:
        return PatchedHost(None, tuple(trail.applied))
    check(VirtualHostMessage, body, trail)
    origins = tuple(dict.fromkeys((*trail.objects, *host.sources.origins)))
    sources = PartSources(origins, lambda: rules, (*host.sources.patched, *trail.marks))
    return PatchedHost(VirtualHost(body, sources), tuple(trail.applied))


def patch_header(part: VirtualHosts, edits: RouteEdits) -> PatchedHeader:
    """What a RouteConfiguration has beside its own virtual hosts."""
    what = f"RouteConfiguration {part.route_config}"
    found, refused = leaving_out(edits.all, what, lambda patches: _header_attempt(part, edits.only(patches)))
    return PatchedHeader(found.part, found.added, found.applied, refused)


def _header_attempt(part: VirtualHosts, edits: RouteEdits) -> PatchedHeader:
    trail = Trail()
    header, hosts = patched_header(part.header, edits, trail)
    check(RouteConfiguration, header, trail)
    check_name(header, part.route_config, trail)
    for host in hosts:
        check(VirtualHostMessage, host, trail)
    sources = PartSources(trail.objects, patched=tuple(trail.marks))
    brought = [VirtualHost(host, sources) for host in (*hosts, *added_hosts(edits, trail))]
    changed = VirtualHosts(part.route_config, header, part.groups) if header != part.header else part
    return PatchedHeader(changed, join_virtual_hosts(*brought), tuple(trail.applied))


def claims_domains(edits: RouteEdits) -> tuple[ConfigPatch, ...]:
    """The patches that may give a RouteConfiguration the name or a domain of a virtual host a second time."""
    merging = (patch for patch in edits.hosts if patch.operation.is_merge and _has_names(patch))
    replacing = (PatchOperation.ADD, PatchOperation.REPLACE)
    bringing = (patch for patch in edits.configuration if items(patch.value, 2))
    return (*merging, *(patch for patch in edits.hosts if patch.operation in replacing), *bringing)


def _has_names(patch: ConfigPatch) -> bool:
    names = fields_by_name(VirtualHostMessage)
    return bool(items(patch.value, names["name"].number) or items(patch.value, names["domains"].number))


def doubled(body: bytes) -> str:
    """What two virtual hosts of an encoded RouteConfiguration have in common that they must not; empty if nothing."""
    try:
        check_hosts(items(body, 2))
    except InvalidResultError as error:
        return str(error)
    return ""
