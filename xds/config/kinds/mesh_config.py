"""MeshConfig: the settings that hold for the whole mesh, from a file of their own (Istio ``MeshConfig``)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from xds.config.document import RawObject
from xds.config.reader import Reader
from xds.config.scalars import parse_dns_label
from xds.config.schema import find_schema, not_honoured, validate
from xds.config.yaml import parse_settings
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.gateways import OutboundTrafficMode
from xds.model.settings import MeshSettings

KIND_NAME: Final = "MeshConfig"

HONOURED: Final = frozenset(
    {"rootNamespace", "trustDomain", "outboundTrafficPolicy.mode", "proxyHttpPort", "accessLogFile", "connectTimeout"}
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
    policy = reader.section("outboundTrafficPolicy")
    return MeshSettings(
        root_namespace=reader.parsed("rootNamespace", parse_dns_label, _DEFAULTS.root_namespace),
        trust_domain=reader.text("trustDomain") or _DEFAULTS.trust_domain,
        outbound_traffic_policy=OutboundTrafficMode(policy.text("mode", _DEFAULTS.outbound_traffic_policy.value)),
        proxy_http_port=reader.integer("proxyHttpPort"),
        access_log_file=reader.text("accessLogFile"),
        connect_timeout=reader.duration("connectTimeout", timedelta(seconds=10)),
    )
