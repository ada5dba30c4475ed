"""The shop as its visitors see it: requests to productpage's JSON API, and to services behind a sidecar, measured."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
from pydantic import ValidationError

from examples.bookinfo.services.login import USER_HEADER
from examples.bookinfo.services.productpage import Part
from examples.bookinfo.topology import SERVICE_PORT
from xds.app.demo.members import Token
from xds.app.demo.plan import Plan

API = "/api/v1/products/0"
ANSWER_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    status: 0 if nothing did. sent: when the request was, on `time.monotonic`. seconds: how long the answer took.
    """

    status: int
    body: str
    sent: float
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.status == 200

    @property
    def part(self) -> Part | None:
        """The answer of productpage's JSON API; None if it is none of its answers."""
        try:
            return Part.model_validate_json(self.body)
        except ValidationError:
            return None

    @property
    def version(self) -> str:
        """The version of the service asked for that answered; empty if none did."""
        part = self.part
        answered = part and (part.reviews or part.details or part.ratings)
        return answered.version if answered else ""

    @property
    def caller(self) -> str:
        """Whom the service asked for took the page for, by what was proven to its sidecar; empty if nothing was."""
        part = self.part
        answered = part and (part.reviews or part.details or part.ratings)
        return (answered.caller if answered else None) or ""

    @property
    def error(self) -> str:
        """Why there is no answer of the service asked for; empty if there is one."""
        part = self.part
        if part is not None:
            return f"{part.error.code} {part.error.message}" if part.error else ""
        return f"{self.status} {' '.join(self.body.split())[:120]}"


class Visitor:
    """A user of the shop who comes in by ``url``. user: None for nobody in particular. token: of a member; or None."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, user: str | None = None, token: Token | None = None
    ) -> None:
        self._session = session
        self.url = url
        self.user = user
        self._token = token

    async def reviews(self) -> Answer:
        return await self.get(f"{API}/reviews")

    async def ratings(self) -> Answer:
        return await self.get(f"{API}/ratings")

    async def details(self) -> Answer:
        return await self.get(API)

    async def get(self, path: str) -> Answer:
        """The answer to ``GET path`` as this user."""
        shown = self._token.headers if self._token is not None else {}
        return await fetch(self._session, self.url + path, {**user_headers(self.user), **shown})


@dataclass(frozen=True, slots=True)
class Shop:
    """Ways into a running mesh. All of them lead through at least one Envoy."""

    session: aiohttp.ClientSession
    plan: Plan

    def visitor(self, user: str | None) -> Visitor:
        """A user at the front door, who is a member if there are any."""
        members = self.plan.members
        return Visitor(self.session, self.plan.front_door, user, members.token if members is not None else None)

    def stranger(self, token: Token | None) -> Visitor:
        """Somebody at the front door who is no member, with what he shows as a token."""
        return Visitor(self.session, self.plan.front_door, token=token)

    async def past_the_gateway(self, workload: str, path: str) -> Answer:
        """What whoever has no identity gets when he asks a workload's sidecar, in plain text."""
        url = f"http://{self.plan.workload(workload).ip}:{SERVICE_PORT}{path}"
        return await fetch(self.session, url, {"connection": "close"})

    def gateway_visitor(self) -> Visitor:
        """A user who comes in through the ingress gateway."""
        return Visitor(self.session, self.plan.gateway.url)

    async def ratings_from(self, workload: str, user: str | None, seconds: float = ANSWER_SECONDS) -> Answer:
        """What ``workload`` gets when it asks ratings on behalf of a user, by its sidecar's HTTP proxy."""
        return await self.asked_by(workload, "ratings", user_headers(user), seconds)

    async def asked_by(
        self, workload: str, service: str, headers: Mapping[str, str], seconds: float = ANSWER_SECONDS
    ) -> Answer:
        """What ``workload`` gets when it asks a service, by its sidecar's HTTP proxy."""
        proxy = self.plan.workload(workload).egress_proxy_url
        return await fetch(self.session, f"http://{service}:{SERVICE_PORT}/{service}/0", headers, proxy, seconds)


def user_headers(user: str | None) -> Mapping[str, str]:
    """The headers by which services know the user."""
    return {USER_HEADER: user} if user else {}


async def many(visitor: Visitor, count: int, at_once: int = 8) -> list[Answer]:
    """The answers to ``count`` requests for reviews, a few of them at a time."""
    rounds = [await asyncio.gather(*(visitor.reviews() for _ in range(at_once))) for _ in range(count // at_once)]
    return [answer for answers in rounds for answer in answers]


async def fetch(
    session: aiohttp.ClientSession,
    url: str,
    headers: Mapping[str, str],
    proxy: str | None = None,
    seconds: float = ANSWER_SECONDS,
) -> Answer:
    """The answer to one GET; status 0 and the reason as body if there is none within ``seconds``."""
    sent = time.monotonic()
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with session.get(url, headers=headers, proxy=proxy, timeout=timeout, allow_redirects=False) as response:
            body = await response.text()
            return Answer(response.status, body, sent, time.monotonic() - sent, response.headers)
    except TimeoutError:
        return Answer(0, f"no answer within {seconds:g} s", sent, time.monotonic() - sent)
    except aiohttp.ClientError as error:
        return Answer(0, str(error), sent, time.monotonic() - sent)


def new_session() -> aiohttp.ClientSession:
    """A client that keeps no cookies, so that users are told apart by header alone, and reuses connections."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(limit=64))
