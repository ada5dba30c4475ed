"""Message classes by type URL, for the envoy-data-plane package.

The package knows a message only once its module has been imported. Here a type URL finds its module by itself:
``envoy.config.core.v3.Node`` lives in ``envoy_data_plane.envoy.config.core.v3``, whatever has been imported before.
"""

from __future__ import annotations

import importlib
import re
from functools import cache

from betterproto2 import Message
from envoy_data_plane.message_pool import default_message_pool

from xds.wire.typed_struct import TYPED_STRUCTS, TypedStruct

TYPE_URL_PREFIX = "type.googleapis.com/"

_FULL_NAME = re.compile(r"(?P<package>[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*)(\.[A-Z][A-Za-z0-9_]*)+")


class UnknownTypeError(LookupError):
    """A message type that envoy-data-plane does not have."""


def type_url(cls: type[Message]) -> str:
    """The type URL of a message class: ``type.googleapis.com/`` and the full name of the proto message.

    Raises UnknownTypeError for a class that is not one of envoy-data-plane's.
    """
    try:
        return default_message_pool.type_to_url[cls]
    except KeyError:
        raise UnknownTypeError(f"{cls.__module__}.{cls.__qualname__} is not a message of envoy-data-plane") from None


def message_class(url: str) -> type[Message]:
    """The class for a type URL. Only what follows the last slash counts, as protobuf asks.

    Raises UnknownTypeError if envoy-data-plane has no such message, and it is not `TypedStruct` either.
    """
    full_name = url.rpartition("/")[2]
    if full_name in TYPED_STRUCTS:
        return TypedStruct
    if match := _FULL_NAME.fullmatch(full_name):
        _import_package(match["package"])
    try:
        return default_message_pool.url_to_type[TYPE_URL_PREFIX + full_name]
    except KeyError:
        raise UnknownTypeError(f"envoy-data-plane has no message {full_name!r}") from None


@cache
def _import_package(package: str) -> None:
    """Import the module of a proto package, if there is one: an unknown package is an unknown type, not a failure."""
    module = f"envoy_data_plane.{package}"
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
