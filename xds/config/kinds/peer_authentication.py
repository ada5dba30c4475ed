"""PeerAuthentication: which connections workloads accept (Istio ``PeerAuthentication``)."""

from __future__ import annotations

from xds.config.document import RawObject
from xds.config.kinds.kind import ISTIO_SECURITY, ISTIO_SECURITY_VERSIONS, Context, Kind
from xds.config.kinds.result import result
from xds.config.reader import Reader
from xds.model.diagnostic import Diagnostic
from xds.model.peer_authentication import MutualTLSMode, PeerAuthentication

HONOURED = frozenset({"spec.selector.matchLabels", "spec.mtls.mode", "spec.portLevelMtls.*.mode"})


def parse(raw: RawObject, context: Context) -> tuple[PeerAuthentication | None, tuple[Diagnostic, ...]]:
    """The PeerAuthentication of a document; see :class:`~xds.config.kinds.kind.Kind`."""
    root = Reader(raw)
    spec = root.section("spec")
    selector = spec.section("selector").labels("matchLabels")
    if spec.has("portLevelMtls") and not selector:
        spec.error("portLevelMtls", "needs a selector: ports are those of chosen workloads", "missing-field")
    if selector and raw.namespace == context.root_namespace:
        spec.warning(
            "selector",
            f"without effect in {raw.namespace}, whose policies are for the whole mesh: say it in "
            "the namespace of the workloads",
            "no-effect",
        )
    levels = {int(port): _mode(level) for port, level in spec.entries("portLevelMtls")}
    return result(root, PeerAuthentication(raw.meta, _mode(spec.section("mtls")), selector, levels))


def _mode(mtls: Reader) -> MutualTLSMode:
    return MutualTLSMode(mtls.text("mode", "UNSET"))


KIND = Kind(
    name="PeerAuthentication",
    group=ISTIO_SECURITY,
    versions=ISTIO_SECURITY_VERSIONS,
    honoured=HONOURED,
    parse=parse,
)
