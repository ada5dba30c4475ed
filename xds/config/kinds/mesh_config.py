"""MeshConfig: the settings that hold for the whole mesh, from a file of their own (Istio ``MeshConfig``)."""

from __future__ import annotations

import json
from typing import Final

from xds.config.document import RawObject
from xds.config.kinds.client_tls import parse_client_tls
from xds.config.kinds.connection_pool import HONOURED_POOL
from xds.config.kinds.honoured import dotted, with_prefixes
from xds.config.kinds.locality import HONOURED_LOCALITY, HONOURED_ZONE_AWARE, parse_load_balancer_locality
from xds.config.kinds.mesh_tls import HONOURED_MESH_TLS, parse_mesh_tls
from xds.config.kinds.providers import HONOURED_PROVIDERS, default_access_logs, parse_providers
from xds.config.kinds.proxy_defaults import HONOURED_PROXY, parse_proxy_defaults
from xds.config.kinds.traffic_policy import HONOURED_OUTLIER, parse_default_traffic_policy
from xds.config.kinds.virtual_service_policy import parse_retries
from xds.config.reader import Reader
from xds.config.scalars import parse_dns_label
from xds.config.schema import find_schema, not_honoured, validate
from xds.config.yaml import parse_settings
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.gateways import OutboundTrafficMode
from xds.model.identity import check_trust_domain
from xds.model.policy import ClientTLSSettings, TcpKeepalive, TLSMode
from xds.model.settings import AccessLogEncoding, InboundTrafficMode, MeshSettings, PathNormalization

KIND_NAME: Final = "MeshConfig"

_HONOURED_OUTBOUND_TLS: Final = (
    "mode sni subjectAltNames caCertificates caCrl clientCertificate privateKey insecureSkipVerify"
)

HONOURED: Final = (
    frozenset(
        {
            *[
                "rootNamespace",
                "trustDomain",
                "trustDomainAliases",
                "enableAutoMtls",
                "outboundTrafficPolicy.mode",
                "proxyHttpPort",
                "proxyListenPort",
            ],
            "disableEnvoyListenerLog",
            *["inboundTrafficPolicy.mode", "inboundClusterStatName", "outboundClusterStatName"],
            *[
                "proxyInboundListenPort",
                "accessLogFile",
                "accessLogFormat",
                "accessLogEncoding",
                "pathNormalization.normalization",
            ],
            *["protocolDetectionTimeout", "connectTimeout", "h2UpgradePolicy", "dnsRefreshRate"],
            *["defaultServiceExportTo", "defaultVirtualServiceExportTo", "defaultDestinationRuleExportTo"],
        }
    )
    | with_prefixes(
        {
            "tcpKeepalive": "probes time interval",
            "tlsDefaults": HONOURED_MESH_TLS,
            **HONOURED_PROVIDERS,
            "defaultProviders": "accessLogging",
            "outboundTrafficPolicy.tls": _HONOURED_OUTBOUND_TLS,
            "zoneAwareLbSetting": HONOURED_ZONE_AWARE,
            "defaultTrafficPolicy.connectionPool": HONOURED_POOL,
            "defaultTrafficPolicy.outlierDetection": HONOURED_OUTLIER,
            **{f"defaultConfig.{part}".rstrip("."): fields for part, fields in HONOURED_PROXY.items()},
            "meshMTLS": HONOURED_MESH_TLS,
            "defaultHttpRetryPolicy": "attempts retryOn retryRemoteLocalities retryIgnorePreviousHosts backoff",
            "defaultInboundHttpRetryPolicy": "attempts retryOn backoff",
        }
    )
    | dotted("localityLbSetting", HONOURED_LOCALITY)
)

_DEFAULTS: Final = MeshSettings()


def parse_mesh_config(text: str, file: str) -> tuple[MeshSettings, tuple[Diagnostic, ...]]:
    """The settings in a MeshConfig, or in a ConfigMap that has one under ``data.mesh``, as Istio's does.

    file: the name that diagnostics carry. With any error among them, the settings are Istio's defaults; a caller that
    had good settings before keeps those.
    """
    raw, problems = read_mesh_config(text, file)
    if raw is None:
        return _DEFAULTS, problems
    found = _check(raw)
    settings = _DEFAULTS if _failed(found) else _settings(Reader(raw, problems=found))
    return (_DEFAULTS if _failed(found) else settings), (*problems, *found)


def read_mesh_config(text: str, file: str) -> tuple[RawObject | None, tuple[Diagnostic, ...]]:
    """The document of a MeshConfig, be it bare or in a ConfigMap, before anything in it is judged; None with errors."""
    raw, problems = parse_settings(text, file, KIND_NAME)
    if raw is None or raw.document.get("kind") != "ConfigMap":
        return raw, problems
    data = raw.document.get("data")
    mesh = data.get("mesh") if isinstance(data, dict) else None
    if not isinstance(mesh, str):
        reason = "a ConfigMap must have the MeshConfig as text here"
        origin = raw.origin_of(("data", "mesh"))
        return None, (Diagnostic(Severity.ERROR, origin, reason, raw.key, "data.mesh", "missing-field"),)
    # The text starts on the line below its field: empty lines before it make its line numbers those of the file.
    return parse_settings("\n" * raw.line_of(("data", "mesh")) + mesh, file, KIND_NAME)


