"""The demo under strict mutual TLS: its plan, what its checks see, and what its view shows."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import jwt
import pytest
import yaml
from aiohttp import web
from cryptography import x509

from examples.bookinfo.services.shapes import Ratings, RatingsStatus, Reviews
from examples.bookinfo.topology import STEPS, WORKLOADS
from tests.app.test_demo_checks import seen
from tests.app.test_demo_view import ROW, shown, state
from xds.app.demo.expectations import (
    all_plain_text_refused,
    all_turned_away,
    callers_known_as,
    denial_is_explained,
    members_see_ratings,
)
from xds.app.demo.members import new_members
from xds.app.demo.plan import Kind, Plan
from xds.app.demo.probes import live_at, plain_text_is_refused, stars_are_there, turned_away
from xds.app.demo.shop import Shop, new_session
from xds.app.demo.strangers import (
    FORGED_TOKEN,
    REFUSED,
    STRANGERS,
    WITHOUT_IDENTITY,
    WITHOUT_TOKEN,
    Stranger,
    keep_trying,
)
from xds.app.demo.strict import STRICT_STEPS, apply_all, steps_of, strict_plan
from xds.app.demo.table import line
from xds.app.demo.traffic import Row, Sample, Window
from xds.ca.encoding import read_certificates

HOST = "127.22.8.9"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    workloads = tuple(replace(each, ip=HOST) if each.name == "reviews-v1" else each for each in WORKLOADS)
    return strict_plan(Plan(tmp_path / "envoy", workloads=workloads), tmp_path / "run")


@pytest.fixture
async def shop(plan: Plan) -> AsyncIterator[Shop]:
    async with new_session() as session:
        yield Shop(session, plan)


def test_the_plan_has_an_authority_and_its_visitors_come_in_through_the_gateway(plan: Plan) -> None:
    (control_plane, *others) = plan.components(plan.config.parent)
    assert {"--ca-dir", "--secure-listen"} <= set(control_plane.command.argv)
    assert [str(address) for address in control_plane.addresses][-1].endswith(":15012")
    assert plan.front_door == plan.gateway.url
    assert (plan.config / "gateway.yaml").exists()
    assert not (plan.config / "peer-authentication.yaml").exists()
    apply_all(plan)
    assert (plan.config / "peer-authentication.yaml").exists()
    assert {step.name for step in steps_of(plan)} == {step.name for step in (*STEPS, *STRICT_STEPS)}
    assert {each.kind for each in others} == {Kind.SERVICE, Kind.PROXY}


def test_each_proxy_proves_its_own_service_account_by_files_that_only_their_owner_reads(plan: Plan) -> None:
    folder = plan.config.parent
    proxies = [each for each in plan.components(folder) if each.kind is Kind.PROXY]
    for proxy in proxies:
        assert proxy.prepare is not None
        proxy.prepare()
    accounts = {workload.name: workload.service_account for workload in plan.workloads}
    for name, account in accounts.items():
        chain, key = folder / f"{name}-chain.pem", folder / f"{name}-key.pem"
        assert str(chain) in (folder / f"{name}.json").read_text()
        (leaf, _) = read_certificates(chain.read_bytes(), str(chain))
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.UniformResourceIdentifier) == [
            f"spiffe://cluster.local/ns/default/sa/{account}"
        ]
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert plan.secure.rpartition(":")[2] in (folder / "reviews-v1.json").read_text()


@asynccontextmanager
async def answering(port: int, answer: Callable[[str], Reviews | None]) -> AsyncIterator[None]:
    """A server of reviews, at the place of a sidecar or of the gateway. answer: to a path; None for an empty one."""

    async def handle(request: web.BaseRequest) -> web.Response:
        found = answer(request.path)
        part = {"product": 0, "reviews": found.model_dump()} if found is not None else {}
        return web.json_response(part)

    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        yield
    finally:
        await runner.cleanup()


def reviews(caller: str | None, stars: str = "off") -> Reviews:
    status = RatingsStatus.model_validate({"status": stars})
    return Reviews(id=0, version="v1", instance="reviews-v1", caller=caller, ratings=status, reviews=())


async def watched(shop: Shop, stranger: Stranger) -> Row:
    """What becomes of a stranger's attempts."""
    window = Window(seconds=60)
    trying = asyncio.create_task(keep_trying(shop, window))
    async with asyncio.timeout(5):
        while len(window.rows(0)) < len(STRANGERS):  # noqa: ASYNC110 - it is the other task that adds
            await asyncio.sleep(0.01)
    trying.cancel()
    await asyncio.gather(trying, return_exceptions=True)
    return next(row for row in window.rows(0) if row.user == stranger.who)


