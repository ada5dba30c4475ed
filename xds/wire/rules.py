"""Whether an encoded message keeps the rules that Envoy holds it to, as far as that can be told without an Envoy.

The rules are those of the ``validate`` options in Envoy's ``.proto`` files, which envoy-data-plane does not carry, and
some that Envoy's code has. They are here for the messages that people write by hand in EnvoyFilters; whatever is not in
the table is taken as it is, and real Envoys have the last word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from betterproto2 import Message
from envoy_data_plane.google import protobuf

from xds.wire.fields import Field, fields_by_name, fields_of
from xds.wire.merge import unpack
from xds.wire.registry import UnknownTypeError, message_class, type_url
from xds.wire.scan import Raw, scalar, scan

Path: TypeAlias = tuple[str | int, ...]

_ROUTER: Final = "envoy.extensions.filters.http.router.v3.Router"
_NETWORK: Final = "envoy.extensions.filters.network"
_OUTDATED: Final = re.compile(r"envoy\.(?:[a-z_]+\.)+v2(?:alpha\d*)?\.\w+")
_TERMINAL: Final = frozenset(
    {
        _ROUTER,
        f"{_NETWORK}.http_connection_manager.v3.HttpConnectionManager",
        f"{_NETWORK}.tcp_proxy.v3.TcpProxy",
    }
)
"""Filters that end a chain: what comes after them is never reached, and Envoy refuses it."""


class Broken(NamedTuple):
    """A rule that is not kept. path: of the field in the message."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class _Rules:
    """Of one message. filled: fields that must be there, and not empty. one_of: oneofs of which a member must be set.
    positive: durations and numbers greater than 0. chain: a list of filters, which one that is terminal ends."""

    filled: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    positive: tuple[str, ...] = ()
    chain: str = ""


_RULES: Final[Mapping[str, _Rules]] = MappingProxyType(
    {
        "envoy.config.accesslog.v3.AccessLog": _Rules(("name",)),
        "envoy.config.cluster.v3.Cluster": _Rules(("name",), positive=("connect_timeout",)),
        "envoy.config.core.v3.ConfigSource": _Rules(one_of=("config_source_specifier",)),
        "envoy.config.core.v3.GrpcService": _Rules(one_of=("target_specifier",)),
        "envoy.config.core.v3.GrpcService.EnvoyGrpc": _Rules(("cluster_name",)),
        "envoy.config.core.v3.HeaderValue": _Rules(("key",)),
        "envoy.config.core.v3.HeaderValueOption": _Rules(("header",)),
        "envoy.config.core.v3.RuntimeFractionalPercent": _Rules(("default_value",)),
        "envoy.config.core.v3.SocketAddress": _Rules(("address",), one_of=("port_specifier",)),
        "envoy.config.core.v3.TransportSocket": _Rules(("name",)),
        "envoy.config.core.v3.TypedExtensionConfig": _Rules(("name", "typed_config")),
        "envoy.config.endpoint.v3.ClusterLoadAssignment": _Rules(("cluster_name",)),
        "envoy.config.listener.v3.Filter": _Rules(("name",)),
        "envoy.config.listener.v3.FilterChain": _Rules(chain="filters"),
        "envoy.config.listener.v3.ListenerFilter": _Rules(("name",)),
        "envoy.config.ratelimit.v3.RateLimitServiceConfig": _Rules(("grpc_service",)),
        "envoy.config.route.v3.HeaderMatcher": _Rules(("name",)),
        "envoy.config.route.v3.RateLimit": _Rules(("actions",)),
        "envoy.config.route.v3.RateLimit.Action": _Rules(one_of=("action_specifier",)),
        "envoy.config.route.v3.RateLimit.Action.GenericKey": _Rules(("descriptor_value",)),
        "envoy.config.route.v3.RateLimit.Action.RequestHeaders": _Rules(("header_name", "descriptor_key")),
        "envoy.config.route.v3.Route": _Rules(("match",), one_of=("action",)),
        "envoy.config.route.v3.RouteAction": _Rules(one_of=("cluster_specifier",)),
        "envoy.config.route.v3.RouteMatch": _Rules(one_of=("path_specifier",)),
        "envoy.config.route.v3.VirtualHost": _Rules(("name", "domains")),
        "envoy.config.route.v3.WeightedCluster": _Rules(("clusters",)),
        "envoy.extensions.common.ratelimit.v3.LocalRateLimitDescriptor": _Rules(("entries", "token_bucket")),
        "envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.Entry": _Rules(("key",)),
        "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit": _Rules(("stat_prefix",)),
        "envoy.extensions.filters.http.ratelimit.v3.RateLimit": _Rules(("domain", "rate_limit_service")),
        f"{_NETWORK}.http_connection_manager.v3.HttpConnectionManager": _Rules(
            ("stat_prefix",), one_of=("route_specifier",), chain="http_filters"
        ),
        f"{_NETWORK}.http_connection_manager.v3.HttpFilter": _Rules(("name",)),
        f"{_NETWORK}.http_connection_manager.v3.Rds": _Rules(("config_source",)),
        f"{_NETWORK}.tcp_proxy.v3.TcpProxy": _Rules(("stat_prefix",), one_of=("cluster_specifier",)),
        "envoy.type.matcher.v3.RegexMatcher": _Rules(("regex",)),
        "envoy.type.v3.TokenBucket": _Rules(("fill_interval",), positive=("max_tokens", "fill_interval")),
    }
)
"""By full name. Source: the ``validate.rules`` of Envoy's API, version 3."""


