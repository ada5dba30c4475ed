"""The JSON that the services exchange, as frozen values. The sender dumps them, the receiver validates them.

Each answer says who gave it (version, instance), and who asked for it, if that was proven (caller: a SPIFFE ID).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """A JSON object. Members that the receiver does not know are ignored, so that versions may differ."""

    model_config = ConfigDict(frozen=True)


class Reason(StrEnum):
    """Why a call to a neighbour brought no answer."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    STATUS = "status"
    MALFORMED = "malformed"


class Failure(Shape):
    """A failed call. code: the neighbour's HTTP status, or the 5xx that a gateway would give for the reason."""

    reason: Reason
    code: int
    message: str


class Details(Shape):
    """Facts about a book, answered by ``GET /details/{id}``."""

    id: int
    version: str
    instance: str
    caller: str | None = None
    title: str
    author: str
    year: int
    publisher: str
    pages: int
    language: str


class Ratings(Shape):
    """Stars from 1 to 5 by reviewer, answered by ``GET /ratings/{id}``."""

    id: int
    version: str
    instance: str
    caller: str | None = None
    ratings: dict[str, int]


class RatingsStatus(Shape):
    """What became of the call to ratings: ``off`` if this version of reviews makes none."""

    status: Literal["off", "ok", "error"]
    error: Failure | None = None


class Review(Shape):
    """One reader's opinion. stars is ``None`` if ratings was not asked, failed, or does not know the reviewer."""

    reviewer: str
    text: str
    stars: int | None = None


class Reviews(Shape):
    """All reviews of a book and who answered, by ``GET /reviews/{id}``."""

    id: int
    version: str
    instance: str
    caller: str | None = None
    star_color: Literal["black", "red"] | None = None
    ratings: RatingsStatus
    reviews: tuple[Review, ...]