def _check(raw: RawObject) -> list[Diagnostic]:
    schema = find_schema(KIND_NAME, "")
    if schema is None:
        raise LookupError("the package has no schema for MeshConfig")
    return validate(raw, schema) + not_honoured(raw, schema, HONOURED)


def _failed(found: list[Diagnostic]) -> bool:
    return any(each.severity is Severity.ERROR for each in found)


def _settings(reader: Reader) -> MeshSettings:
    outbound = reader.section("outboundTrafficPolicy")
    providers = parse_providers(reader)
    return MeshSettings(
        providers=providers,
        access_logs=default_access_logs(reader, providers),
        tls=parse_mesh_tls(reader.section("tlsDefaults")),
        listener_log=not reader.flag("disableEnvoyListenerLog"),
        root_namespace=reader.parsed("rootNamespace", parse_dns_label, _DEFAULTS.root_namespace),
        trust_domain=reader.text("trustDomain") or _DEFAULTS.trust_domain,
        trust_domain_aliases=tuple(dict.fromkeys(reader.parsed_strings("trustDomainAliases", _trust_domain))),
        outbound_traffic_policy=OutboundTrafficMode(outbound.text("mode", _DEFAULTS.outbound_traffic_policy.value)),
        outbound_tls=_outbound_tls(outbound),
        inbound_traffic_policy=InboundTrafficMode(reader.section("inboundTrafficPolicy").text("mode", "PASSTHROUGH")),
        outbound_stat_name=reader.text("outboundClusterStatName"),
        inbound_stat_name=reader.text("inboundClusterStatName"),
        traffic_policy=parse_default_traffic_policy(reader),
        proxy_http_port=reader.integer("proxyHttpPort"),
        listen_port=reader.integer("proxyListenPort") or _DEFAULTS.listen_port,
        inbound_listen_port=reader.integer("proxyInboundListenPort") or _DEFAULTS.inbound_listen_port,
        access_log_file=reader.text("accessLogFile"),
        locality=parse_load_balancer_locality(reader) or _DEFAULTS.locality,
        access_log_format=_access_log_format(reader),
        access_log_encoding=AccessLogEncoding(reader.text("accessLogEncoding", "TEXT")),
        path_normalization=PathNormalization(reader.section("pathNormalization").text("normalization", "DEFAULT")),
        protocol_detection_timeout=reader.duration("protocolDetectionTimeout", _DEFAULTS.protocol_detection_timeout),
        connect_timeout=reader.duration("connectTimeout", _DEFAULTS.connect_timeout),
        tcp_keepalive=_tcp_keepalive(reader),
        h2_upgrade=reader.text("h2UpgradePolicy") == "UPGRADE",
        dns_refresh_rate=reader.duration("dnsRefreshRate", _DEFAULTS.dns_refresh_rate),
        retries=parse_retries(reader, "defaultHttpRetryPolicy"),
        inbound_retries=parse_retries(reader, "defaultInboundHttpRetryPolicy"),
        proxy=parse_proxy_defaults(reader.section("defaultConfig")),
        auto_mtls=reader.flag("enableAutoMtls", True),
        mesh_mtls=parse_mesh_tls(reader.section("meshMTLS")),
        service_export_to=_export_to(reader, "defaultServiceExportTo"),
        virtual_service_export_to=_export_to(reader, "defaultVirtualServiceExportTo"),
        destination_rule_export_to=_export_to(reader, "defaultDestinationRuleExportTo"),
    )


def _outbound_tls(policy: Reader) -> ClientTLSSettings | None:
    if policy.has("tls") and policy.text("mode") != OutboundTrafficMode.ALLOW_ANY_DYNAMIC_DNS.value:
        policy.warning("tls", "counts only where mode is ALLOW_ANY_DYNAMIC_DNS", "no-effect")
    tls = parse_client_tls(policy)
    if tls is not None and tls.mode is TLSMode.ISTIO_MUTUAL:
        policy.warning(("tls", "mode"), "ISTIO_MUTUAL has no effect on hosts outside of the mesh", "no-effect")
    return tls


def _access_log_format(reader: Reader) -> str:
    """Text, or with the encoding JSON an object, whose strings are formats in their turn."""
    text = reader.text("accessLogFormat")
    if text and reader.text("accessLogEncoding") == AccessLogEncoding.JSON.value:
        try:
            is_object = isinstance(json.loads(text), dict)
        except ValueError:
            is_object = False
        if not is_object:
            reader.error("accessLogFormat", "must be a JSON object, as accessLogEncoding is JSON", "invalid-format")
    return text


def _tcp_keepalive(reader: Reader) -> TcpKeepalive | None:
    keepalive = reader.child("tcpKeepalive")
    if keepalive is None:
        return None
    probes, time, interval = (
        keepalive.integer("probes", None),
        keepalive.duration("time"),
        keepalive.duration("interval"),
    )
    return TcpKeepalive(probes, time, interval)


def _export_to(reader: Reader, name: str) -> tuple[str, ...]:
    """As it is written: ``.`` is the namespace of each object."""
    return tuple(dict.fromkeys(reader.parsed_strings(name, _visibility))) or ("*",)


def _trust_domain(text: str) -> str:
    check_trust_domain(text)
    return text


def _visibility(text: str) -> str:
    return text if text in ("*", ".", "~") else parse_dns_label(text)
