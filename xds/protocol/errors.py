"""What can be wrong with a conversation."""

from __future__ import annotations


class RemoteProtocolError(Exception):
    """The client broke the protocol in a way that ends the stream; the text tells its operator how."""
