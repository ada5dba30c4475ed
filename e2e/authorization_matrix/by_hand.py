"""Corner cases with what a person who has read Istio's documents expects of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from e2e.authorization_matrix.described import (
    ALIAS,
    HTTP,
    OTHER_HTTP,
    ROOT_NAMESPACE,
    SNIFFED,
    TCP,
    UNDECLARED,
    Asked,
    Policy,
    PolicySet,
)
from e2e.authorization_matrix.documents import PROVIDER
from e2e.authorization_matrix.generate import CLAIMS, PRINCIPALS

Rule = dict[str, object]
Spec = dict[str, object]


@dataclass(frozen=True)
class Row:
    """says: the rule of Istio's that is at stake. specs: of policies. root: how many of these, from the first, are in
    the root namespace. dry: how many, from the last, are tried out only."""

    says: str
    specs: tuple[Spec, ...]
    allowed: tuple[Asked, ...] = ()
    refused: tuple[Asked, ...] = ()
    root: int = 0
    dry: int = 0

    def policies(self, number: int) -> PolicySet:
        """With what makes them those of one workload."""
        name = f"by-hand-{number}"
        many = len(self.specs)
        return PolicySet(
            name,
            tuple(
                _policy(name, index, spec, in_root=index < self.root, is_dry=index >= many - self.dry)
                for index, spec in enumerate(self.specs)
            ),
        )


def _policy(name: str, index: int, spec: Spec, *, in_root: bool, is_dry: bool) -> Policy:
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {
            "name": f"{name}-{index}",
            "namespace": ROOT_NAMESPACE if in_root else name,
            **({"annotations": {"istio.io/dry-run": "true"}} if is_dry else {}),
        },
        "spec": {"selector": {"matchLabels": {"set": name}}, **spec},
    }


def _allow(*rules: Rule) -> Spec:
    return {"action": "ALLOW", "rules": list(rules)}


def _deny(*rules: Rule) -> Spec:
    return {"action": "DENY", "rules": list(rules)}


def _custom(*rules: Rule) -> Spec:
    return {"action": "CUSTOM", "provider": {"name": PROVIDER}, "rules": list(rules)}


def _from(**source: list[str]) -> Rule:
    return {"from": [{"source": source}]}


def _to(**operation: list[str]) -> Rule:
    return {"to": [{"operation": operation}]}


def _when(key: str, **lists: list[str]) -> Rule:
    return {"when": [{"key": key, **lists}]}


EVERYTHING: Rule = {}
ANN, BOB, ANN_OF_BANK, TELLER = (Asked(principal=principal) for principal in PRINCIPALS)
NOBODY = Asked()
OVER_TCP = replace(ANN, port=TCP)
WITH_TOKEN, WITH_OTHER_TOKEN = (replace(NOBODY, claims=claims) for claims in CLAIMS)


def _get(path: str) -> Asked:
    return Asked(path=path)


ROWS: Final[tuple[Row, ...]] = (
    # Actions
    Row("ALLOW without rules allows nothing", ({"action": "ALLOW"},), refused=(ANN, NOBODY, OVER_TCP)),
    Row("a spec without anything is ALLOW without rules", ({},), refused=(ANN, OVER_TCP)),
    Row("an empty rule is for everything", (_allow(EVERYTHING),), allowed=(ANN, NOBODY, OVER_TCP)),
    Row("DENY of everything", (_deny(EVERYTHING),), refused=(ANN, NOBODY, OVER_TCP)),
    Row("DENY before ALLOW", (_allow(EVERYTHING), _deny(_to(paths=["/a"]))), (_get("/b"),), (_get("/a"),)),
    Row("AUDIT decides nothing", ({"action": "AUDIT", "rules": [_to(paths=["/a"])]},), (_get("/a"), _get("/b"))),
    Row("any of several ALLOW", (_allow(_to(paths=["/a"])), _allow(_to(paths=["/b"]))), (_get("/b"),), (_get("/c"),)),
    Row(
        "the root namespace's DENY holds too",
        (_deny(_to(paths=["/a"])), _allow(EVERYTHING)),
        (_get("/b"),),
        (_get("/a"),),
        1,
    ),
    Row(
        "the root namespace's ALLOW is one of all",
        (_allow(_to(paths=["/a"])), _allow(_to(paths=["/b"]))),
        (_get("/a"), _get("/b")),
        (_get("/"),),
        1,
    ),
    Row("what is tried out refuses nothing", (_deny(EVERYTHING),), (ANN, OVER_TCP), dry=1),
    Row("what is tried out allows nothing, and asks for no ALLOW", (_allow(_to(paths=["/a"])),), (_get("/b"),), dry=1),
    Row(
        "a policy for other workloads", ({**_deny(EVERYTHING), "selector": {"matchLabels": {"app": "other"}}},), (ANN,)
    ),
    # Sources
    Row("an identity", (_allow(_from(principals=[PRINCIPALS[0]])),), (ANN, OVER_TCP), (BOB, ANN_OF_BANK, NOBODY)),
    Row(
        "an identity by another name of its trust domain",
        (_allow(_from(principals=[f"{ALIAS}/ns/shop/sa/ann"])),),
        (ANN, OVER_TCP),
        (BOB, NOBODY),
    ),
    Row(
        "a trust domain that is no other name",
        (_allow(_from(principals=["elsewhere.example/ns/shop/sa/ann"])),),
        refused=(ANN, NOBODY),
    ),
    Row("anybody who has one", (_allow(_from(principals=["*"])),), (ANN, TELLER, OVER_TCP), (NOBODY,)),
    Row("nobody is not anybody", (_allow(_from(notPrincipals=[PRINCIPALS[0]])),), (BOB, NOBODY), (ANN, OVER_TCP)),
    Row(
        "to refuse all but one is to refuse nobody's",
        (_deny(_from(notPrincipals=[PRINCIPALS[0]])),),
        (ANN, OVER_TCP),
        (BOB, NOBODY),
    ),
    Row("by the end of an identity", (_allow(_from(principals=["*/sa/ann"])),), (ANN, ANN_OF_BANK), (BOB, NOBODY)),
    Row("by the beginning of one", (_allow(_from(principals=["cluster.local/ns/bank/*"])),), (TELLER,), (ANN, NOBODY)),
    Row("a namespace", (_allow(_from(namespaces=["shop"])),), (ANN, BOB), (TELLER, NOBODY)),
    Row("a namespace by its end", (_allow(_from(namespaces=["*nk"])),), (TELLER,), (ANN, NOBODY)),
    Row("all but a namespace", (_allow(_from(notNamespaces=["shop"])),), (TELLER, NOBODY), (ANN,)),
    Row(
        "a service account of a namespace",
        (_allow(_from(serviceAccounts=["bank/ann"])),),
        (ANN_OF_BANK,),
        (ANN, TELLER, NOBODY),
    ),
    Row(
        "a service account of the policy's own namespace",
        (_allow(_from(serviceAccounts=["ann"])),),
        refused=(ANN, ANN_OF_BANK),
    ),
    Row("a trust domain", (_allow(_from(trustDomains=["cluster.local"])),), (ANN, TELLER), (NOBODY,)),
    Row(
        "an address",
        (_allow(_from(ipBlocks=["127.101.0.0/24"])),),
        (replace(ANN, source="127.101.0.9"), replace(OVER_TCP, source="127.101.0.9")),
        (ANN, OVER_TCP),
    ),
    Row(
        "an address that others tell is not that of the connection",
        (_allow(_from(ipBlocks=["10.1.0.1"])),),
        refused=(replace(NOBODY, headers={"x-forwarded-for": "10.1.0.1"}),),
    ),
    Row(
        "the address that the last proxy tells",
        (_allow(_from(remoteIpBlocks=["10.1.0.0/16"])),),
        (replace(NOBODY, headers={"x-forwarded-for": "10.9.9.9, 10.1.0.1"}),),
        (NOBODY, replace(NOBODY, headers={"x-forwarded-for": "10.1.0.1, 10.9.9.9"})),
    ),
    Row(
        "all lists of a source have to hold",
        (_allow(_from(namespaces=["shop"], ipBlocks=["127.101.0.0/16"])),),
        (replace(ANN, source="127.101.0.1"),),
        (ANN, replace(TELLER, source="127.101.0.1")),
    ),
    Row(
        "any of several sources",
        (_allow({"from": [{"source": {"namespaces": ["shop"]}}, {"source": {"ipBlocks": ["127.101.0.0/16"]}}]}),),
        (ANN, replace(TELLER, source="127.101.0.1")),
        (TELLER,),
    ),
    # Operations
    Row(
        "a method, as it is written",
        (_allow(_to(methods=["GET"])),),
        (NOBODY,),
        (replace(NOBODY, method="POST"), replace(NOBODY, method="get")),
    ),
    Row(
        "a host in upper case",
        (_allow(_to(hosts=["Shop.EXAMPLE.com"])),),
        (NOBODY, replace(NOBODY, host="SHOP.example.COM")),
        (replace(NOBODY, host="shop.example.org"),),
    ),
    Row(
        "a host has its port with it",
        (_allow(_to(hosts=["shop.example.com"])),),
        refused=(replace(NOBODY, host="shop.example.com:8080"),),
    ),
    Row(
        "a host with any port",
        (_allow(_to(hosts=["shop.example.com:*"])),),
        (replace(NOBODY, host="shop.example.com:8080"),),
        (NOBODY,),
    ),
    Row(
        "ports of the workload",
        (_allow(_to(ports=[str(HTTP), str(TCP)])),),
        (NOBODY, OVER_TCP),
        (replace(NOBODY, port=OTHER_HTTP),),
    ),
    Row(
        "all ports but one",
        (_allow(_to(notPorts=[str(HTTP)])),),
        (replace(NOBODY, port=OTHER_HTTP), OVER_TCP),
        (NOBODY,),
    ),
    Row(
        "a path without its query",
        (_allow(_to(paths=["/a"])),),
        (_get("/a?q=/b"),),
        (_get("/b?q=/a"), _get("/a/"), _get("/A")),
    ),
    Row(
        "a path with dots is what it leads to",
        (_deny(_to(paths=["/secret*"])),),
        (_get("/secret/../a"),),
        (_get("/a/../secret"), _get("/a/%2e%2E/secret/x")),
    ),
    Row("one segment", (_allow(_to(paths=["/a/{*}"])),), (_get("/a/b"),), (_get("/a"), _get("/a/"), _get("/a/b/c"))),
    Row(
        "any rest of a path",
        (_allow(_to(paths=["/a/{**}"])),),
        (_get("/a/b"), _get("/a/b/c")),
        (_get("/a"), _get("/b/a/c")),
    ),
    Row(
        "one segment, then any rest",
        (_allow(_to(paths=["/{*}/b/{**}"])),),
        (_get("/a/b/c/d"),),
        (_get("/a/c/b"), _get("/b/c")),
    ),
    Row("all paths but some", (_allow(_to(notPaths=["/a*"])),), (_get("/b"),), (_get("/a/b"),)),
    Row(
        "all lists of an operation have to hold",
        (_allow(_to(methods=["POST"], paths=["/a"])),),
        (Asked(method="POST", path="/a"),),
        (_get("/a"), Asked(method="POST", path="/b")),
    ),
    # Conditions
    Row(
        "a header",
        (_allow(_when("request.headers[x-role]", values=["adm*"])),),
        (Asked(headers={"x-role": "admin"}),),
        (NOBODY, Asked(headers={"x-role": "user"})),
    ),
    Row(
        "a header that is not there is none of the others",
        (_allow(_when("request.headers[x-role]", notValues=["admin"])),),
        (NOBODY, Asked(headers={"x-role": "user"})),
        (Asked(headers={"x-role": "admin"}),),
    ),
    Row(
        "values and others of one condition",
        (_allow(_when("request.headers[x-role]", values=["a*"], notValues=["admin"])),),
        (Asked(headers={"x-role": "auditor"}),),
        (NOBODY, Asked(headers={"x-role": "admin"})),
    ),
    Row(
        "a server name",
        (_allow(_when("connection.sni", values=["*.example.com"])),),
        (replace(ANN, server_name="one.example.com"), replace(OVER_TCP, server_name="one.example.com")),
        (replace(ANN, server_name="one.example.org"), NOBODY),
    ),
    Row(
        "all conditions have to hold",
        (
            _allow(
                {
                    "when": [
                        {"key": "source.namespace", "values": ["shop"]},
                        {"key": "destination.port", "values": [str(HTTP)]},
                    ]
                }
            ),
        ),
        (ANN,),
        (TELLER, replace(ANN, port=OTHER_HTTP)),
    ),
    Row(
        "the address of the workload",
        (_deny(_when("destination.ip", values=["127.0.0.0/8"])),),
        refused=(ANN, OVER_TCP),
    ),
    # Tokens
    Row("a token is asked for", (_deny(_from(notRequestPrincipals=["*"])),), (WITH_TOKEN,), (NOBODY, ANN)),
    Row(
        "the subject of an issuer",
        (_allow(_from(requestPrincipals=["issuer.example.com/ann"])),),
        (WITH_TOKEN,),
        (WITH_OTHER_TOKEN, NOBODY),
    ),
    Row(
        "a claim that is a list",
        (_allow(_when("request.auth.claims[groups]", values=["admin"])),),
        (WITH_TOKEN,),
        (WITH_OTHER_TOKEN, NOBODY),
    ),
    Row(
        "a claim within a claim",
        (_allow(_when("request.auth.claims[realm][role]", values=["user"])),),
        (WITH_OTHER_TOKEN,),
        (WITH_TOKEN, NOBODY),
    ),
    Row(
        "an audience of several",
        (_allow(_when("request.auth.audiences", values=["bank"])),),
        (WITH_OTHER_TOKEN,),
        (WITH_TOKEN, NOBODY),
    ),
    Row(
        "who the token was made for",
        (_allow(_when("request.auth.presenter", values=["app"])),),
        (WITH_TOKEN,),
        (WITH_OTHER_TOKEN, NOBODY),
    ),
    # Connections
    Row("ALLOW by what connections do not have", (_allow(_to(paths=["/*"])),), (ANN,), (OVER_TCP,)),
    Row(
        "ALLOW with any part that they do not have",
        (_allow({"to": [{"operation": {"ports": [str(TCP)]}}, {"operation": {"methods": ["GET"]}}]}),),
        (ANN,),
        (OVER_TCP,),
    ),
    Row("another rule still allows", (_allow(_to(methods=["GET"]), _to(ports=[str(TCP)])),), (ANN, OVER_TCP)),
    Row(
        "DENY by what they do not have",
        (_deny(_to(paths=["/a"])),),
        (_get("/b"),),
        (_get("/a"), replace(OVER_TCP, path="/b")),
    ),
    Row(
        "DENY by that and by what they have",
        (_deny(_to(paths=["/a"], ports=[str(HTTP)])),),
        (OVER_TCP, _get("/b")),
        (_get("/a"),),
    ),
    Row(
        "DENY by a header and an identity",
        (_deny({**_from(namespaces=["shop"]), **_when("request.headers[x-role]", values=["admin"])}),),
        (ANN, replace(TELLER, port=TCP)),
        (OVER_TCP, replace(ANN, headers={"x-role": "admin"})),
    ),
    Row("DENY of tokens", (_deny(_from(requestPrincipals=["*"])),), (ANN,), (WITH_TOKEN, OVER_TCP)),
    Row(
        "requests are read where nobody says that there are any",
        (_allow(_to(paths=["/a"])),),
        (replace(ANN, port=SNIFFED, path="/a"), Asked(port=SNIFFED, path="/a")),
        (
            replace(ANN, port=SNIFFED),
            Asked(port=SNIFFED),
            replace(ANN, port=SNIFFED, raw=True),
            Asked(port=SNIFFED, raw=True),
        ),
    ),
    Row(
        "identities count there",
        (_allow(_from(principals=[PRINCIPALS[0]])),),
        (replace(ANN, port=SNIFFED), replace(ANN, port=SNIFFED, raw=True)),
        (replace(BOB, port=SNIFFED), Asked(port=SNIFFED), Asked(port=SNIFFED, raw=True)),
    ),
    Row(
        "ports that nobody declares are no way round",
        (_allow(_from(principals=[PRINCIPALS[0]])),),
        (replace(ANN, port=UNDECLARED), replace(ANN, port=UNDECLARED, raw=True)),
        (replace(BOB, port=UNDECLARED), Asked(port=UNDECLARED), Asked(port=UNDECLARED, raw=True)),
    ),
    Row(
        "requests are read there too, where a rule asks for what they have",
        (_allow(_to(paths=["/a"])),),
        (replace(ANN, port=UNDECLARED, path="/a"), Asked(port=UNDECLARED, path="/a")),
        (
            replace(ANN, port=UNDECLARED),
            Asked(port=UNDECLARED),
            replace(ANN, port=UNDECLARED, raw=True),
            Asked(port=UNDECLARED, raw=True),
        ),
    ),
    Row(
        "a port that nobody declares",
        (_deny(_to(ports=[str(UNDECLARED)])),),
        (ANN, OVER_TCP),
        (replace(ANN, port=UNDECLARED), Asked(port=UNDECLARED)),
    ),
    # Providers
    Row(
        "the provider is asked where a rule matches",
        (_custom(_to(paths=["/a"])),),
        (_get("/a"), Asked(path="/b", refused_by_provider=True)),
        (Asked(path="/a", refused_by_provider=True),),
    ),
    Row(
        "what the provider allows may still be refused",
        (_custom(EVERYTHING), _deny(_to(paths=["/a"]))),
        (_get("/b"),),
        (_get("/a"),),
    ),
    Row(
        "what is allowed may still be refused by the provider",
        (_custom(EVERYTHING), _allow(EVERYTHING)),
        (NOBODY,),
        (Asked(refused_by_provider=True), replace(OVER_TCP, refused_by_provider=True)),
    ),
    Row(
        "the provider is asked about connections more often",
        (_custom(_to(paths=["/a"])),),
        (OVER_TCP,),
        (replace(OVER_TCP, refused_by_provider=True),),
    ),
)
