"""Which policy decides: actions, namespaces, selectors, connections as against requests, and what is told of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from e2e.authorization.caller import CUT_OFF, Ask
from e2e.authorization.world import DENIED, GATEWAY_TCP, HTTP, OK, TCP, UNDECLARED, UNKNOWN, World, policy
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="package")

WEB, JOBS, INTRUDER = "shop/web", "jobs/batch", "shop/intruder"


def source(**fields: object) -> dict[str, object]:
    return {"from": [{"source": fields}]}


def to(**fields: object) -> dict[str, object]:
    return {"to": [{"operation": fields}]}


@proves("AuthorizationPolicy", "spec.action", "spec.rules.from.source.principals")
async def test_what_is_denied_is_denied_whatever_allows_it(world: World) -> None:
    await world.enforce(
        policy("viewers", "ALLOW", source(principals=["cluster.local/ns/shop/sa/web"])),
        policy("secrets", "DENY", to(paths=["/secret*"], ports=[str(HTTP)])),
    )
    assert await world.ask(Ask("/"), who=WEB) == OK
    assert await world.ask(Ask("/secret/1"), who=WEB) == DENIED
    assert await world.ask(Ask("/"), who=JOBS) == DENIED
    assert await world.ask(Ask("/")) == DENIED
    assert await world.by_sidecar("/") == OK
    assert await world.by_sidecar("/secret/by-sidecar") == DENIED


async def test_a_denial_names_the_policy_and_the_rule(world: World) -> None:
    await world.enforce(
        policy("secrets", "DENY", to(paths=["/nothing"], ports=[str(HTTP)]), to(paths=["/told"], ports=[str(HTTP)])),
        policy("nobody-else", "ALLOW", source(namespaces=["shop"])),
        policy("connections", "DENY", source(namespaces=["jobs"]), selector={"app": "server"}),
    )
    assert await world.ask(Ask("/told"), who=WEB) == DENIED
    line = await world.logged('"GET /told HTTP/1.1" 403')
    assert "rbac_access_denied_matched_policy[ns[shop]-policy[secrets]-rule[1]]" in line
    assert await world.ask(Ask("/by-nobody")) == DENIED
    assert "rbac_access_denied_matched_policy[none]" in await world.logged('"GET /by-nobody HTTP/1.1" 403')
    assert await world.ask(Ask("/"), TCP, JOBS) == CUT_OFF
    assert await world.logged("rbac_access_denied_matched_policy[ns[shop]-policy[connections]-rule[0]]")


@proves("AuthorizationPolicy", "spec.selector.matchLabels")
async def test_policies_of_the_root_namespace_add_to_those_of_the_workloads(world: World) -> None:
    await world.enforce(
        policy("mesh", "DENY", to(paths=["/mesh"], ports=[str(HTTP)]), namespace="istio-system"),
        policy(
            "mesh-server", "DENY", to(paths=["/root"], ports=[str(HTTP)]), namespace="istio-system", selector=SERVER
        ),
        policy("own", "DENY", to(paths=["/own"], ports=[str(HTTP)])),
        policy("selected", "DENY", to(paths=["/selected"], ports=[str(HTTP)]), selector=SERVER),
        policy("others", "DENY", to(paths=["/others"], ports=[str(HTTP)]), selector={"app": "other"}),
        policy("elsewhere", "DENY", to(paths=["/elsewhere"], ports=[str(HTTP)]), namespace="jobs"),
    )
    paths = ("/mesh", "/root", "/own", "/selected", "/others", "/elsewhere")
    assert [await world.ask(Ask(path), who=WEB) for path in paths] == [DENIED] * 4 + [OK] * 2


SERVER = {"app": "server"}


async def test_what_allows_nothing_denies_everything_and_what_denies_everything_does_too(world: World) -> None:
    await world.enforce(policy("closed", "ALLOW"))
    assert await world.ask(Ask(), who=WEB) == DENIED
    assert await world.ask(Ask(), TCP, WEB) == CUT_OFF
    answers = {port: await world.ask_captured(Ask(), port, WEB) for port in (HTTP, TCP, UNKNOWN, UNDECLARED)}
    assert answers == {HTTP: DENIED, TCP: CUT_OFF, UNKNOWN: DENIED, UNDECLARED: CUT_OFF}
    await world.enforce(policy("open", "ALLOW", {}))
    assert await world.ask(Ask()) == OK
    assert await world.ask(Ask(), TCP) == OK
    await world.enforce(policy("open", "ALLOW", {}), policy("shut", "DENY", {}))
    assert await world.ask(Ask(), who=WEB) == DENIED


@proves("AuthorizationPolicy", "spec.rules.to.operation.ports", "spec.rules.to.operation.notPorts")
async def test_each_port_can_have_its_own(world: World) -> None:
    await world.enforce(
        policy("http", "ALLOW", {**source(namespaces=["shop"]), **to(ports=[str(HTTP)])}),
        policy("others", "ALLOW", {**source(namespaces=["jobs"]), **to(notPorts=[str(HTTP)])}),
    )
    assert [await world.ask(Ask(), HTTP, who) for who in (WEB, JOBS)] == [OK, DENIED]
    assert await world.ask(Ask(), TCP, WEB) == CUT_OFF
    assert await world.ask(Ask(), TCP, JOBS) == OK
    answers = {port: await world.ask_captured(Ask(), port, JOBS) for port in (HTTP, TCP, UNKNOWN, UNDECLARED)}
    assert answers == {HTTP: DENIED, TCP: OK, UNKNOWN: OK, UNDECLARED: OK}


async def test_on_connections_what_only_requests_have_allows_nothing_and_denies_everything(world: World) -> None:
    await world.enforce(
        policy("by-method", "ALLOW", to(methods=["GET"])),
        policy("by-identity", "ALLOW", source(namespaces=["jobs"])),
    )
    assert await world.ask(Ask(), who=WEB) == OK
    assert await world.ask(Ask(), TCP, WEB) == CUT_OFF
    assert await world.ask(Ask(), TCP, JOBS) == OK
    await world.enforce(policy("by-method", "DENY", {**source(namespaces=["shop"]), **to(methods=["PUT"])}))
    assert await world.ask(Ask(), who=WEB) == OK
    assert await world.ask(Ask(method="PUT"), who=WEB) == DENIED
    assert await world.ask(Ask(method="PUT"), who=JOBS) == OK
    assert await world.ask(Ask(), TCP, WEB) == CUT_OFF
    assert await world.ask(Ask(), TCP, JOBS) == OK


@pytest.mark.parametrize("port", [UNKNOWN, UNDECLARED])
async def test_requests_are_known_as_such_where_nobody_declares_the_protocol(world: World, port: int) -> None:
    await world.enforce(policy("by-path", "ALLOW", {**source(namespaces=["shop"]), **to(paths=["/open"])}))
    assert await world.ask_captured(Ask("/open"), port, WEB) == OK
    assert await world.ask_captured(Ask("/closed"), port, WEB) == DENIED
    assert await world.ask_captured(Ask("/open"), port, JOBS) == DENIED
    assert await world.ask_captured(Ask("/open", protocol="istio"), port, WEB) == CUT_OFF
    assert await world.ask_captured(Ask("/open"), port) == DENIED


async def test_a_policy_is_tried_out_without_an_effect(world: World) -> None:
    dry = {"istio.io/dry-run": "true"}
    await world.enforce(
        policy("deny", "DENY", to(paths=["/tried"]), annotations=dry),
        policy("allow", "ALLOW", source(namespaces=["jobs"]), annotations=dry),
    )
    names = ("istio_dry_run_deny_.shadow_denied", "istio_dry_run_allow_.shadow_denied")
    before = [await world.counter(world.server, f"{HTTP};.rbac.{name}") for name in names]
    assert await world.ask(Ask("/tried"), who=WEB) == OK
    after = [await world.counter(world.server, f"{HTTP};.rbac.{name}") for name in names]
    assert [new - old for old, new in zip(before, after, strict=True)] == [1, 1]
    assert await world.ask(Ask("/tried"), TCP, WEB) == OK


async def test_what_is_audited_passes_and_is_marked_for_the_log(world: World) -> None:
    await world.enforce(policy("notes", "AUDIT", to(paths=["/noted"])))
    assert await world.ask(Ask("/noted"), who=WEB) == OK
    assert await world.ask(Ask("/unnoted"), who=WEB) == OK
    assert (await world.logged('"GET /noted HTTP/1.1" 200')).endswith(" true")
    assert (await world.logged('"GET /unnoted HTTP/1.1" 200')).endswith(" false")


@proves(
    "AuthorizationPolicy",
    "spec.targetRefs.group",
    "spec.targetRefs.kind",
    "spec.targetRefs.name",
    "spec.rules.from.source.notIpBlocks",
    "spec.rules.to.operation.hosts",
)
async def test_a_gateway_without_an_identity_obeys_too(world: World) -> None:
    await world.enforce(
        policy("front", "DENY", to(hosts=["ADMIN.example.com"]), namespace="default", selector={"app": "front"}),
        policy("office", "DENY", source(notIpBlocks=[world.client.ip]), namespace="default", gateway="front"),
        policy("other", "DENY", {}, namespace="default", gateway="other"),
    )
    at_work = Ask(source=world.client.ip)
    assert await world.ask_gateway(at_work) == OK
    assert await world.ask_gateway(replace(at_work, host="admin.example.com")) == DENIED
    assert await world.ask_gateway(Ask()) == DENIED
    assert await world.ask_gateway(at_work, GATEWAY_TCP) == CUT_OFF


@proves(
    "AuthorizationPolicy",
    "spec.rules.from.source.ipBlocks",
    "spec.rules.from.source.remoteIpBlocks",
    "spec.rules.from.source.notRemoteIpBlocks",
)
async def test_an_address_is_the_connections_or_the_clients(world: World) -> None:
    def at(path: str, **fields: object) -> dict[str, object]:
        return {**source(**fields), **to(paths=[path], ports=[str(HTTP)])}

    near, far = ["127.0.0.0/8"], ["203.0.113.0/24"]
    await world.enforce(
        policy("direct", "DENY", at("/direct-near", ipBlocks=near), at("/direct-far", ipBlocks=far)),
        policy("remote", "DENY", at("/remote-near", remoteIpBlocks=near), at("/remote-far", remoteIpBlocks=far)),
        policy("elsewhere", "DENY", at("/elsewhere", notRemoteIpBlocks=far)),
    )
    forwarded = {"X-Forwarded-For": "203.0.113.7"}
    paths = ("/direct-near", "/direct-far", "/remote-near", "/remote-far", "/elsewhere")
    assert [await world.ask(Ask(path, headers=forwarded)) for path in paths] == [DENIED, OK, OK, DENIED, OK]
    assert [await world.ask(Ask(path)) for path in paths] == [DENIED, OK, DENIED, OK, DENIED]
    remote = Ask(source="127.29.3.4")
    await world.enforce(policy("connections", "DENY", source(remoteIpBlocks=["127.29.0.0/16"])))
    assert [await world.ask_captured(ask, TCP) for ask in (remote, Ask())] == [CUT_OFF, OK]
