"""``pilothouse capture``: the netfilter rules that lead a workload's traffic through its Envoy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import typer

from xds.app.cli import capture_options as option
from xds.app.cli.capture_options import Backend, Versions
from xds.app.errors import StartError

if TYPE_CHECKING:
    from xds.agent.capture import CaptureSettings, Family, Installed, Netfilter, Wanted

T = TypeVar("T")


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(
        help="Lead a workload's traffic through its Envoy without its knowing (iptables).", no_args_is_help=True
    )
    for command in (apply, remove, show):
        group.command(command.__name__)(command)
    app.add_typer(group, name="capture")


def apply(
    include_inbound_ports: option.IncludeInboundPorts = None,
    exclude_inbound_ports: option.ExcludeInboundPorts = None,
    include_outbound_ports: option.IncludeOutboundPorts = None,
    exclude_outbound_ports: option.ExcludeOutboundPorts = None,
    include_outbound_ip_ranges: option.IncludeOutboundIpRanges = None,
    exclude_outbound_ip_ranges: option.ExcludeOutboundIpRanges = None,
    exclude_interfaces: option.ExcludeInterfaces = None,
    annotation: option.Annotations = None,
    proxy_uid: option.ProxyUid = None,
    proxy_gid: option.ProxyGid = None,
    inbound_port: option.InboundPort = 15006,
    outbound_port: option.OutboundPort = 15001,
    ip: option.Ip = Versions.AUTO,
    backend: option.BackendOption = Backend.AUTO,
    dry_run: option.DryRun = False,
) -> None:
    """Put the rules in force, in this network namespace. Again is the same: what was there of ours is replaced.

    PORTS are numbers, CIDRS ranges of addresses, with commas between them, or * for all. Never captured are the
    ports of the proxy itself (15020, 15021, 15090), and, unless it is named, 22.
    """
    from xds.agent.capture import CaptureSettings, add_source_address, installing, wanted

    asked = {
        "includeInboundPorts": include_inbound_ports,
        "excludeInboundPorts": exclude_inbound_ports,
        "includeOutboundPorts": include_outbound_ports,
        "excludeOutboundPorts": exclude_outbound_ports,
        "includeOutboundIPRanges": include_outbound_ip_ranges,
        "excludeOutboundIPRanges": exclude_outbound_ip_ranges,
        "excludeInterfaces": exclude_interfaces,
    }
    base = _of_proxy(CaptureSettings(inbound_port=inbound_port, outbound_port=outbound_port), proxy_uid, proxy_gid)
    settings = wanted(base, _asked(annotation or (), asked))
    if dry_run:
        _print((table, installing(settings, table.family)) for table in _tables(ip, backend))
    else:
        _replace(_tables(ip, backend), lambda family, before: installing(settings, family, before), add_source_address)


def remove(
    ip: option.Ip = Versions.AUTO, backend: option.BackendOption = Backend.AUTO, dry_run: option.DryRun = False
) -> None:
    """Take all rules of ours away, and none of anybody else's. Where there are none, nothing happens."""
    from xds.agent.capture import NO_RULES, remove_source_address, removing

    tables = _tables(ip, backend)
    if dry_run:
        found = ((table, _found(table)) for table in tables)
        _print((table, removing(before)) for table, before in found if before != NO_RULES)
    else:
        _replace(tables, lambda _, before: removing(before) if before != NO_RULES else "", remove_source_address)


def show(ip: option.Ip = Versions.AUTO, backend: option.BackendOption = Backend.AUTO) -> None:
    """Print the rules of ours that are in force, as iptables-save writes them. Exit code 1 if there are none."""
    found = [(table, _found(table).lines) for table in _tables(ip, backend)]
    if not any(lines for _, lines in found):
        raise StartError("nothing is captured in this network namespace")
    for table, lines in found:
        if lines:
            print(f"# IPv{table.family}", *lines, sep="\n")


def _of_proxy(settings: CaptureSettings, uids: list[int] | None, gids: list[int] | None) -> CaptureSettings:
    """Whoever names a user does not mean a group besides, and the other way round."""
    if not uids and not gids:
        return settings
    return replace(settings, proxy_uids=tuple(uids or ()), proxy_gids=tuple(gids or ()))


def _asked(annotations: Iterable[str], options: Mapping[str, str | None]) -> Iterator[Wanted]:
    from xds.agent.capture import Wanted, parse_annotation

    yield from map(parse_annotation, annotations)
    yield from (Wanted(name, value) for name, value in options.items() if value is not None)


def _tables(ip: Versions, backend: Backend) -> tuple[Netfilter, ...]:
    from xds.agent.capture import Family, Netfilter, has_ipv6

    families = {
        Versions.AUTO: (Family.IPV4, Family.IPV6) if has_ipv6() else (Family.IPV4,),
        Versions.IPV4: (Family.IPV4,),
        Versions.IPV6: (Family.IPV6,),
        Versions.BOTH: (Family.IPV4, Family.IPV6),
    }
    return tuple(Netfilter(family, "" if backend is Backend.AUTO else backend.value) for family in families[ip])


def _print(transactions: Iterable[tuple[Netfilter, str]]) -> None:
    for table, text in transactions:
        print(f"# {table.program('restore')} --noflush\n{text}", end="")


def _replace(
    tables: Iterable[Netfilter], transaction: Callable[[Family, Installed], str], address: Callable[[], None]
) -> None:
    """Whether all tables can be read is found out before any is changed. address: what IPv6 takes besides."""
    from xds.agent.capture import Family, Netfilter

    planned = [(table, transaction(table.family, _found(table))) for table in tables]
    for table, text in planned:
        if text:
            _try(table, partial(Netfilter.restore, rules=text))
        if table.family is Family.IPV6:
            _try(table, lambda _: address())


def _found(table: Netfilter) -> Installed:
    from xds.agent.capture import Netfilter

    return _try(table, Netfilter.installed)


def _try(table: Netfilter, action: Callable[[Netfilter], T]) -> T:
    from xds.agent.capture import Family, NetfilterError

    try:
        return action(table)
    except NetfilterError as error:
        hint = "; --ip 4 leaves IPv6 out" if table.family is Family.IPV6 else ""
        raise StartError(f"{error}{hint}") from error
