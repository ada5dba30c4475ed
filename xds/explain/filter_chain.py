"""Which filter chain a connection gets: Envoy's ``FilterChainMatch``, criterion by criterion.

Each criterion in turn keeps the chains that name the connection's own value in it, or else, if there are none, those
that leave it open. There is no way back: a chain that was dropped for a more specific one is not asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import ip_address

from envoy_data_plane.envoy.config.core.v3 import CidrRange
from envoy_data_plane.envoy.config.listener.v3 import (
    FilterChain,
    FilterChainMatch,
    FilterChainMatchConnectionSourceType,
    Listener,
)

from xds.explain.blocks import network
from xds.explain.request import Connection

_Chains = Sequence[FilterChain]
_Test = Callable[[FilterChain], bool]
_OPEN = FilterChainMatch()


def find_chain(listener: Listener, connection: Connection) -> FilterChain | None:
    """The filter chain of the listener; its default one if none matches; None if there is not even that.

    The connection is as the listener's inspectors saw it.
    """
    chains: _Chains = listener.filter_chains
    for criterion in _CRITERIA:
        chains = criterion(chains, connection)
    return chains[0] if chains else listener.default_filter_chain


def _match(chain: FilterChain) -> FilterChainMatch:
    return chain.filter_chain_match or _OPEN


def _narrowed(
    chains: _Chains, names: Callable[[FilterChain], bool], leaves_open: Callable[[FilterChain], bool]
) -> _Chains:
    return [chain for chain in chains if names(chain)] or [chain for chain in chains if leaves_open(chain)]


def _by_port(chains: _Chains, connection: Connection) -> _Chains:
    return _narrowed(
        chains,
        lambda chain: _match(chain).destination_port == connection.port,
        lambda chain: not _match(chain).destination_port,
    )


def _by_address(chains: _Chains, connection: Connection) -> _Chains:
    return _most_specific(chains, lambda chain: _match(chain).prefix_ranges, connection.address)


def _by_server_name(chains: _Chains, connection: Connection) -> _Chains:
    name = connection.server_name
    labels = name.split(".")
    wildcards = [f"*.{'.'.join(labels[start:])}" for start in range(1, len(labels))]
    for wanted in (name, *wildcards) if name else ():
        named = [chain for chain in chains if wanted in map(str.lower, _match(chain).server_names)]
        if named:
            return named
    return [chain for chain in chains if not _match(chain).server_names]


def _by_transport(chains: _Chains, connection: Connection) -> _Chains:
    return _narrowed(
        chains,
        lambda chain: _match(chain).transport_protocol == connection.transport,
        lambda chain: not _match(chain).transport_protocol,
    )


def _by_protocol(chains: _Chains, connection: Connection) -> _Chains:
    for protocol in connection.protocols:
        named = [chain for chain in chains if protocol in _match(chain).application_protocols]
        if named:
            return named
    return [chain for chain in chains if not _match(chain).application_protocols]


def _by_direct_source(chains: _Chains, connection: Connection) -> _Chains:
    return _most_specific(chains, lambda chain: _match(chain).direct_source_prefix_ranges, connection.source)


def _by_source_type(chains: _Chains, connection: Connection) -> _Chains:
    kinds = FilterChainMatchConnectionSourceType
    local = bool(connection.source) and (
        connection.source == connection.address or ip_address(connection.source).is_loopback
    )
    kind = kinds.SAME_IP_OR_LOOPBACK if local else kinds.EXTERNAL
    return _narrowed(
        chains,
        lambda chain: _match(chain).source_type == kind,
        lambda chain: _match(chain).source_type == kinds.ANY,
    )


def _by_source(chains: _Chains, connection: Connection) -> _Chains:
    return _most_specific(chains, lambda chain: _match(chain).source_prefix_ranges, connection.source)


def _by_source_port(chains: _Chains, connection: Connection) -> _Chains:
    return _narrowed(
        chains,
        lambda chain: connection.source_port in _match(chain).source_ports,
        lambda chain: not _match(chain).source_ports,
    )


_CRITERIA = (
    _by_port,
    _by_address,
    _by_server_name,
    _by_transport,
    _by_protocol,
    _by_direct_source,
    _by_source_type,
    _by_source,
    _by_source_port,
)
"""In Envoy's order."""


def _most_specific(chains: _Chains, ranges: Callable[[FilterChain], list[CidrRange]], address: str) -> _Chains:
    """The chains with the longest prefix that has the address in it; no prefix at all is the shortest."""
    lengths = [_longest(ranges(chain), address) for chain in chains]
    best = max(lengths, default=-1)
    return [chain for chain, length in zip(chains, lengths, strict=True) if length == best and best >= 0]


def _longest(ranges: list[CidrRange], address: str) -> int:
    """Length of the longest prefix around the address; 0 if there are no ranges, -1 if the address is outside."""
    if not ranges:
        return 0
    if not address:
        return -1
    found = (network.prefixlen for network in map(network, ranges) if ip_address(address) in network)
    return max(found, default=-1)
