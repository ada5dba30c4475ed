"""Hypothesis strategies for cases.

Two kinds: VirtualServices as users write them, and tables of routes as Envoy takes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from hypothesis import strategies as st

from e2e.agreement.examples import examples
from e2e.agreement.tables import tables
from e2e.agreement.values import (
    AUTHORITIES,
    HEADERS,
    HOSTS,
    MESH_HOSTS,
    METHODS,
    PATHS,
    PATTERNS,
    QUERIES,
    VALUE_PATTERNS,
    VALUES,
)
from e2e.agreement.world import SERVICES, SUBSETS, Case, Document, Kind, Sent

REQUESTS_PER_CASE = 5

Json: TypeAlias = Mapping[str, object]
Strategy: TypeAlias = st.SearchStrategy[Json]


def _one(*values: str) -> st.SearchStrategy[str]:
    return st.sampled_from(values)


def _optional(**fields: st.SearchStrategy[object]) -> Strategy:
    """An object with any of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


def _string_match(literals: tuple[str, ...], patterns: tuple[str, ...]) -> Strategy:
    filled = tuple(filter(None, literals))
    return st.one_of(
        st.fixed_dictionaries({"exact": _one(*filled)}),
        st.fixed_dictionaries({"prefix": _one(*filled)}),
        st.fixed_dictionaries({"regex": _one(*patterns)}),
    )


VALUE_MATCH = _string_match(VALUES, VALUE_PATTERNS)
NO_CONDITION: Strategy = st.fixed_dictionaries({})
MAYBE_PRESENT = st.one_of(VALUE_MATCH, NO_CONDITION)
URI_MATCH = _string_match(PATHS[:30], PATTERNS)
MATCH = _optional(
    uri=URI_MATCH,
    ignoreUriCase=st.booleans(),
    headers=st.dictionaries(_one(*HEADERS), MAYBE_PRESENT, min_size=1, max_size=2),
    withoutHeaders=st.dictionaries(_one(*HEADERS), MAYBE_PRESENT, min_size=1, max_size=1),
    queryParams=st.dictionaries(_one("x", "y", "X"), MAYBE_PRESENT, min_size=1, max_size=2),
    method=_string_match(METHODS, (r"GET|POST", r"P.*")),
    authority=_string_match(AUTHORITIES[:8], (r"a\..*", r".*:80")),
    scheme=_string_match(("http", "https"), (r"https?",)),
)
URI_ONLY = st.fixed_dictionaries({"uri": URI_MATCH})
DESTINATION = st.one_of(
    st.builds(
        lambda host, subset: {"host": f"{host}.default.svc.cluster.local", "subset": subset},
        _one(*SERVICES),
        _one(*SUBSETS),
    ),
    st.fixed_dictionaries({"host": _one("shop.default.svc.cluster.local", "nobody.example.com")}),
)
OPERATIONS = _optional(
    set=st.dictionaries(_one("x-a", "x-new"), _one("set"), min_size=1, max_size=2),
    add=st.dictionaries(_one("x-a", "x-b"), _one("added"), min_size=1, max_size=2),
    remove=st.lists(_one("x-b", "x-c"), min_size=1, max_size=2, unique=True),
)
WEIGHTED = st.lists(
    st.fixed_dictionaries(
        {"destination": DESTINATION, "weight": st.sampled_from((0, 1, 50))},
        optional={"headers": st.fixed_dictionaries({"request": OPERATIONS})},
    ),
    min_size=2,
    max_size=3,
).filter(lambda targets: any(target["weight"] for target in targets))
TARGETS = st.one_of(st.lists(st.fixed_dictionaries({"destination": DESTINATION}), min_size=1, max_size=1), WEIGHTED)
REWRITE = st.one_of(
    st.fixed_dictionaries({"uri": _one("/", "/new", "/new/")}),
    st.fixed_dictionaries({"authority": _one("rewritten.example.com")}),
    st.fixed_dictionaries({"uri": _one("/", "/new"), "authority": _one("rewritten.example.com")}),
    st.fixed_dictionaries(
        {
            "uriRegexRewrite": st.builds(
                lambda match, rewrite: {"match": match, "rewrite": rewrite},
                _one(r"^/([^/]+)/(.*)$", r"^/([^/]*)(.*)$", r"(a*)(b?)", r"(/?)(b|c)"),
                _one(r"/\2/\1", r"/x\0", r"\1-\2", "/y"),
            )
        }
    ),
)
REDIRECT = st.fixed_dictionaries(
    {"redirectCode": st.sampled_from((301, 302, 303, 307, 308))},
    optional={
        "authority": _one("elsewhere.example.com", "elsewhere.example.com:9"),
        "scheme": _one("http", "https"),
    },
).flatmap(
    lambda base: st.one_of(
        st.fixed_dictionaries({"uri": _one("/there", "/there?z=1")}),
        st.fixed_dictionaries({"prefixRewrite": _one("/", "/there")}),
        st.fixed_dictionaries({"port": st.sampled_from((80, 443, 8443)), "scheme": _one("http", "https")}),
        st.fixed_dictionaries({"derivePort": _one("FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT")}),
    ).map(lambda more: {**base, **more})
)
DIRECT = st.fixed_dictionaries({"status": st.sampled_from((200, 201, 301, 403, 503))})
PERCENTAGE = st.sampled_from((0, 100)).map(lambda value: {"value": value})
ABORT = st.one_of(
    st.fixed_dictionaries({"httpStatus": st.sampled_from((400, 418, 555)), "percentage": PERCENTAGE}),
    st.fixed_dictionaries(
        {"grpcStatus": _one("UNAVAILABLE", "NOT_FOUND", "UNAUTHENTICATED", "CANCELLED"), "percentage": PERCENTAGE}
    ),
)
CORS = st.fixed_dictionaries(
    {
        "allowOrigins": st.lists(_string_match(("http://a", "http://b", "*"), (r"http://.",)), min_size=1, max_size=2),
        "allowMethods": st.just(["PUT"]),
    }
)
ACTION = st.one_of(
    st.fixed_dictionaries({"route": TARGETS}, optional={"rewrite": REWRITE}),
    st.fixed_dictionaries({"route": TARGETS}),
    st.fixed_dictionaries({"redirect": REDIRECT}),
    st.fixed_dictionaries({"directResponse": DIRECT}),
)