def broken_rule(cls: type[Message], body: bytes) -> Broken | None:
    """The first rule that the message, or one in it, does not keep; None if it keeps them all.

    Raises DecodeError if ``body`` is no such message.
    """
    if cls is protobuf.Any:
        return _in_any(body)
    fields = fields_of(cls)
    found: dict[int, list[Raw]] = {}
    for number, raw in scan(body):
        found.setdefault(number, []).append(raw)
    rules = _RULES.get(_full_name(cls))
    broken = _own(cls, rules, found) if rules is not None else None
    return broken or _nested(fields, found)


def _full_name(cls: type[Message]) -> str:
    try:
        return type_url(cls).rpartition("/")[2]
    except UnknownTypeError:
        return ""


def _in_any(body: bytes) -> Broken | None:
    url, content = unpack(body)
    if _OUTDATED.fullmatch(url.rpartition("/")[2]):
        return Broken(("@type",), "is of version 2 of Envoy's API, which Envoy does not know any more")
    try:
        cls = message_class(url)
    except UnknownTypeError:
        return None
    return broken_rule(cls, content)


def _own(cls: type[Message], rules: _Rules, found: Mapping[int, list[Raw]]) -> Broken | None:
    names = fields_by_name(cls)
    for name in rules.filled:
        if not _is_filled(names[name], found.get(names[name].number)):
            return Broken((name,), "must not be empty")
    for name in rules.one_of:
        members = [field for field in fields_of(cls).values() if field.oneof == name]
        if not any(field.number in found for field in members):
            return Broken((), f"needs one of {', '.join(field.name for field in members)}")
    for name in rules.positive:
        if names[name].number in found and not _is_positive(names[name], found[names[name].number]):
            return Broken((name,), "must be greater than 0")
    return _of_chain(names[rules.chain], found) if rules.chain else None


def _is_filled(field: Field, raws: list[Raw] | None) -> bool:
    """A message only has to be there: one that is empty may mean something."""
    return bool(raws) and (field.message is not None or raws is None or raws[-1] not in (b"", 0))


def _is_positive(field: Field, raws: list[Raw]) -> bool:
    if field.message is None:
        return _number(field.proto_type, raws[-1]) > 0
    values = [_number("int64", raw) for _, raw in scan(_body(raws))]
    return bool(values) and all(value >= 0 for value in values) and any(values)


def _number(proto_type: str, raw: Raw) -> float:
    value = scalar(proto_type, raw)
    return value if isinstance(value, int | float) else 0


def _of_chain(filters: Field, found: Mapping[int, list[Raw]]) -> Broken | None:
    """Filters of an unknown kind may be anything."""
    kinds = [_kind(filters, _body([raw])) for raw in found.get(filters.number, ())]
    for index, kind in enumerate(kinds[:-1]):
        if kind in _TERMINAL:
            last = kind.rpartition(".")[2]
            return Broken((filters.name, index + 1), f"comes after {last}, which has to be the last filter")
    return None


def _kind(filters: Field, body: bytes) -> str:
    """The full name of the message that configures a filter."""
    config = fields_by_name(filters.message)["typed_config"].number if filters.message is not None else 0
    raws = [raw for number, raw in scan(body) if number == config]
    return unpack(_body(raws))[0].rpartition("/")[2] if raws else ""


def _nested(fields: Mapping[int, Field], found: Mapping[int, list[Raw]]) -> Broken | None:
    for number, raws in found.items():
        field = fields.get(number)
        if field is None or field.message is None:
            continue
        for step, body in _elements(field, raws):
            if broken := broken_rule(field.message, body):
                return Broken((field.name, *step, *broken.path), broken.reason)
    return None


def _elements(field: Field, raws: list[Raw]) -> Iterable[tuple[Path, bytes]]:
    if field.is_map:
        for entry in raws:
            parts = dict(scan(_body([entry])))
            key = parts.get(1, b"")
            yield (key.decode() if isinstance(key, bytes) else str(key),), _body([parts.get(2, b"")])
    elif field.repeated:
        yield from (((index,), _body([raw])) for index, raw in enumerate(raws))
    else:
        yield (), _body(raws)


def _body(raws: list[Raw]) -> bytes:
    return b"".join(raw for raw in raws if isinstance(raw, bytes))
