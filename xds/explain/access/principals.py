"""Envoy's ``Principal`` of an RBAC policy: who asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from betterproto2 import which_one_of
from envoy_data_plane.envoy.config.core.v3 import CidrRange
from envoy_data_plane.envoy.config.rbac.v3 import Principal, PrincipalAuthenticated, PrincipalSet
from envoy_data_plane.envoy.type.matcher.v3 import FilterStateMatcher

from xds.explain import strings
from xds.explain.access import asked
from xds.explain.blocks import within
from xds.explain.condition import ANYTHING, Condition, every, inverted, some
from xds.explain.errors import UnsupportedError
from xds.explain.stream import Stream

_SUBJECT = ""
"""Of the certificate of a workload; it is compared as well if no other name is as asked."""


def meant(principal: Principal, stream: Stream) -> Condition:
    """Whether whoever asks is whom the principal means. Raises UnsupportedError."""
    name, value = which_one_of(principal, "identifier")
    if name not in _KINDS:
        raise UnsupportedError(f"an RBAC policy with the principal {name or 'of an unknown kind'}")
    return _KINDS[name](value, stream)


def _every(ids: PrincipalSet, stream: Stream) -> Condition:
    return every(meant(each, stream) for each in ids.ids)


def _some(ids: PrincipalSet, stream: Stream) -> Condition:
    return some(meant(each, stream) for each in ids.ids)


def _authenticated(authenticated: PrincipalAuthenticated, stream: Stream) -> Condition:
    """Over TLS that the proxy ends. Nobody in particular is whoever may connect at all, with a certificate or not."""
    matcher = authenticated.principal_name
    name = stream.connection.principal
    wanted = f"principal {strings.described(matcher)}" if matcher is not None else "the connection is TLS"
    if not stream.encrypted:
        return Condition(False, wanted, "the connection is plain text, which proves no identity")
    if name is None:
        raise UnsupportedError("a policy about the client's identity, which is not known")
    seen = f"principal is {name}" if name else "the client has shown no identity"
    names = (name, _SUBJECT) if name else (_SUBJECT,)
    return Condition(matcher is None or any(strings.matches(matcher, each) for each in names), wanted, seen)


def _direct(block: CidrRange, stream: Stream) -> Condition:
    return within(block, stream.connection.source, "source")


def _remote(block: CidrRange, stream: Stream) -> Condition:
    return within(block, stream.remote, "remote")


def _filter_state(matcher: FilterStateMatcher, stream: Stream) -> Condition:
    """Nothing has been set but by filters that say so."""
    if matcher.key in stream.states:
        raise UnsupportedError(f"an RBAC policy about the filter state {matcher.key}")
    return Condition(False, f"filter state {matcher.key} is as asked", "nobody has set it")


_KINDS: Final[Mapping[str, Callable[[Any, Stream], Condition]]] = {
    "and_ids": _every,
    "or_ids": _some,
    "not_id": lambda principal, stream: inverted(meant(principal, stream)),
    "any": lambda _, __: ANYTHING,
    "authenticated": _authenticated,
    "source_ip": _direct,
    "direct_remote_ip": _direct,
    "remote_ip": _remote,
    "header": asked.header,
    "url_path": asked.url_path,
    "metadata": asked.metadata,
    "sourced_metadata": asked.sourced_metadata,
    "filter_state": _filter_state,
}
"""By field of the message, what it asks."""
