"""How the values in policies match, as Istio documents it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from e2e.authorization_matrix.described import ALIAS, TRUST_DOMAIN

_SEGMENTS = 5
"""Of an identity that is written in full."""


def text(pattern: str, value: str) -> bool:
    """Exact, by prefix (``abc*``), by suffix (``*abc``), or any that is not empty (``*``)."""
    if pattern == "*":
        return value != ""
    if pattern.startswith("*"):
        return value.endswith(pattern[1:])
    if pattern.endswith("*"):
        return value.startswith(pattern[:-1])
    return value == pattern


def principal(pattern: str, value: str) -> bool:
    """As text; one that is written with either name of the mesh's trust domain is the same."""
    written, _, rest = pattern.partition("/")
    if written not in (TRUST_DOMAIN, ALIAS) or rest.count("/") != _SEGMENTS - 2:
        return text(pattern, value)
    return any(text(f"{domain}/{rest}", value) for domain in (TRUST_DOMAIN, ALIAS))


def host(pattern: str, value: str) -> bool:
    """As text, without a difference between upper and lower case."""
    return text(pattern.lower(), value.lower())


def path(pattern: str, value: str) -> bool:
    """As text; a template has ``{*}`` for one segment and ``{**}`` for any rest of segments."""
    if "{*}" not in pattern and "{**}" not in pattern:
        return text(pattern, value)
    pieces = re.split(r"(\{\*\*?\})", pattern)
    wild = {"{*}": "[^/]+", "{**}": ".*"}
    return re.fullmatch("".join(wild.get(piece, re.escape(piece)) for piece in pieces), value) is not None


def address(block: str, value: str) -> bool:
    """A block of addresses, or one address."""
    return ip_address(value) in ip_network(block, strict=False)


def port(pattern: str, value: str) -> bool:
    """A number."""
    return int(pattern) == int(value)


def identity_parts(principal: str) -> tuple[str, str, str]:
    """Trust domain, namespace and service account; empty for nobody."""
    if not principal:
        return "", "", ""
    trust_domain, _, namespace, _, account = principal.split("/")
    return trust_domain, namespace, account


def service_account(written: str, principal: str, policy_namespace: str) -> bool:
    """``NAMESPACE/NAME``, or a name of the policy's own namespace."""
    _, namespace, account = identity_parts(principal)
    named = written if "/" in written else f"{policy_namespace}/{written}"
    return principal != "" and named == f"{namespace}/{account}"


def claim(patterns: Sequence[str], value: object) -> bool:
    """A text, or a list of which any entry matches. Anything else does not."""
    values = value if isinstance(value, list) else [value]
    return any(isinstance(each, str) and text(pattern, each) for each in values for pattern in patterns)
