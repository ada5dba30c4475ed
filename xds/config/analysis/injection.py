"""Pods that should have a proxy and have none, or that nothing of a Sidecar applies to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from xds.config.analysis.subject import Subject
from xds.config.document import RawObject
from xds.config.kinds.kind import ISTIO_NETWORKING
from xds.config.reader import Reader
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.labels import EMPTY_LABELS, Labels

PROXY: Final = "istio-proxy"
"""The name of the container that injection adds."""

_INJECT: Final = "sidecar.istio.io/inject"
_INJECTION: Final = "istio-injection"
_REVISION: Final = "istio.io/rev"
_MODE: Final = "istio.io/dataplane-mode"
_PROXY_USER: Final = 1337


def analyse(subject: Subject) -> Iterator[Diagnostic]:
    """Pods without a proxy (IST0103), Namespaces labelled twice (IST0123), the proxy's user (IST0144), and Sidecars
    for workloads of the ambient mode (IST0167)."""
    for namespace in subject.documents("Namespace"):
        if {_INJECTION, _REVISION} <= namespace.meta.labels.keys():
            path, reason = ("metadata", "labels"), f"{_INJECTION} and {_REVISION} both ask for injection"
            yield subject.finding(namespace.key, path, Severity.WARNING, reason, "two-injection-labels")
    for pod in subject.readers("Pod"):
        yield from _of_pod(subject, pod)
    for sidecar in subject.readers("Sidecar", ISTIO_NETWORKING):
        yield from _of_sidecar(subject, sidecar)


def _of_pod(subject: Subject, pod: Reader) -> Iterator[Diagnostic]:
    spec, raw = pod.section("spec"), pod.raw
    if _asks_for_proxy(subject, raw) and PROXY not in _container_names(spec):
        reason = f"namespace {raw.namespace} asks for injection, but there is no container {PROXY}"
        yield subject.finding(raw.key, ("spec", "containers"), Severity.WARNING, reason, "no-proxy")
    for container in spec.items("containers"):
        user = container.section("securityContext").raw_value("runAsUser")
        if user == _PROXY_USER and container.text("name") != PROXY:
            reason = f"user {_PROXY_USER} is the proxy's: what runs as it is not captured"
            path = (*container.path, "securityContext", "runAsUser")
            yield subject.finding(raw.key, path, Severity.WARNING, reason, "proxy-user")


def _asks_for_proxy(subject: Subject, pod: RawObject) -> bool:
    own = pod.meta.labels.get(_INJECT) or pod.meta.annotations.get(_INJECT)
    if own is not None:
        return own == "true"
    labels = subject.namespaces.get(pod.namespace, EMPTY_LABELS)
    return labels.get(_INJECTION) == "enabled" or (_REVISION in labels and _INJECTION not in labels)


def _container_names(spec: Reader) -> set[str]:
    """Of all containers: a proxy can be an init container that goes on running."""
    containers = (container for field in ("containers", "initContainers") for container in _items(spec, field))
    return {str(container.get("name")) for container in containers}


def _items(spec: Reader, field: str) -> Iterator[dict[str, object]]:
    value = spec.raw_value(field)
    yield from (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def _of_sidecar(subject: Subject, sidecar: Reader) -> Iterator[Diagnostic]:
    raw = sidecar.raw
    wanted = sidecar.section("spec").section("workloadSelector").labels("labels")
    if not wanted and _is_ambient(subject.namespaces.get(raw.namespace, EMPTY_LABELS)):
        reason = f"namespace {raw.namespace} is in ambient mode, where Sidecars have no effect"
        yield subject.finding(raw.key, ("spec",), Severity.WARNING, reason, "ineffective-policy")
    picked = [each for each in subject.selectable_in(raw.namespace) if wanted and wanted.selects(each.labels)]
    if picked and all(_is_ambient(each.labels) for each in picked):
        reason = "what it selects is in ambient mode, where Sidecars have no effect"
        yield subject.finding(raw.key, ("spec", "workloadSelector"), Severity.WARNING, reason, "ineffective-policy")


def _is_ambient(labels: Labels) -> bool:
    return labels.get(_MODE) == "ambient"
