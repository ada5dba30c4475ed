"""The shop from outside: routing, mutual TLS, tokens, and how the containers are confined. Then changes under load."""

from __future__ import annotations

import pytest

from e2e.compose.project import Project
from e2e.compose.visitor import Visitor
from e2e.shop_page import all_reviews_to

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORKLOADS = ("productpage-v1", "details-v1", "reviews-v1", "reviews-v2", "reviews-v3", "ratings-v1")
LONG_RUNNING = ("control-plane", "issuer", "ingressgateway", *WORKLOADS, *(f"{name}-sidecar" for name in WORKLOADS))

_IN_PLAIN_TEXT = """
import urllib.request as web
try:
    print(web.urlopen('http://reviews-v1:9080/reviews/0', timeout=10).status)
except OSError as error:
    print(type(error).__name__)
"""


async def test_everybody_sees_the_version_that_is_theirs(visitor: Visitor) -> None:
    await visitor.until(lambda: _reviews(visitor), "v1")

    jason = await visitor.page("jason")

    assert (jason.reviews, *jason.stars) == ("v2", "black")
    assert (await visitor.page()).stars == frozenset()


async def test_whoever_is_not_of_the_mesh_cannot_speak_to_a_workload(project: Project) -> None:
    assert project.python("issuer", _IN_PLAIN_TEXT) in ("ConnectionResetError", "RemoteDisconnected", "URLError")


async def test_the_ratings_are_for_whoever_has_a_token(visitor: Visitor) -> None:
    token = await visitor.token()
    await visitor.until(lambda: visitor.ratings(token), 200)

    head, _, signature = token.rpartition(".")
    forged = f"{head}.{signature[:-4]}{'AAAA' if signature[-4:] != 'AAAA' else 'BBBB'}"

    assert await visitor.ratings() == 403
    assert await visitor.ratings(forged) == 401


@pytest.mark.parametrize("service", LONG_RUNNING)
async def test_containers_may_do_what_they_need_and_no_more(project: Project, service: str) -> None:
    found = project.inspected(service)
    config, host, state = found["Config"], found["HostConfig"], found["State"]
    assert isinstance(config, dict)
    assert isinstance(host, dict)
    assert isinstance(state, dict)

    assert config["User"].split(":")[0] not in ("", "0", "root")
    assert host["ReadonlyRootfs"]
    assert (host["CapDrop"], host["CapAdd"], host["Privileged"]) == (["ALL"], None, False)
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert state["Running"]


async def test_a_change_of_configuration_costs_no_visitor_anything(project: Project, visitor: Visitor) -> None:
    async with visitor.crowd() as crowd:
        project.write("virtual-services.yaml", all_reviews_to("v3"))
        await visitor.until(lambda: _reviews(visitor), "v3")

    assert (await visitor.page()).stars == {"red"}
    assert crowd.failures == []


async def test_a_restart_of_the_control_plane_costs_no_visitor_anything(project: Project, visitor: Visitor) -> None:
    async with visitor.crowd() as crowd:
        project.compose("restart", "control-plane")
        project.write("virtual-services.yaml", all_reviews_to("v1"))
        await visitor.until(lambda: _reviews(visitor), "v1")

    assert crowd.visits
    assert crowd.failures == []


async def test_more_instances_take_their_share_and_leave_without_a_trace(project: Project, visitor: Visitor) -> None:
    async with visitor.crowd() as crowd:
        project.compose("--profile", "scale", "up", "--detach", "--no-recreate")
        await visitor.until(lambda: _instances(visitor), {"reviews-v1", "reviews-v1-more"})
        project.compose("stop", "reviews-v1-more-sidecar")
        await visitor.until(lambda: _instances(visitor), {"reviews-v1"})
        project.compose("--profile", "scale", "rm", "--stop", "--force", "reviews-v1-more-sidecar", "reviews-v1-more")

    assert crowd.failures == []


async def test_a_new_sidecar_joins_as_who_it_was(project: Project, visitor: Visitor) -> None:
    """Its token is used up: it proves itself by the certificate that it has kept."""
    project.compose("up", "--detach", "--force-recreate", "--no-deps", "reviews-v1-sidecar")

    await visitor.until(lambda: _reviews(visitor), "v1")


async def _reviews(visitor: Visitor) -> str:
    return (await visitor.page()).reviews


async def _instances(visitor: Visitor) -> set[str]:
    return {(await visitor.page()).instance for _ in range(10)}
