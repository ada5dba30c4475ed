"""A VirtualService's rules as Envoy routes: one for each match that the client can meet.

Route fields, by Envoy's numbers: match 1, route 2, redirect 3, metadata 4, decorator 5, direct_response 7, name 14,
Decorator.operation 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from envoy_data_plane.envoy.config.core.v3 import Metadata
from envoy_data_plane.envoy.config.route.v3 import Route
from envoy_data_plane.google.protobuf import Struct, Value

from translators.names import config_reference
from translators.route.action import destinations, direct_response, forward, redirect
from translators.route.client import ClientRules
from translators.route.destination import destination_port
from translators.route.headers import HeaderChanges, header_changes
from translators.route.match import applicable, is_catch_all, matched_path, route_match
from xds.model.objects import ObjectMeta
from xds.model.routing import HTTPMatchRequest, HTTPRoute
from xds.pipeline.contribution import RoutePart, RouteRef
from xds.wire.encode import encode
from xds.wire.splice import field


@dataclass(frozen=True, slots=True, eq=False)
class HostRoutes:
    """The routes that one VirtualService gives to its hosts. catch_all: the one that every other request takes."""

    specific: tuple[RoutePart, ...]
    catch_all: RoutePart | None

    @property
    def all(self) -> tuple[RoutePart, ...]:
        """Every route in the order in which they are tried."""
        return self.specific if self.catch_all is None else (*self.specific, self.catch_all)


def host_routes(rules: ClientRules, port: int) -> HostRoutes:
    """The routes for requests that arrive on ``port``. A match that every request meets ends the list."""
    virtual_service = rules.virtual_service
    metadata = field(4, encode(config_metadata(virtual_service.meta)))
    specific: list[RoutePart] = []
    for rule, match, action in _matches(rules, port):
        part = RoutePart(
            field(1, route_match(match)) + action + metadata + _labels(rules, rule, match, port),
            RouteRef(virtual_service.meta.key, rule.index),
            match.index if match is not None else None,
            RouteRef(*rule.written) if rule.written is not None else None,
        )
        if is_catch_all(match):
            return HostRoutes(tuple(specific), part)
        specific.append(part)
    return HostRoutes(tuple(specific), None)


def config_metadata(meta: ObjectMeta) -> Metadata:
    """Names the object behind an Envoy message, where Istio's tools look for it."""
    return Metadata(filter_metadata={"istio": Struct(fields={"config": Value(string_value=config_reference(meta))})})


def _matches(rules: ClientRules, port: int) -> Iterator[tuple[HTTPRoute, HTTPMatchRequest | None, bytes]]:
    """Every rule with each match that applies, and the action that the matches of a rule have in common."""
    for rule in rules.virtual_service.http:
        matches = tuple(applicable(rule, rules, port))
        action = _action(rule, rules, port) if matches else b""
        yield from ((rule, match, action) for match in matches)


def _action(rule: HTTPRoute, rules: ClientRules, port: int) -> bytes:
    changes = header_changes(rule.headers)
    if rule.redirect is not None:
        return field(3, redirect(rule.redirect, port)) + _headers(changes)
    if rule.direct_response is not None:
        return field(7, direct_response(rule.direct_response)) + _headers(changes)
    if len(rule.route) == 1:
        changes = changes + header_changes(rule.route[0].headers)
    return field(2, forward(rule, rules, port, changes)) + _headers(changes)


def _headers(changes: HeaderChanges) -> bytes:
    if not changes:
        return b""
    return encode(
        Route(
            request_headers_to_add=list(changes.request_add),
            request_headers_to_remove=list(changes.request_remove),
            response_headers_to_add=list(changes.response_add),
            response_headers_to_remove=list(changes.response_remove),
        )
    )


def _labels(rules: ClientRules, rule: HTTPRoute, match: HTTPMatchRequest | None, port: int) -> bytes:
    """What logs, statistics and traces call the route."""
    name = ".".join(filter(None, (rule.name, match.name if match else "")))
    stat_prefix = match.stat_prefix if match else ""
    return (
        field(5, field(1, _operation(rules, rule, match, port).encode()))
        + (field(14, name.encode()) if name else b"")
        + (encode(Route(stat_prefix=stat_prefix)) if stat_prefix else b"")
    )


def _operation(rules: ClientRules, rule: HTTPRoute, match: HTTPMatchRequest | None, port: int) -> str:
    """``host:port/path``: the only destination, or else the VirtualService."""
    to = destinations(rule)
    if len(to) != 1:
        return f"{rules.virtual_service.meta.name}:{port}{matched_path(match)}"
    destination = to[0].destination
    dialled = destination_port(destination, rules.target(destination.host), port)
    return f"{destination.host}:{dialled}{matched_path(match)}"
