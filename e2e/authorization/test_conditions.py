"""Every condition of a rule, one path for each: who may have it, and who may not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest
import pytest_asyncio

from e2e.authorization.caller import Ask
from e2e.authorization.world import DENIED, HTTP, OK, World, policy
from e2e.proofs import proves

pytestmark = pytest.mark.asyncio(loop_scope="package")

WEB, JOBS, INTRUDER, NOBODY = "shop/web", "jobs/batch", "shop/intruder", ""
EVERYBODY = frozenset({WEB, JOBS, INTRUDER, NOBODY})
CALLERS = tuple(sorted(EVERYBODY))


@dataclass(frozen=True)
class Case:
    """A rule, and who of the callers may do what it is for."""

    rule: Mapping[str, object]
    allowed: frozenset[str]


def source(allowed: tuple[str, ...], **fields: object) -> Case:
    return Case({"from": [{"source": fields}]}, frozenset(allowed))


def when(key: str, allowed: tuple[str, ...], **fields: object) -> Case:
    return Case({"when": [{"key": key, **fields}]}, frozenset(allowed))


IDENTITIES: Mapping[str, Case] = {
    "principal": source((WEB,), principals=["cluster.local/ns/shop/sa/web"]),
    "principal-prefix": source((WEB, INTRUDER), principals=["cluster.local/ns/shop/*"]),
    "principal-suffix": source((JOBS,), principals=["*/sa/batch"]),
    "principal-presence": source((WEB, INTRUDER, JOBS), principals=["*"]),
    "principal-alias": source((WEB,), principals=["old.example/ns/shop/sa/web"]),
    "principal-of-others": source((), principals=["other.example/ns/shop/sa/web"]),
    "no-principal": source((JOBS, INTRUDER, NOBODY), notPrincipals=["cluster.local/ns/shop/sa/web"]),
    "without-principal": source((NOBODY,), notPrincipals=["*"]),
    "namespace": source((WEB, INTRUDER), namespaces=["shop"]),
    "namespace-pattern": source((JOBS,), namespaces=["j*s"]),
    "no-namespace": source((JOBS, NOBODY), notNamespaces=["shop"]),
    "account": source((WEB, JOBS), serviceAccounts=["web", "jobs/batch"]),
    "no-account": source((JOBS, INTRUDER, NOBODY), notServiceAccounts=["web"]),
    "trust-domain": source((WEB, JOBS, INTRUDER), trustDomains=["cluster.local"]),
    "trust-domain-suffix": source((WEB, JOBS, INTRUDER), trustDomains=["*.local"]),
    "no-trust-domain": source((NOBODY,), notTrustDomains=["cluster*"]),
    "both": source((WEB,), principals=["*"], namespaces=["shop"], notPrincipals=["*/intruder"]),
    "when-principal": when("source.principal", (WEB,), values=["cluster.local/ns/shop/sa/web"]),
    "when-not-principal": when("source.principal", (JOBS, INTRUDER, NOBODY), notValues=["*/web"]),
    "when-namespace": when("source.namespace", (JOBS,), values=["jobs"]),
    "when-account": when("source.serviceAccount", (JOBS,), values=["jobs/batch"]),
    "when-trust-domain": when("source.trustDomain", (NOBODY,), notValues=["*"]),
}


@dataclass(frozen=True)
class Wish:
    """A rule, and requests that it is for and is not for. here: the path is the rule's own matter."""

    rule: Mapping[str, object]
    granted: tuple[Ask, ...]
    refused: tuple[Ask, ...]
    here: bool = field(default=False)


def operation(granted: tuple[Ask, ...], refused: tuple[Ask, ...], **fields: object) -> Wish:
    return Wish({"to": [{"operation": fields}]}, granted, refused)


def condition(key: str, granted: tuple[Ask, ...], refused: tuple[Ask, ...], **fields: object) -> Wish:
    return Wish({"when": [{"key": key, **fields}]}, granted, refused)


