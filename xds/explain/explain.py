"""The way of a connection, and of a request on it, through the resources of one proxy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from envoy_data_plane.envoy.config.listener.v3 import FilterChain, Listener
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpConnectionManager
from envoy_data_plane.envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3 import (
    FilterConfig as SniForwardProxy,
)
from envoy_data_plane.envoy.extensions.filters.network.tcp_proxy.v3 import TcpProxy

from xds.explain.accepting import asks_for_certificate, unaccepted
from xds.explain.action import Hop
from xds.explain.chain_words import described_chain
from xds.explain.cluster import find_cluster
from xds.explain.decode import parse, unpacked
from xds.explain.filter_chain import find_chain
from xds.explain.http import explain_request
from xds.explain.listener import Bound, arriving, bound_listeners, captured, dialled, inspected
from xds.explain.network import connected
from xds.explain.request import PLAIN, TLS, Connection, Request
from xds.explain.result import ChainStep, Ended, Explanation, Forwarded, ListenerStep, Outcome, objects
from xds.explain.step import left_after
from xds.explain.stream import Stream
from xds.resources import LISTENER, NO_SOURCES, PartSources, Snapshot


def explain(
    snapshot: Snapshot, connection: Connection, request: Request | None, *, through_capture: bool
) -> Explanation:
    """What the connection, and the request on it, would meet in a proxy that has these resources.

    connection: its ``protocols`` are what the client speaks. request: None if the client speaks something else than
    HTTP, or TLS that the proxy does not end. through_capture: whether the connection was redirected to the proxy, or
    dialled to it.

    Raises UnsupportedError for what cannot be told, and UndecidedError if the address that was dialled is not known
    and it matters.
    """
    find = captured if through_capture else dialled
    return _explained(snapshot, find(bound_listeners(snapshot[LISTENER]), connection), connection, request)


def explain_arrival(snapshot: Snapshot, connection: Connection, request: Request | None) -> Explanation:
    """The same for a connection that comes to the proxy's own workload from elsewhere. Raises UnsupportedError."""
    return _explained(snapshot, arriving(bound_listeners(snapshot[LISTENER]), connection), connection, request)


def _explained(
    snapshot: Snapshot, found: tuple[Bound, str] | None, connection: Connection, request: Request | None
) -> Explanation:
    if found is None:
        return Explanation((Ended(1.0, f"nothing listens on port {connection.port}"),))
    bound, reason = found
    step = ListenerStep(bound.resource.name, bound.place, reason, objects(bound.resource.origins))
    return replace(_in_listener(snapshot, bound, connection, request), listener=step)


def _in_listener(snapshot: Snapshot, bound: Bound, connection: Connection, request: Request | None) -> Explanation:
    listener = parse(Listener, bound.resource.body)
    seen = inspected(listener, connection)
    chain = find_chain(listener, seen)
    if chain is None:
        return Explanation((Ended(1.0, f"no filter chain matches the connection, which is {_spoken(seen)}"),))
    manager, proxy = _network_filter(chain)
    filters = [each.name for each in chain.filters] + [f.name for f in manager.http_filters] if manager else []
    names = filters or [each.name for each in chain.filters]
    origin = _chain_sources(listener, chain, bound.resource.parts)
    sources = (*filter(None, origin.rules), *objects(origin.origins))
    step = ChainStep(chain.name, described_chain(chain, listener), tuple(names), sources, origin.patched)
    if manager is None and proxy is None:
        return Explanation((Ended(1.0, "the filter chain neither speaks HTTP nor forwards"),), chain=step)
    if manager is not None and (request is None or _ends_tls(chain) is (connection.transport == PLAIN)):
        return Explanation((Ended(1.0, _not_spoken(connection, request)),), chain=step)
    if reason := unaccepted(chain, connection.principal):
        return Explanation((Ended(1.0, reason),), chain=step)
    if seen.principal is None and not asks_for_certificate(chain):
        seen = replace(seen, principal="")
    ends, checks = connected(chain, Stream(seen, _ends_tls(chain), remote=seen.source))
    if not left_after(ends) or manager is None or request is None:
        forwarded = tuple(_proxied(snapshot, proxy, connection, _host(chain, connection))) if proxy is not None else ()
        return Explanation((*ends, *(forwarded if left_after(ends) else ())), chain=step, checks=checks)
    found = explain_request(Hop(snapshot, manager, connection, seen, _ends_tls(chain)), request)
    return replace(found, outcomes=(*ends, *found.outcomes), chain=step, checks=(*checks, *found.checks))


def _ends_tls(chain: FilterChain) -> bool:
    return chain.transport_socket is not None


def _spoken(seen: Connection) -> str:
    if seen.transport == PLAIN:
        return "in plain text"
    return f"TLS to {seen.server_name}" if seen.server_name else "TLS"


def _not_spoken(connection: Connection, request: Request | None) -> str:
    speaks = "TLS" if connection.transport == TLS else "HTTP without TLS" if request is not None else "no HTTP"
    return f"the client speaks {speaks}, which is not what is expected here"


def _network_filter(chain: FilterChain) -> tuple[HttpConnectionManager | None, TcpProxy | None]:
    """The last one, which decides where everything goes."""
    config = chain.filters[-1].typed_config if chain.filters else None
    return unpacked(config, HttpConnectionManager), unpacked(config, TcpProxy)


def _chain_sources(listener: Listener, chain: FilterChain, parts: Sequence[PartSources]) -> PartSources:
    chains = [*listener.filter_chains, *filter(None, (listener.default_filter_chain,))]
    if len(parts) != len(chains):
        return NO_SOURCES
    return parts[next(index for index, each in enumerate(chains) if each is chain)]


def _host(chain: FilterChain, connection: Connection) -> str:
    """Whom the client names, as far as a filter of the chain makes something of it."""
    configs = (unpacked(each.typed_config, SniForwardProxy) for each in chain.filters)
    ports = [config.port_value for config in configs if config is not None]
    return f"{connection.server_name}:{ports[0]}" if ports and connection.server_name else ""


def _proxied(snapshot: Snapshot, proxy: TcpProxy, connection: Connection, host: str) -> Iterator[Outcome]:
    """A connection that is passed on as it is. host: whom its client names, empty if it does not matter."""
    weighted = proxy.weighted_clusters.clusters if proxy.weighted_clusters is not None else ()
    targets = [(each.name, each.weight) for each in weighted] or [(proxy.cluster or "", 1)]
    total = sum(weight for _, weight in targets)
    for name, weight in targets:
        cluster = find_cluster(snapshot, name, connection, host)
        if cluster is None:
            yield Ended(weight / total, f"there is no cluster {name}")
        elif not any(endpoint.share for endpoint in cluster.endpoints):
            yield Ended(weight / total, f"cluster {name} has no endpoint that can be used")
        else:
            yield Forwarded(weight / total, cluster)
