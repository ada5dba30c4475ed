"""Documents that a schema allows, with values that are sometimes plausible and sometimes not."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta

from hypothesis import strategies as st

from xds.config.document import RawObject
from xds.config.kinds.kind import Kind
from xds.config.schema import find_schema
from xds.config.schema_leaves import Boolean, Bytes, Choice, Duration, Integer, Leaf, Node, Number, Text
from xds.config.schema_nodes import ListOf, MapOf, Message
from xds.model.objects import ObjectKey, ObjectMeta, Origin

_WORDS = (
    "",
    "*",
    ".",
    "~",
    "/",
    "mesh",
    "reviews",
    "a.example.com",
    "*.example.com",
    "ns/name",
    "./*",
    "~/*",
    "10.0.0.0/8",
    "::1",
    "127.0.0.1:80",
    "unix:///run/s",
    "HTTP",
    "tcp",
    "5xx,503",
    "UNAVAILABLE",
    "https",
    "a(b|c)+",
    "(?=a)",
    "[",
    "1s",
    "-1h",
)
_PLAUSIBLE: dict[str, tuple[object, ...]] = {
    "bind": ("", "127.0.0.2", "unix:///run/s"),
    "exportTo": (["."], ["*", "other"]),
    "gateways": (["front"], ["mesh", "ns/front"]),
    "host": ("reviews", "a.example.com"),
    "hosts": (["reviews"], ["./a.example.com", "*/*"]),
    "number": (80, 15008),
    "protocol": ("HTTP", "grpc", "TLS"),
    "redirectCode": (301, 308),
    "regex": ("*", "a+b"),
    "retryOn": ("5xx,503",),
    "route": ([{"destination": {"host": "reviews"}}],),
    "status": (200, 503),
    "subset": ("v1",),
    "weight": (0, 50),
}
_SCALES = (1, 100, 70_000, 2**31 - 1, 2**63 - 1)


def leaves(node: Leaf) -> st.SearchStrategy[object]:
    """Values of a leaf."""
    match node:
        case Choice():
            return st.sampled_from(list(node.values))
        case Integer():
            scale = st.sampled_from(_SCALES)
            return scale.flatmap(lambda high: st.integers(-high, high)).filter(lambda value: node.fault(value) is None)
        case Number():
            return (st.floats(-1, 200) | st.integers(-(2**63), 2**63)).filter(lambda value: node.fault(value) is None)
        case Duration():
            low = max(node.low, timedelta(seconds=-5)) // timedelta(milliseconds=1)
            return st.integers(low, low + 5000).map(lambda milliseconds: f"{milliseconds}ms")
        case Boolean():
            return st.booleans()
        case Bytes():
            return st.binary(max_size=4).map(lambda data: b64encode(data).decode())
        case Text():
            words = [word for word in _WORDS if node.fault(word) is None]
            return st.sampled_from(words) | st.text(max_size=5).filter(lambda text: node.fault(text) is None)
    raise AssertionError(node)


def values(node: Node) -> st.SearchStrategy[object]:
    """Values of any node, null among them where they may be absent."""
    match node:
        case ListOf():
            low, high = node.size
            return st.lists(
                values(node.item), min_size=int(low or 0), max_size=3 if high is None else min(3, int(high))
            )
        case MapOf():
            keys = leaves(node.key) if node.key else st.sampled_from(("", "a", "X-B", "uri", "@request.auth.claims[a]"))
            return st.dictionaries(keys.map(str), st.none() | values(node.value), max_size=2)
        case Message():
            return st.deferred(lambda: messages(node))
        case Leaf():
            return leaves(node)
    raise AssertionError(node)


@st.composite
def messages(draw: st.DrawFn, node: Message) -> dict[str, object]:
    """Mappings with some of a message's fields."""
    chosen = dict.fromkeys((*node.required, *draw(st.lists(st.sampled_from(list(node.fields)), max_size=4))))
    for group in node.one_of:
        for excluded in [name for name in group if name in chosen][1:]:
            del chosen[excluded]
    return {name: draw(_fields(name, node.fields[name], name in node.required)) for name in chosen}


def _fields(name: str, node: Node, is_required: bool) -> st.SearchStrategy[object]:
    anything = values(node) if is_required else st.none() | values(node)
    plausible = _PLAUSIBLE.get(name)
    if plausible is None:
        return anything
    return st.integers(0, 4).flatmap(lambda roll: st.sampled_from(plausible) if roll else anything)


def documents_of(kind: Kind[object]) -> st.SearchStrategy[RawObject]:
    """Objects of a kind whose spec its schema allows, mostly."""
    schema = find_schema(kind.name, kind.group)
    assert schema is not None
    spec = schema.root.fields["spec"]
    meta = ObjectMeta(ObjectKey(kind.name, "ns", "it"), Origin("f", 1), kind.group, kind.versions[0])
    api_version = f"{kind.group}/{kind.versions[0]}"
    head = {"apiVersion": api_version, "kind": kind.name, "metadata": {"name": "it"}}
    specs = st.none() | values(spec)
    return specs.map(lambda drawn: RawObject(api_version, kind.name, meta, {**head, "spec": drawn}, "0" * 16))