def by_path(*paths: str, granted: tuple[str, ...], refused: tuple[str, ...], **fields: object) -> Wish:
    rule = {"to": [{"operation": {"paths": list(paths), **fields}}]}
    return Wish(rule, tuple(map(Ask, granted)), tuple(map(Ask, refused)), here=True)


def header(value: str) -> Ask:
    return Ask(headers={"X-Tenant": value})


def host(name: str) -> Ask:
    return Ask(host=name)


OTHER_ADDRESS = "127.29.1.1"

REQUESTS: Mapping[str, Wish] = {
    "method": operation((Ask(), Ask(method="PUT")), (Ask(method="POST"),), methods=["GET", "PU*"]),
    "no-method": operation((Ask(),), (Ask(method="PUT"),), notMethods=["PUT"]),
    "host": operation((host("shop.example"), host("SHOP.example")), (host("example"),), hosts=["Shop.Example"]),
    "host-suffix": operation((host("a.example"),), (host("example"),), hosts=["*.example"]),
    "host-with-port": operation((host("shop.example:81"),), (host("shop.example"),), hosts=["shop.example:*"]),
    "no-host": operation((host("shop.example"),), (host("a.example"),), notHosts=["a.example"]),
    "port": operation((Ask(),), (), ports=[str(HTTP)]),
    "other-port": operation((), (Ask(),), ports=["9999"]),
    "header": condition("request.headers[X-TENANT]", (header("a"),), (header("ab"), Ask()), values=["a"]),
    "header-prefix": condition("request.headers[x-tenant]", (header("ab"),), (header("ba"),), values=["a*"]),
    "header-suffix": condition("request.headers[x-tenant]", (header("ba"),), (header("ab"),), values=["*a"]),
    "header-present": condition("request.headers[x-tenant]", (header("b"), header("")), (Ask(),), values=["*"]),
    "no-header": condition("request.headers[x-tenant]", (header("b"), Ask()), (header("a"),), notValues=["a"]),
    "source-ip": condition(
        "source.ip", (Ask(source=OTHER_ADDRESS),), (Ask(),), values=["127.29.0.0/16", "2001:db8::/32"]
    ),
    "no-source-ip": condition("source.ip", (Ask(),), (Ask(source=OTHER_ADDRESS),), notValues=[OTHER_ADDRESS]),
    "remote-ip": condition(
        "remote.ip", (Ask(headers={"X-Forwarded-For": "10.0.0.1"}),), (Ask(),), values=["10.0.0.0/8"]
    ),
    "destination-ip": condition("destination.ip", (Ask(),), (), values=["127.0.0.0/8"]),
    "other-destination-ip": condition("destination.ip", (), (Ask(),), notValues=["127.0.0.0/8"]),
    "destination-port": condition("destination.port", (), (Ask(),), values=["9999"]),
}

PATHS: Mapping[str, Wish] = {
    "exact": by_path("/exact", granted=("/exact", "/exact?a=b"), refused=("/exact/", "/exactly")),
    "prefix": by_path("/prefix/*", granted=("/prefix/", "/prefix/a/b"), refused=("/prefix",)),
    "suffix": by_path("*.suffix", granted=("/a.suffix", "/a/b.suffix?c"), refused=("/a.suffixes",)),
    "except": by_path("/except/*", notPaths=["/except/a*"], granted=("/except/b",), refused=("/except/ab",)),
    "one": by_path(
        "/one/{*}/end",
        granted=("/one/a/end", "/one/a%20b/end", "/one/a.b-c_d~e/end?f=g"),
        refused=("/one/end", "/one//end", "/one/a/b/end", "/one/a/end/", "/one/a/ends"),
    ),
    "two": by_path("/two/{*}/{*}", granted=("/two/a/b",), refused=("/two/a", "/two/a/b/c", "/two/a/")),
    "any": by_path("/any/{**}", granted=("/any/", "/any/a", "/any/a/b/c"), refused=("/an", "/anything/a")),
    "any-inside": by_path(
        "/inside/{**}/end", granted=("/inside/a/end", "/inside/a/b/end"), refused=("/inside/a", "/inside/a/ends")
    ),
    "one-and-any": by_path("/mix/{*}/x/{**}", granted=("/mix/a/x/b/c",), refused=("/mix/a/y/b", "/mix/x/b")),
    "normalised": by_path("/normal/a", granted=("/normal/b/../a", "/normal/%61"), refused=("/normal/%2e%2e/a",)),
}


