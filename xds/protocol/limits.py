"""How much one client may say. What is large is checked before it is decoded: 50 MB of node take seconds to decode.

The sizes are far above what an Envoy needs. A stock Envoy's node is 61 kB, almost all of it its list of extensions, and
Kubernetes allows a pod 256 KiB of annotations.
"""

from __future__ import annotations

from xds.protocol.errors import RemoteProtocolError

MAX_NODE_BYTES = 512 << 10
MAX_NODE_ID_CHARACTERS = 1024
MAX_TYPE_URL_CHARACTERS = 256
MAX_NAMES = 1 << 16
"""How many names one stream may subscribe in one type, and how many one request may list."""

_ALWAYS_FINE_BYTES = 64 << 10
_LENGTH_DELIMITED = 2


class LimitExceededError(RemoteProtocolError):
    """A client says more than it may. The message says of what, and how much is allowed."""


def check_request(data: bytes, node_field: int) -> None:
    """Raises LimitExceededError if this encoded request has too large a node or too many names.

    node_field: the number of its field ``node``. Every other field of a request is short or is a list of names. What
    is not protobuf at all passes: decoding it fails soon.
    """
    if len(data) <= _ALWAYS_FINE_BYTES:
        return
    node_bytes = position = count = 0
    node_key = node_field << 3 | _LENGTH_DELIMITED
    while position < len(data) and data[position] & 7 == _LENGTH_DELIMITED:
        key = data[position]
        size, position = _length(data, position + 1)
        position += size
        count += 1
        if key == node_key:
            node_bytes += size
            if node_bytes > MAX_NODE_BYTES:
                raise LimitExceededError(f"the node has {node_bytes} bytes; {MAX_NODE_BYTES} are allowed")
        if count > MAX_NAMES:
            raise LimitExceededError(f"the request has more than {MAX_NAMES} names")


def check_names(count: int) -> None:
    """Raises LimitExceededError if a stream subscribes more names of one type than it may."""
    if count > MAX_NAMES:
        raise LimitExceededError(f"the stream subscribes {count} names of one type; {MAX_NAMES} are allowed")


def _length(data: bytes, position: int) -> tuple[int, int]:
    """A varint and the position behind it; cut short where the data end."""
    value = shift = 0
    for byte in data[position : position + 5]:
        value |= (byte & 0x7F) << shift
        position += 1
        shift += 7
        if byte < 0x80:
            break
    return value, position
