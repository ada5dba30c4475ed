"""What the control plane says of the configuration and of the proxies, from its monitoring address."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from pydantic import BaseModel, TypeAdapter


@dataclass(frozen=True, slots=True)
class Findings:
    """problems: what is not in force and why, in sentences. in_sync: proxies that run all they were sent."""

    problems: tuple[str, ...] = ()
    in_sync: int = 0


class _Object(BaseModel):
    kind: str
    name: str


class _Diagnostic(BaseModel):
    severity: str
    file: str
    line: int
    object: _Object | None
    path: str
    reason: str

    def __str__(self) -> str:
        subject = f" {self.object.kind}/{self.object.name}" if self.object else ""
        path = f" {self.path}" if self.path else ""
        return f"{Path(self.file).name}:{self.line}{subject}{path}: {self.reason}"


class _Config(BaseModel):
    diagnostics: tuple[_Diagnostic, ...]


class _Rejection(BaseModel):
    message: str


class _Type(BaseModel):
    state: str
    rejected: _Rejection | None


class _Stream(BaseModel):
    proxy: str
    types: dict[str, _Type]


_STREAMS = TypeAdapter(tuple[_Stream, ...])


async def ask(session: aiohttp.ClientSession, monitoring: str) -> Findings:
    """What the control plane at this address finds. Raises aiohttp.ClientError or TimeoutError if it does not say."""
    return parse(*[await _get(session, f"http://{monitoring}/debug/{name}") for name in ("configz", "syncz")])


async def _get(session: aiohttp.ClientSession, url: str) -> bytes:
    async with session.get(url, raise_for_status=True) as response:
        return await response.read()


def parse(configz: bytes, syncz: bytes) -> Findings:
    """Reads the bodies of the two endpoints. Raises pydantic.ValidationError for anything else."""
    config = _Config.model_validate_json(configz)
    streams = _STREAMS.validate_json(syncz)
    errors = (str(diagnostic) for diagnostic in config.diagnostics if diagnostic.severity == "error")
    rejections = (text for stream in streams for text in _rejections(stream))
    in_sync = sum(all(kind.state == "SYNCED" for kind in stream.types.values()) for stream in streams)
    return Findings((*errors, *rejections), in_sync)


def _rejections(stream: _Stream) -> Iterator[str]:
    for name, kind in stream.types.items():
        if kind.rejected:
            yield f"{stream.proxy} rejects {name}: {kind.rejected.message}"