@pytest_asyncio.fixture(loop_scope="package", scope="module", autouse=True)
async def rules(world: World) -> None:
    """All of them at once: each is for one path, or for the paths that it names."""
    identities = [policy(name, "ALLOW", _at(name, case.rule)) for name, case in IDENTITIES.items()]
    requests = [policy(name, "ALLOW", _at(name, wish.rule)) for name, wish in REQUESTS.items()]
    paths = [policy(f"path-{name}", "ALLOW", wish.rule) for name, wish in PATHS.items()]
    await world.enforce(*identities, *requests, *paths, policy("server-name", "ALLOW", _at("server-name", SERVER_NAME)))


SERVER_NAME = {"when": [{"key": "connection.sni", "values": ["shop.*"]}]}


def _at(name: str, rule: Mapping[str, object]) -> Mapping[str, object]:
    """The rule for the path of this name."""
    operations = rule.get("to", [{"operation": {}}])
    assert isinstance(operations, list)
    return {**rule, "to": [{"operation": {**each["operation"], "paths": [f"/{name}"]}} for each in operations]}


@pytest.mark.parametrize("name", IDENTITIES)
@proves(
    "AuthorizationPolicy",
    "spec.rules.from.source.principals",
    "spec.rules.from.source.notPrincipals",
    "spec.rules.from.source.namespaces",
    "spec.rules.from.source.notNamespaces",
    "spec.rules.from.source.serviceAccounts",
    "spec.rules.from.source.notServiceAccounts",
    "spec.rules.from.source.trustDomains",
    "spec.rules.from.source.notTrustDomains",
    "spec.rules.when.key",
    "spec.rules.when.values",
    "spec.rules.when.notValues",
)
@proves("MeshConfig", "trustDomainAliases")
async def test_who_may(world: World, name: str) -> None:
    answers = {who: await world.ask(Ask(f"/{name}"), who=who) for who in CALLERS}
    assert answers == {who: OK if who in IDENTITIES[name].allowed else DENIED for who in CALLERS}


@pytest.mark.parametrize("name", REQUESTS)
@proves(
    "AuthorizationPolicy",
    "spec.rules.to.operation.methods",
    "spec.rules.to.operation.notMethods",
    "spec.rules.to.operation.hosts",
    "spec.rules.to.operation.notHosts",
    "spec.rules.to.operation.ports",
)
async def test_what_may_be_asked(world: World, name: str) -> None:
    wish = REQUESTS[name]
    granted = [await world.ask(replace(each, path=f"/{name}")) for each in wish.granted]
    refused = [await world.ask(replace(each, path=f"/{name}")) for each in wish.refused]
    assert (granted, refused) == ([OK] * len(granted), [DENIED] * len(refused))


@pytest.mark.parametrize("name", PATHS)
@proves("AuthorizationPolicy", "spec.rules.to.operation.paths", "spec.rules.to.operation.notPaths")
async def test_which_paths_may_be_asked_for(world: World, name: str) -> None:
    wish = PATHS[name]
    answers = {each.path: await world.ask(each) for each in (*wish.granted, *wish.refused)}
    expected = {each.path: OK for each in wish.granted} | {each.path: DENIED for each in wish.refused}
    assert answers == expected


@pytest.mark.parametrize("server_name", ["shop.example", "other.example"])
async def test_the_server_name_of_a_handshake_is_known(world: World, server_name: str) -> None:
    ask = Ask("/server-name", server_name=server_name)
    expected = OK if server_name == "shop.example" else DENIED
    assert await world.ask(ask, who=WEB) == expected
