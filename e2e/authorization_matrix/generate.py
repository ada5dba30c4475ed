"""Sets of policies and what is asked of a workload that has them: at random, but the same for the same seed.

Values are few, so that what is asked for is often what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random

from e2e.authorization_matrix.described import (
    ALIAS,
    HOST,
    HTTP,
    ISSUER,
    OTHER_HTTP,
    ROOT_NAMESPACE,
    SNIFFED,
    TCP,
    TRUST_DOMAIN,
    UNDECLARED,
    Asked,
    Policy,
    PolicySet,
)

PRINCIPALS = tuple(
    f"{TRUST_DOMAIN}/ns/{who}" for who in ("shop/sa/ann", "shop/sa/bob", "bank/sa/ann", "bank/sa/teller")
)
SOURCES = ("127.101.0.1", "127.101.0.2", "127.102.0.1")
METHODS = ("GET", "POST", "DELETE")
PATHS = ("/", "/a", "/a/b", "/a/b/c", "/b", "/a/../b")
HOSTS = (HOST, "SHOP.example.com", "bank.example.com:8080")
ROLES = ("admin", "user")
REMOTES = ("10.1.0.1", "10.2.0.1", "127.9.9.9, 10.1.0.2")
SERVER_NAMES = ("one.example.com", "two.example.org")
CLAIMS = (
    {
        "iss": ISSUER,
        "sub": "ann",
        "aud": "shop",
        "azp": "app",
        "groups": ["admin", "staff"],
        "realm": {"role": "admin"},
    },
    {
        "iss": ISSUER,
        "sub": "bob",
        "aud": ["shop", "bank"],
        "azp": "cli",
        "groups": "staff",
        "realm": {"role": ["user"]},
    },
)

_Fields = Mapping[str, Sequence[str]]

_IDENTITIES: _Fields = {
    "principals": (PRINCIPALS[0], f"{ALIAS}/ns/shop/sa/bob", "*", "cluster.local/ns/shop/*", "*/sa/ann"),
    "namespaces": ("shop", "b*", "*nk", "*"),
    "trustDomains": (TRUST_DOMAIN, "elsewhere.example", "*"),
}
_ACCOUNTS: _Fields = {"serviceAccounts": ("shop/ann", "bank/teller", "ann")}
_TOKENS: _Fields = {"requestPrincipals": (f"{ISSUER}/ann", "*", f"{ISSUER}/*", "*/bob")}
_ADDRESSES: _Fields = {
    "ipBlocks": ("127.101.0.0/16", "127.101.0.1", "127.102.0.0/24"),
    "remoteIpBlocks": ("10.1.0.0/16", "10.2.0.1", "127.0.0.0/8"),
}
_OPERATIONS: _Fields = {
    "hosts": (HOST, "*.example.com", "bank.*", "*"),
    "ports": tuple(map(str, (HTTP, OTHER_HTTP, TCP, SNIFFED, UNDECLARED))),
    "methods": ("GET", "P*", "*TE", "*"),
    "paths": ("/a", "/a*", "*/b", "*", "/a/{*}", "/a/{**}", "/{*}/b"),
}
_CONDITIONS: _Fields = {
    "request.headers[x-role]": ("admin", "us*", "*min", "*"),
    "source.ip": _ADDRESSES["ipBlocks"],
    "remote.ip": _ADDRESSES["remoteIpBlocks"],
    "destination.port": _OPERATIONS["ports"],
    "destination.ip": ("127.0.0.0/8", "10.0.0.0/8"),
    "connection.sni": ("one.example.com", "*.example.org", "*"),
}
_CONDITIONS_OF_IDENTITIES: _Fields = {
    "source.namespace": _IDENTITIES["namespaces"],
    "source.principal": _IDENTITIES["principals"],
}
_CONDITIONS_OF_TOKENS: _Fields = {
    "request.auth.principal": _TOKENS["requestPrincipals"],
    "request.auth.audiences": ("shop", "ban*"),
    "request.auth.presenter": ("app", "c*"),
    "request.auth.claims[groups]": ("admin", "st*", "*"),
    "request.auth.claims[realm][role]": ("admin", "*er"),
}
_ACTIONS = ("ALLOW", "ALLOW", "ALLOW", "DENY", "DENY", "CUSTOM", "AUDIT")


def generated(sets: int, asked: int, seed: int) -> list[tuple[PolicySet, list[Asked]]]:
    """This many sets, with this many requests and connections for each."""
    random = Random(seed)
    return [(_set(random, f"set-{number}"), [_asked(random) for _ in range(asked)]) for number in range(sets)]


def _set(random: Random, name: str) -> PolicySet:
    return PolicySet(name, tuple(_policy(random, name, f"p{number}") for number in range(random.randint(1, 4))))


def _policy(random: Random, name_of_set: str, name: str) -> Policy:
    """One of the root namespace names its set, as it would be for all."""
    in_root = random.random() < 0.2
    label = random.choice(({"set": name_of_set}, {"set": name_of_set, "app": "client"}, None))
    if in_root or label is not None:
        labels = label or {"set": name_of_set}
        selector: dict[str, object] = {"selector": {"matchLabels": labels}}
    else:
        selector = {}
    action = random.choice(_ACTIONS)
    provider = {"provider": {"name": "authorizer"}} if action == "CUSTOM" else {}
    least = 1 if action in ("DENY", "CUSTOM") or random.random() < 0.9 else 0
    rules = [_rule(random, action) for _ in range(random.randint(least, max(least, 2)))]
    # A set's objects in the root namespace have names that no other set's have.
    metadata = {"name": f"{name_of_set}-{name}", "namespace": ROOT_NAMESPACE if in_root else name_of_set}
    dry_run = {"annotations": {"istio.io/dry-run": "true"}} if random.random() < 0.1 and action != "CUSTOM" else {}
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {**metadata, **dry_run},
        "spec": {**selector, **provider, "action": action, "rules": rules},
    }


def _rule(random: Random, action: str) -> dict[str, object]:
    identified = action != "CUSTOM"
    parts: tuple[tuple[str, Callable[[], object]], ...] = (
        ("from", lambda: [{"source": _source(random, identified=identified)} for _ in range(random.randint(1, 2))]),
        ("to", lambda: [{"operation": _fields(random, _OPERATIONS)} for _ in range(random.randint(1, 2))]),
        ("when", lambda: [_condition(random, identified=identified) for _ in range(random.randint(1, 2))]),
    )
    return {name: make() for name, make in parts if random.random() < 0.55}


def _source(random: Random, *, identified: bool) -> dict[str, list[str]]:
    if not identified:
        return _fields(random, _ADDRESSES)
    who = random.choice((_IDENTITIES, _IDENTITIES, _ACCOUNTS))
    return _fields(random, {**who, **_TOKENS, **_ADDRESSES})


def _fields(random: Random, known: _Fields) -> dict[str, list[str]]:
    names = random.sample(sorted(known), min(len(known), random.choice((1, 1, 2))))
    return {_maybe_not(random, name): random.sample(known[name], random.choice((1, 2))) for name in names}


def _maybe_not(random: Random, name: str) -> str:
    return f"not{name[0].upper()}{name[1:]}" if random.random() < 0.25 else name


def _condition(random: Random, *, identified: bool) -> dict[str, object]:
    more = {**_CONDITIONS_OF_IDENTITIES, **_CONDITIONS_OF_TOKENS} if identified else {}
    known = {**_CONDITIONS, **more}
    key = random.choice(sorted(known))
    lists = random.choice((("values",), ("values",), ("notValues",), ("values", "notValues")))
    return {"key": key, **{name: random.sample(known[key], 1) for name in lists}}


def _asked(random: Random) -> Asked:
    """On the port that nobody declares, proxies read requests only if there is a rule that needs it. Whether they do is
    to be seen by nothing but whom they take for the client."""
    port = random.choice((HTTP, OTHER_HTTP, TCP, SNIFFED, UNDECLARED))
    headers = {"x-role": random.choice(ROLES)} if random.random() < 0.6 else {}
    if port != UNDECLARED and random.random() < 0.3:
        headers["x-forwarded-for"] = random.choice(REMOTES)
    principal = random.choice((*PRINCIPALS, "")) if random.random() < 0.9 else ""
    return Asked(
        port=port,
        raw=port in (SNIFFED, UNDECLARED) and random.random() < 0.3,
        principal=principal,
        source=random.choice(SOURCES),
        method=random.choice(METHODS),
        host=random.choice(HOSTS),
        path=random.choice(PATHS),
        headers=headers,
        claims=random.choice((*CLAIMS, None)),
        server_name=random.choice(SERVER_NAMES) if principal else "",
        refused_by_provider=random.random() < 0.5,
    )
