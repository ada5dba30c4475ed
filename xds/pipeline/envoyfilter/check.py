"""Whether what patches make is something that Envoy can accept, and which of them are left out if it is not."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import betterproto2

from xds.model.envoy_filters import ConfigPatch
from xds.pipeline.envoyfilter.outcome import InvalidResultError, Refusal
from xds.wire.rules import broken_rule
from xds.wire.scan import DecodeError

M = TypeVar("M", bound=betterproto2.Message)
T = TypeVar("T")


def checked(cls: type[M], body: bytes) -> M:
    """The message. Raises InvalidResultError if Envoy cannot accept it."""
    try:
        broken = broken_rule(cls, body)
        if broken is None:
            with warnings.catch_warnings():
                # Users may set fields that Envoy calls deprecated, and Envoy itself tells them so.
                warnings.simplefilter("ignore", DeprecationWarning)
                return cls.parse(body)
    except (ValueError, DecodeError) as error:
        raise InvalidResultError(f"the {cls.__name__} cannot be read: {error}") from error
    raise InvalidResultError(f"{_formatted(broken.path)} {broken.reason}".strip())


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
    except InvalidResultError:
        kept: list[ConfigPatch] = []
        refused: list[Refusal] = []
        for patch in patches:
            try:
                make((*kept, patch))
            except InvalidResultError as error:
                refused.append(Refusal(patch, what, str(error)))
            else:
                kept.append(patch)
        return make(kept), tuple(refused)
