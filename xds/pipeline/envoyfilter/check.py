"""Whether what patches make is something that Envoy can accept, and which of them are left out if it is not."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import betterproto2

from xds.model.envoy_filters import ConfigPatch
from xds.pipeline.envoyfilter.encoded import text
from xds.pipeline.envoyfilter.outcome import InvalidResultError, Refusal, Trail
from xds.wire.rules import broken_rule
from xds.wire.scan import DecodeError

M = TypeVar("M", bound=betterproto2.Message)
T = TypeVar("T")


def check(cls: type[betterproto2.Message], body: bytes, trail: Trail | None = None) -> None:
    """Raises InvalidResultError if Envoy cannot accept the message. trail: of the patches that made it."""
    try:
        broken = broken_rule(cls, body)
    except DecodeError as error:
        raise InvalidResultError(f"the {cls.__name__} cannot be read: {error}", trail) from error
    if broken is not None:
        raise InvalidResultError(f"{_formatted(broken.path)} {broken.reason}".strip(), trail)


def check_name(body: bytes, name: str, trail: Trail) -> None:
    """Raises InvalidResultError if a resource has another name than before. That of each sort is its first field."""
    found = text(body, 1)
    if found != name:
        raise InvalidResultError(f"it renames the resource to {found!r}, and others refer to it by its name", trail)


def decoded(cls: type[M], body: bytes) -> M:
    """A message that has been checked. Users may set fields that Envoy calls deprecated, and Envoy tells them so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return cls.parse(body)


def _formatted(path: tuple[str | int, ...]) -> str:
    """``filters[0].typed_config``"""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).removeprefix(".")


def leaving_out(
    patches: Sequence[ConfigPatch], what: str, make: Callable[[Iterable[ConfigPatch]], T]
) -> tuple[T, tuple[Refusal, ...]]:
    """What ``make`` makes with as many of the patches as possible, and those that have to be left out.

    make: raises InvalidResultError if these patches together lead nowhere; it must not without any.
    """
    try:
        return make(patches), ()
    except InvalidResultError as failure:
        kept: list[ConfigPatch] = []
        refused: list[Refusal] = []
        for patch in failure.involved or patches:
            try:
                make((*kept, patch))
            except InvalidResultError as error:
                refused.append(Refusal(patch, what, str(error)))
            else:
                kept.append(patch)
        return make(kept), tuple(refused)
