"""Documents without what must not be shown: private keys, passwords and the like, wherever in a resource they are.

Envoy does the same in its ``/config_dump``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from xds.model.credentials import REDACTED

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

_SENSITIVE: Final = frozenset(
    {
        "auth_password",
        "downstream_auth_password",
        "downstream_auth_passwords",
        "generic_secret",
        "password",
        "pkcs12",
        "private_key",
        "private_key_provider",
        "secret_access_key",
        "session_ticket_keys",
        "session_token",
        "users",
    }
)
"""Fields that Envoy's API marks as sensitive, and others like them."""

_HARMLESS: Final = frozenset({"@type", "environment_variable", "filename", "path", "provider_name"})
"""What says where a secret is, and not what it is."""


def redacted(value: Json) -> Json:
    """A copy in which every value of a sensitive field is ``[redacted]``."""
    if isinstance(value, list):
        return [redacted(item) for item in value]
    if isinstance(value, dict):
        return {key: _sealed(item) if key in _SENSITIVE else redacted(item) for key, item in value.items()}
    return value


def _sealed(value: Json) -> Json:
    if isinstance(value, list):
        return [_sealed(item) for item in value]
    if isinstance(value, Mapping):
        return {key: item if key in _HARMLESS else _sealed(item) for key, item in value.items()}
    return REDACTED
