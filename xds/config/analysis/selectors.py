"""Objects that are meant for chosen workloads, and choose none, or choose what does not obey them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from xds.config.analysis.subject import Subject
from xds.config.document import RawObject
from xds.config.kinds.kind import ISTIO_NETWORKING
from xds.config.reader import Reader
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.labels import Labels

GATEWAY_NAME: Final = "gateway.networking.k8s.io/gateway-name"
"""The label of the pods that run a Gateway of the Kubernetes Gateway API."""

_SECURITY: Final = "security.istio.io"
_EXTENSIONS: Final = "extensions.istio.io"


class _Selector(NamedTuple):
    """Where a kind has its selector. attachable: its objects can name a Gateway instead (``targetRefs``)."""

    kind: str
    group: str
    field: str
    labels: str
    attachable: bool = False


_SELECTORS: Final = (
    _Selector("AuthorizationPolicy", _SECURITY, "selector", "matchLabels", attachable=True),
    _Selector("DestinationRule", ISTIO_NETWORKING, "workloadSelector", "matchLabels"),
    _Selector("EnvoyFilter", ISTIO_NETWORKING, "workloadSelector", "labels"),
    _Selector("PeerAuthentication", _SECURITY, "selector", "matchLabels"),
    _Selector("ProxyConfig", ISTIO_NETWORKING, "selector", "matchLabels"),
    _Selector("RequestAuthentication", _SECURITY, "selector", "matchLabels", attachable=True),
    _Selector("Sidecar", ISTIO_NETWORKING, "workloadSelector", "labels"),
    _Selector("Telemetry", "telemetry.istio.io", "selector", "matchLabels", attachable=True),
    _Selector("TrafficExtension", _EXTENSIONS, "selector", "matchLabels", attachable=True),
    _Selector("WasmPlugin", _EXTENSIONS, "selector", "matchLabels", attachable=True),
)


def analyse(subject: Subject) -> Iterator[Diagnostic]:
    """Selectors without a workload (IST0127), and selectors that Kubernetes Gateways do not obey (IST0166)."""
    for selector in _SELECTORS:
        for reader in subject.readers(selector.kind, selector.group):
            yield from _of_object(subject, selector, reader.section("spec"))


def labels_of(spec: Reader, field: str = "selector", labels: str = "matchLabels") -> Labels:
    """The labels that an object selects by; empty if it selects all."""
    return spec.section(field).labels(labels)


def _of_object(subject: Subject, selector: _Selector, spec: Reader) -> Iterator[Diagnostic]:
    wanted = labels_of(spec, selector.field, selector.labels)
    if not wanted:
        return
    raw, path = spec.raw, ("spec", selector.field)
    picked = [each for each in subject.selectable_in(raw.namespace) if wanted.selects(each.labels)]
    if not picked:
        reason = f"no Pod, WorkloadEntry or connected proxy {_of_scope(subject, raw)}has the labels {_written(wanted)}"
        yield subject.finding(raw.key, path, Severity.WARNING, reason, "nothing-selected")
    attached = spec.has("targetRef") or spec.has("targetRefs")
    gateways = sorted({each.labels[GATEWAY_NAME] for each in picked if GATEWAY_NAME in each.labels})
    if selector.attachable and gateways and not attached:
        reason = f"the Kubernetes Gateway {', '.join(gateways)} obeys no selector"
        yield subject.finding(raw.key, path, Severity.WARNING, reason, "ineffective-selector")


def _of_scope(subject: Subject, raw: RawObject) -> str:
    return "" if raw.namespace == subject.root_namespace else f"of namespace {raw.namespace} "


def _written(labels: Labels) -> str:
    return ", ".join(f"{name}={value}" for name, value in labels.items())
