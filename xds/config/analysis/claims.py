"""Routes by the claims of a token, where nothing verifies tokens."""

from __future__ import annotations

from collections.abc import Iterator

from xds.config.analysis.selectors import labels_of
from xds.config.analysis.subject import Selectable, Subject
from xds.config.kinds.kind import ISTIO_NETWORKING
from xds.config.reader import Reader
from xds.model.claims import is_claim
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.gateways import Gateway
from xds.model.routing import MESH_GATEWAY


def analyse(subject: Subject) -> Iterator[Diagnostic]:
    """Claim-based routes at gateways without a RequestAuthentication (IST0149)."""
    routes = {virtual_service.meta.key: virtual_service for virtual_service in subject.mesh.virtual_services}
    gateways = {gateway.ref: gateway for gateway in subject.mesh.gateways}
    for reader in subject.readers("VirtualService", ISTIO_NETWORKING):
        virtual_service = routes.get(reader.raw.key)
        refs = virtual_service.gateways if virtual_service else ()
        bound = [gateways[ref] for ref in refs if ref != MESH_GATEWAY and ref in gateways]
        for place, claim in _claims(reader.section("spec")):
            for gateway in bound:
                if not _verifies_tokens(subject, gateway):
                    reason = f"{claim}: no RequestAuthentication is for the proxies of Gateway {gateway.ref}"
                    yield subject.finding(place.raw.key, place.path, Severity.ERROR, reason, "claims-without-tokens")


def _claims(spec: Reader) -> Iterator[tuple[Reader, str]]:
    matches = (match for rule in spec.items("http") for match in rule.items("match"))
    for match in matches:
        for name in (name for field in ("headers", "withoutHeaders") for name, _ in match.entries(field)):
            if is_claim(name):
                yield match, name


def _verifies_tokens(subject: Subject, gateway: Gateway) -> bool:
    """Whether some RequestAuthentication is for a proxy of the gateway; for its namespace, if none is known."""
    proxies = [each for each in subject.everything_selectable() if gateway.selector.selects(each.labels)]
    proxies = proxies or [Selectable(gateway.meta.namespace, gateway.selector, gateway.ref)]
    rules = subject.readers("RequestAuthentication", "security.istio.io")
    return any(_is_for(subject, rule, proxy) for rule in rules for proxy in proxies)


def _is_for(subject: Subject, rule: Reader, proxy: Selectable) -> bool:
    spec = rule.section("spec")
    attached = spec.has("targetRef") or spec.has("targetRefs")
    in_scope = rule.raw.namespace in (proxy.namespace, subject.root_namespace)
    return in_scope and bool(spec.items("jwtRules")) and (attached or labels_of(spec).selects(proxy.labels))
