"""Envoy's ``Permission`` of an RBAC policy: what is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from betterproto2 import which_one_of
from envoy_data_plane.envoy.config.core.v3 import CidrRange, TypedExtensionConfig
from envoy_data_plane.envoy.config.rbac.v3 import Permission, PermissionSet
from envoy_data_plane.envoy.extensions.path.match.uri_template.v3 import UriTemplateMatchConfig
from envoy_data_plane.envoy.type.matcher.v3 import StringMatcher
from envoy_data_plane.envoy.type.v3 import Int32Range

from xds.explain import strings
from xds.explain.access import asked, templates
from xds.explain.blocks import within
from xds.explain.condition import ANYTHING, Condition, every, inverted, some
from xds.explain.decode import unpacked
from xds.explain.errors import UnsupportedError
from xds.explain.stream import Stream


def permitted(permission: Permission, stream: Stream) -> Condition:
    """Whether what is asked for is what the permission is about. Raises UnsupportedError."""
    name, value = which_one_of(permission, "rule")
    if name not in _KINDS:
        raise UnsupportedError(f"an RBAC policy with the permission {name or 'of an unknown kind'}")
    return _KINDS[name](value, stream)


def _every(rules: PermissionSet, stream: Stream) -> Condition:
    return every(permitted(rule, stream) for rule in rules.rules)


def _some(rules: PermissionSet, stream: Stream) -> Condition:
    return some(permitted(rule, stream) for rule in rules.rules)


def _destination_ip(block: CidrRange, stream: Stream) -> Condition:
    return within(block, stream.connection.address, "destination")


def _port(port: int, stream: Stream) -> Condition:
    return Condition(stream.connection.port == port, f"port is {port}", f"port is {stream.connection.port}")


def _ports(ports: Int32Range, stream: Stream) -> Condition:
    seen = stream.connection.port
    return Condition(ports.start <= seen < ports.end, f"port is {ports.start} to {ports.end - 1}", f"port is {seen}")


def _server_name(matcher: StringMatcher, stream: Stream) -> Condition:
    name = stream.connection.server_name
    seen = f'server name is "{name}"' if name else "no server name was seen"
    return Condition(strings.matches(matcher, name), f"server name {strings.described(matcher)}", seen)


def _template(matcher: TypedExtensionConfig, stream: Stream) -> Condition:
    config = unpacked(matcher.typed_config, UriTemplateMatchConfig)
    if config is None:
        raise UnsupportedError(f"an RBAC policy with a path matched by {matcher.name}")
    wanted = f'path is of the form "{config.path_template}"'
    if stream.request is None:
        return Condition(False, wanted, asked.NO_REQUEST)
    path = stream.request.path_alone
    return Condition(templates.matches(config.path_template, path), wanted, f"path is {path}")


_KINDS: Final[Mapping[str, Callable[[Any, Stream], Condition]]] = {
    "and_rules": _every,
    "or_rules": _some,
    "not_rule": lambda rule, stream: inverted(permitted(rule, stream)),
    "any": lambda _, __: ANYTHING,
    "header": asked.header,
    "url_path": asked.url_path,
    "uri_template": _template,
    "destination_ip": _destination_ip,
    "destination_port": _port,
    "destination_port_range": _ports,
    "metadata": asked.metadata,
    "sourced_metadata": asked.sourced_metadata,
    "requested_server_name": _server_name,
}
"""By field of the message, what it asks."""