@st.composite
def _rule(draw: st.DrawFn, number: int, *, last: bool) -> Json:
    """A rule that marks its responses with its number, so that they tell which one it was."""
    rule = dict(draw(ACTION))
    if not (last and draw(st.booleans())):
        rule["match"] = draw(st.lists(st.one_of(MATCH.filter(bool), URI_ONLY), min_size=1, max_size=2))
    if draw(st.integers(0, 5)) == 0:
        rule["fault"] = {"abort": draw(ABORT)}
    if draw(st.integers(0, 5)) == 0:
        rule["corsPolicy"] = draw(CORS)
    headers: dict[str, object] = {"response": {"set": {"x-rule": f"{number}"}}}
    if draw(st.booleans()):
        headers["request"] = draw(OPERATIONS)
    rule["headers"] = headers
    return rule


@st.composite
def _virtual_service(draw: st.DrawFn, kind: Kind, number: int) -> Json:
    hosts = draw(st.lists(_one(*(HOSTS if kind is Kind.GATEWAY else MESH_HOSTS)), min_size=1, max_size=2, unique=True))
    count = draw(st.integers(1, 5))
    rules = [draw(_rule(number * 10 + index, last=index == count - 1)) for index in range(count)]
    gateways = {"gateways": ["front"]} if kind is Kind.GATEWAY else {}
    return {"hosts": hosts, "http": rules, **gateways}


ORIGINS = st.sampled_from(
    (
        (("origin", "http://a"), ("access-control-request-method", "PUT")),
        (("origin", "http://c"), ("access-control-request-method", "PUT")),
        (("origin", "http://a"),),
        (("content-type", "application/grpc"),),
        (("x-forwarded-proto", "https"),),
        (("x-to", "one"),),
    )
)


@st.composite
def _request(draw: st.DrawFn) -> Sent:
    headers = tuple(draw(st.lists(st.tuples(_one(*HEADERS), _one(*VALUES)), max_size=4)))
    more = draw(ORIGINS) if draw(st.integers(0, 4)) == 0 else ()
    method = draw(st.one_of(st.just("GET"), _one(*METHODS)))
    path = draw(_one(*PATHS)) + draw(_one(*QUERIES))
    return Sent(method, draw(_one(*AUTHORITIES)), path, (*headers, *more))


@st.composite
def _case(draw: st.DrawFn) -> Case:
    kind = draw(st.sampled_from(Kind))
    requests = tuple(draw(st.lists(_request(), min_size=REQUESTS_PER_CASE, max_size=REQUESTS_PER_CASE)))
    if kind is Kind.TABLE:
        return Case(kind, requests, table=draw(tables()))
    count = draw(st.integers(1, 3))
    virtual_services: tuple[Document, ...] = tuple(draw(_virtual_service(kind, number)) for number in range(count))
    return Case(kind, requests, virtual_services)


def generated(count: int, seed: int) -> list[Case]:
    """So many cases, the same for the same seed."""
    return examples(_case(), count, seed)
