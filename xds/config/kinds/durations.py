"""Durations in fields whose schema does not bound them."""

from __future__ import annotations

from datetime import timedelta

from xds.config.scalars import parse_duration


def parse_non_negative_duration(text: str) -> timedelta:
    """A duration of at least 0.

    :raises ValueError: it is negative, or not a duration.
    """
    duration = parse_duration(text)
    if duration < timedelta():
        raise ValueError("must not be negative")
    return duration


def parse_positive_duration(text: str) -> timedelta:
    """A duration of at least a millisecond, which is the shortest that Envoy takes for most of them.

    :raises ValueError: it is shorter, or not a duration.
    """
    duration = parse_duration(text)
    if duration < timedelta(milliseconds=1):
        raise ValueError("must be at least 1ms")
    return duration
