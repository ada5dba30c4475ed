"""ProxyConfig: what the proxies of some workloads are given when they start (Istio ``ProxyConfig``)."""

from __future__ import annotations

from xds.config.document import RawObject
from xds.config.kinds.kind import ISTIO_NETWORKING, Context, Kind
from xds.config.kinds.proxy_defaults import parse_proxy_metadata
from xds.config.kinds.result import result
from xds.config.reader import Reader
from xds.model.diagnostic import Diagnostic
from xds.model.proxy_config import ProxyConfig

HONOURED = frozenset({"spec.selector.matchLabels", "spec.environmentVariables"})


def parse(raw: RawObject, context: Context) -> tuple[ProxyConfig | None, tuple[Diagnostic, ...]]:
    """The ProxyConfig of a document; see :class:`~xds.config.kinds.kind.Kind`."""
    root = Reader(raw)
    spec = root.section("spec")
    selector = spec.section("selector").labels("matchLabels") or None
    return result(root, ProxyConfig(raw.meta, selector, parse_proxy_metadata(spec, "environmentVariables")))


KIND = Kind(
    name="ProxyConfig",
    group=ISTIO_NETWORKING,
    versions=("v1beta1",),
    honoured=HONOURED,
    parse=parse,
)
