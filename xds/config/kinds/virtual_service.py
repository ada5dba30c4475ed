"""VirtualService: which hosts it speaks for, where, and its rules (Istio ``VirtualService``)."""

from __future__ import annotations

from xds.config.document import RawObject
from xds.config.kinds.honoured import with_prefixes
from xds.config.kinds.kind import ISTIO_NETWORKING, ISTIO_NETWORKING_VERSIONS, Context, Kind
from xds.config.kinds.names import Scope, parse_export_to
from xds.config.kinds.result import has_errors, result
from xds.config.kinds.virtual_service_http import parse_http_routes
from xds.config.kinds.virtual_service_l4 import parse_tcp_routes, parse_tls_routes
from xds.config.kinds.virtual_service_remarks import remark
from xds.config.reader import Reader
from xds.model.diagnostic import Diagnostic
from xds.model.routing import MESH_GATEWAY, VirtualService

_STRING_MATCH = "exact prefix regex"
_HEADER_OPERATIONS = "set add remove"

HONOURED = with_prefixes(
    {
        "spec": "hosts gateways exportTo",
        "spec.http": "name timeout mirrorPercent mirror_percent delegate.name delegate.namespace",
        "spec.http.match": "name ignoreUriCase port sourceLabels sourceNamespace gateways statPrefix",
        "spec.http.match.uri": _STRING_MATCH,
        "spec.http.match.scheme": _STRING_MATCH,
        "spec.http.match.method": _STRING_MATCH,
        "spec.http.match.authority": _STRING_MATCH,
        "spec.http.match.headers.*": _STRING_MATCH,
        "spec.http.match.withoutHeaders.*": _STRING_MATCH,
        "spec.http.match.queryParams.*": _STRING_MATCH,
        "spec.http.route": "destination.host destination.subset destination.port.number weight",
        "spec.http.route.headers.request": _HEADER_OPERATIONS,
        "spec.http.route.headers.response": _HEADER_OPERATIONS,
        "spec.http.headers.request": _HEADER_OPERATIONS,
        "spec.http.headers.response": _HEADER_OPERATIONS,
        "spec.http.redirect": "uri prefixRewrite authority scheme port derivePort redirectCode",
        "spec.http.directResponse": "status body.string body.bytes",
        "spec.http.rewrite": "uri authority uriRegexRewrite.match uriRegexRewrite.rewrite",
        "spec.http.retries": "attempts perTryTimeout retryOn retryRemoteLocalities retryIgnorePreviousHosts backoff",
        "spec.http.fault.delay": "fixedDelay percentage.value percent",
        "spec.http.fault.abort": "httpStatus grpcStatus percentage.value",
        "spec.http.mirror": "host subset port.number",
        "spec.http.mirrorPercentage": "value",
        "spec.http.mirrors": "destination.host destination.subset destination.port.number percentage.value",
        "spec.http.corsPolicy": "allowOrigin allowMethods allowHeaders exposeHeaders maxAge allowCredentials"
        " unmatchedPreflights",
        "spec.http.corsPolicy.allowOrigins": _STRING_MATCH,
        "spec.tcp.match": "destinationSubnets sourceSubnet port sourceLabels sourceNamespace gateways",
        "spec.tcp.route": "destination.host destination.subset destination.port.number weight",
        "spec.tls.match": "sniHosts destinationSubnets port sourceLabels sourceNamespace gateways",
        "spec.tls.route": "destination.host destination.subset destination.port.number weight",
    }
)


def parse(raw: RawObject, context: Context) -> tuple[VirtualService | None, tuple[Diagnostic, ...]]:
    """The VirtualService of a document; see :class:`~xds.config.kinds.kind.Kind`."""
    root = Reader(raw)
    spec = root.section("spec")
    scope = Scope.of(raw, context)
    gateways = tuple(dict.fromkeys(spec.parsed_strings("gateways", scope.gateway))) or (MESH_GATEWAY,)
    hosts = _hosts(spec, scope, gateways)
    service = VirtualService(
        meta=raw.meta,
        hosts=hosts,
        gateways=gateways,
        http=parse_http_routes(spec, scope, gateways),
        tls=parse_tls_routes(spec, scope, gateways, hosts),
        tcp=parse_tcp_routes(spec, scope, gateways),
        export_to=parse_export_to(spec, scope, context.virtual_service_export_to),
    )
    if not spec.strings("hosts"):
        _check_delegate(spec)
    if not any(spec.items(rules) for rules in ("http", "tls", "tcp")):
        spec.error((), "one of http, tls, tcp is required", "missing-field")
    if not has_errors(root):
        remark(spec, service)
    return result(root, service)


def _hosts(spec: Reader, scope: Scope, gateways: tuple[str, ...]) -> tuple[str, ...]:
    """None for a delegate, which speaks for the hosts of those that name it."""
    hosts = spec.parsed_strings("hosts", scope.host_or_address)
    seen: set[str] = set()
    for index, host in enumerate(hosts):
        if host in seen:
            spec.error(("hosts", index), f"{host} is already listed", "duplicate")
        if host == "*" and MESH_GATEWAY in gateways:
            spec.error(("hosts", index), "'*' is only allowed on gateways, not for the mesh", "invalid-value")
        seen.add(host)
    return hosts


def _check_delegate(spec: Reader) -> None:
    """Of a VirtualService without hosts, other VirtualServices take the HTTP rules and nothing else."""
    for name in ("gateways", "tls", "tcp"):
        if spec.raw_value(name):
            spec.error(name, "cannot be given without hosts: a delegate has HTTP rules only", "conflicting-fields")
    for rule in spec.items("http"):
        if rule.has("delegate"):
            rule.error(
                "delegate", "a delegate cannot delegate in its turn: give this object hosts", "conflicting-fields"
            )


KIND = Kind(
    name="VirtualService",
    group=ISTIO_NETWORKING,
    versions=ISTIO_NETWORKING_VERSIONS,
    honoured=HONOURED,
    parse=parse,
)
