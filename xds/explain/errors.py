"""What can go wrong while a request is explained."""

from __future__ import annotations


class UnsupportedError(Exception):
    """The resources use a feature of Envoy whose outcome cannot be told here. The text names it, as the object of a
    sentence: ``a matcher tree``."""
