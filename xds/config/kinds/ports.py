"""The ports that Gateways and Sidecars listen on (Istio ``Port`` and ``SidecarPort``), and where they bind."""

from __future__ import annotations

from xds.config.kinds.names import parse_port_number
from xds.config.kinds.protocol import protocol_of
from xds.config.reader import Reader
from xds.config.scalars import parse_ip
from xds.model.gateways import Port
from xds.model.services import Protocol

UNIX = "unix://"


def parse_listener_port(reader: Reader, *, is_unix: bool = False) -> Port:
    """A port. Its number is required unless it is on a Unix socket, where it is 0."""
    number = 0 if is_unix else parse_port_number(reader, "number")
    if number is None:
        reader.error("number", "is required", "missing-field")
    return Port(number or 0, _protocol(reader), reader.text("name"))


def _protocol(reader: Reader) -> Protocol:
    name = reader.text("protocol")
    protocol = protocol_of(name)
    if protocol is Protocol.UNSUPPORTED:
        known = ", ".join(each.value for each in Protocol if each is not Protocol.UNSUPPORTED)
        reason = f"{name[:60]!r} is not a protocol: use one of {known}" if name else "is required"
        reader.error("protocol", reason, "invalid-value" if name else "missing-field")
    return protocol


def parse_bind(text: str) -> str:
    """Where a listener binds: an IP address, ``unix:///path`` or ``unix://@name``.

    :raises ValueError: it is none of these.
    """
    return text if is_unix_socket(text) else str(parse_ip(text))


def is_unix_socket(text: str) -> bool:
    """True for ``unix:///path`` and, for a name in the abstract namespace, ``unix://@name``."""
    name = text.removeprefix(UNIX)
    return name != text and name[:1] in ("/", "@") and len(name) > 1
