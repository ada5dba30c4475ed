"""Loopback addresses that no other test uses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count

_BLOCKS = range(30, 60)
"""Second numbers of the addresses; no test has an address with one of these written down."""


class Addresses:
    """Hands out addresses of 127.30.0.0 to 127.59.255.255, each once. Two runs at the same time take different ones."""

    def __init__(self) -> None:
        self._network = os.getpid() % 250 + 1
        self._numbers: Iterator[int] = count(1)

    def new(self) -> str:
        """An IP address."""
        block, number = divmod(next(self._numbers) - 1, 254)
        assert block < len(_BLOCKS), "one test run does not need more addresses than this"
        return f"127.{_BLOCKS[block]}.{self._network}.{number + 1}"
