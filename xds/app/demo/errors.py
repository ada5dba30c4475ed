"""What stops the demo, told to its user."""

from __future__ import annotations


class DemoError(Exception):
    """The demo cannot start or go on. The message is for its user: what happened, and what to do about it."""


def first_of(error: BaseException) -> BaseException:
    """The first error out of nested groups: the others follow from it, or say the same."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
