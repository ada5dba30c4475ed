"""Loopback addresses that no other test uses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count


class Addresses:
    """Hands out addresses of 127.20.0.0/15, each once. Two test runs at the same time take different ones."""

    def __init__(self) -> None:
        self._network = os.getpid() % 250 + 1
        self._numbers: Iterator[int] = count(1)

    def new(self) -> str:
        """An IP address."""
        block, number = divmod(next(self._numbers) - 1, 254)
        assert block < 2, "one test run does not need more addresses than this"
        return f"127.{20 + block}.{self._network}.{number + 1}"
