"""A child process that does as it is told: a line of JSON is an order, a line of JSON the answer."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, NoReturn, Self, TypeAlias

Answer: TypeAlias = Mapping[str, Any]
Obey: TypeAlias = Callable[[str, Answer], Awaitable[Answer]]
"""What a child does with an order, by its name and its details."""

_LINE_BYTES = 16 << 20


class Child:
    """``python -m MODULE ARGUMENT``, until the block is left."""

    def __init__(self, module: str, *arguments: str) -> None:
        command = [sys.executable, "-m", module, *arguments]
        self._process = subprocess.Popen(  # noqa: S603 - a module of our own
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The child ends when it has nothing more to read."""
        self._process.communicate()

    def tell(self, order: str, **details: object) -> None:
        """Give an order; its answer is to be heard before the next."""
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        self._process.stdin.write(json.dumps([order, details]) + "\n")
        self._process.stdin.flush()

    def hear(self) -> Answer:
        """The answer. Raises EOFError if the child has failed; it says why on stderr."""
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        line = self._process.stdout.readline()
        if not line:
            raise EOFError(f"{self._process.args!r} has ended")
        answer: Answer = json.loads(line)
        return answer

    def ask(self, order: str, **details: object) -> Answer:
        """Give an order and wait for the answer."""
        self.tell(order, **details)
        return self.hear()


async def obey(do: Obey) -> NoReturn:
    """What a child does: carries out what it reads, until there is nothing more. Does not return.

    A thousand streams end with the process: ended one by one, gRPC would print a traceback for each.
    """
    reader = asyncio.StreamReader(_LINE_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        order, details = json.loads(line)
        print(json.dumps(await do(order, details)), flush=True)
    os._exit(0)