async def test_an_answer_in_plain_text_is_noticed(shop: Shop) -> None:
    async with answering(9080, lambda _: None):
        complaint = await seen(all_plain_text_refused("reviews-v1"), shop)
        assert "expected reviews-v1 to refuse plain text; saw 200" in complaint
        assert await live_at(plain_text_is_refused("reviews-v1"), shop, 0.1) is None
        row = await watched(shop, WITHOUT_IDENTITY)
        assert (row.shares, row.remark) == ((), "answered 200")
    await all_plain_text_refused("reviews-v1")(shop)
    assert await live_at(plain_text_is_refused("reviews-v1"), shop, 5) is not None
    assert (await watched(shop, WITHOUT_IDENTITY)).shares == ((REFUSED, 1.0),)


async def test_a_caller_that_is_unknown_or_another_is_noticed(plan: Plan) -> None:
    async with new_session() as session:
        shop = Shop(session, replace(plan, gateway=replace(plan.gateway, ip=HOST)))
        said = {"caller": "spiffe://cluster.local/ns/default/sa/page"}
        async with answering(shop.plan.gateway.port, lambda _: reviews(said.get("caller"))):
            await callers_known_as("page")(shop)
            assert "saw spiffe://cluster.local/ns/default/sa/page" in await seen(callers_known_as("other"), shop)
            said.clear()
            assert "the page to be known as page; saw 200" in await seen(callers_known_as("page"), shop)


@dataclass
class Entrance:
    """A gateway that knows tokens. open: whether it lets in whoever shows none."""

    jwks: str
    open: bool = False

    async def answer(self, request: web.BaseRequest) -> web.Response:
        shown = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not shown:
            return web.Response(status=200 if self.open else 403)
        (key,) = jwt.PyJWKSet.from_json(self.jwks).keys
        try:
            jwt.decode(shown, key, ["ES256"], audience="bookinfo", issuer="https://bookinfo.example")
        except jwt.InvalidSignatureError:
            return web.Response(status=401)
        ratings = Ratings(id=0, version="v1", instance="ratings-v1", ratings={})
        return web.json_response({"product": 0, "ratings": ratings.model_dump()})


async def test_members_have_tokens_that_are_told_from_forged_ones(plan: Plan) -> None:
    written = (plan.steps / "s2-token" / "request-authentication.yaml").read_text()
    assert plan.members is not None
    assert plan.members.jwks in written
    assert not [each for each in (plan.members.token, plan.members.forged) if each.text in f"{plan!r}{written}"]
    entrance = Entrance(yaml.safe_load(written)["spec"]["jwtRules"][0]["jwks"])
    runner = web.ServerRunner(web.Server(entrance.answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, HOST, plan.gateway.port).start()
    async with new_session() as session:
        shop = Shop(session, replace(plan, gateway=replace(plan.gateway, ip=HOST)))
        await members_see_ratings()(shop)
        for stranger in (WITHOUT_TOKEN, FORGED_TOKEN):
            await all_turned_away(stranger)(shop)
            assert await live_at(turned_away(stranger), shop, 5) is not None
        assert (await watched(shop, FORGED_TOKEN)).shares == ((f"{REFUSED} 401", 1.0),)
        entrance.open = True
        assert await live_at(turned_away(WITHOUT_TOKEN), shop, 0.1) is None
        complaint = await seen(all_turned_away(WITHOUT_TOKEN), shop)
        assert "expected ratings to answer without token with 403; saw 200" in complaint
        entrance.jwks = new_members().jwks
        assert "expected ratings for members; saw 401" in await seen(members_see_ratings(), shop)
    await runner.cleanup()


async def test_a_denial_has_to_name_its_policy(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xds.app.demo.expectations._LOG_SECONDS", 0.2)
    assert shop.plan.logs is not None
    log = shop.plan.logs / "envoy-of-details-v1.log"
    log.write_text("403 rbac_access_denied_matched_policy[none]\n")
    assert "expected the log of details-v1 to name mine" in await seen(denial_is_explained("details-v1", "mine"), shop)
    log.write_text("403 rbac_access_denied_matched_policy[ns[default]-policy[mine]-rule[0]]\n")
    await denial_is_explained("details-v1", "mine")(shop)


async def test_stars_that_are_there_again_are_noticed(plan: Plan) -> None:
    async with new_session() as session:
        shop = Shop(session, replace(plan, gateway=replace(plan.gateway, ip=HOST)))
        async with answering(shop.plan.gateway.port, lambda _: reviews(None)):
            assert await live_at(stars_are_there(None), shop, 0.1) is None
        async with answering(shop.plan.gateway.port, lambda _: reviews(None, "ok")):
            assert await live_at(stars_are_there(None), shop, 5) is not None


def test_a_lock_shows_that_every_answer_was_to_a_known_caller() -> None:
    for proven in (True, False):
        whole = state(replace(ROW, proven=proven))
        assert ("\N{LOCK} reviews" in shown(whole), "\N{LOCK} reviews" in line(whole)) == (proven, proven)
    window = Window()
    window.add(Sample(0.0, "jason", "reviews", "v1", "", 0.1, proven=True))
    assert [row.proven for row in window.rows(0.0)] == [True]
    window.add(Sample(0.0, "jason", "reviews", "v1", "", 0.1))
    assert [row.proven for row in window.rows(0.0)] == [False]
