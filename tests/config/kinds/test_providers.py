"""Providers of the mesh, and those that are used by default."""

from __future__ import annotations

from textwrap import dedent

import pytest

from xds.config.kinds.mesh_config import parse_mesh_config
from xds.model.providers import (
    BUILT_IN,
    FileAccessLog,
    HttpAccessLogService,
    LogFormat,
    OpenTelemetryAccessLog,
    ProviderService,
)
from xds.model.settings import MeshSettings


def read(text: str) -> tuple[MeshSettings, list[tuple[str, str, str]]]:
    settings, found = parse_mesh_config(dedent(text), "mesh.yaml")
    return settings, [(each.severity.value, each.path, each.code) for each in found]


def test_reads_providers_of_logs() -> None:
    settings, found = read("""\
        extensionProviders:
        - name: file
          envoyFileAccessLog: {path: /logs, logFormat: {labels: {}}}
        - name: http
          envoyHttpAls: {service: logs/als.example.com, port: 4000}
        - name: otel
          envoyOtelAls: {service: otel.example.com, port: 4317, logFormat: {text: "%PROTOCOL%"}}
        defaultProviders: {accessLogging: [otel, file, otel]}
        """)
    assert not found
    file = FileAccessLog("/logs", LogFormat(labels="{}"))
    http = HttpAccessLogService(
        ProviderService("als.example.com", 4000, "logs", "extensionProviders[1].envoyHttpAls.service")
    )
    otel = OpenTelemetryAccessLog(
        ProviderService("otel.example.com", 4317, "", "extensionProviders[2].envoyOtelAls.service"),
        format=LogFormat("%PROTOCOL%"),
    )
    assert [each.access_log for each in settings.providers[:3]] == [file, http, otel]
    assert settings.providers[3:] == BUILT_IN
    assert settings.access_logs == (otel, file)


def test_istios_own_providers_can_be_named_and_replaced() -> None:
    settings, _ = read("defaultProviders: {accessLogging: [envoy], metrics: [prometheus]}")
    assert settings.access_logs == (FileAccessLog("/dev/stdout"),)
    settings, _ = read("""\
        extensionProviders: [{name: envoy, envoyFileAccessLog: {path: /logs}}]
        defaultProviders: {accessLogging: [envoy]}
        """)
    assert settings.access_logs == (FileAccessLog("/logs"),)
    assert [each.name for each in settings.providers] == ["envoy", "prometheus", "stackdriver"]


@pytest.mark.parametrize(
    ("text", "path", "code"),
    [
        (
            "extensionProviders: [{name: a, prometheus: {}}, {name: a, prometheus: {}}]",
            "extensionProviders[1].name",
            "duplicate",
        ),
        ("extensionProviders: [{name: a}]", "extensionProviders[0]", "missing-field"),
        ("extensionProviders: [{name: a, smoke: {}}]", "extensionProviders[0].smoke", "unknown-field"),
        (
            "extensionProviders: [{name: a, envoyTcpAls: {service: '*.a', port: 1}}]",
            "extensionProviders[0].envoyTcpAls.service",
            "invalid-value",
        ),
        (
            "extensionProviders: [{name: a, envoyTcpAls: {service: A/b, port: 1}}]",
            "extensionProviders[0].envoyTcpAls.service",
            "invalid-value",
        ),
        ("defaultProviders: {accessLogging: [nobody]}", "defaultProviders.accessLogging[0]", "invalid-value"),
        ("defaultProviders: {tracing: [envoy]}", "defaultProviders.tracing[0]", "invalid-value"),
    ],
)
def test_what_cannot_be_meant_is_an_error(text: str, path: str, code: str) -> None:
    settings, found = read(text)
    assert settings == MeshSettings()
    assert ("error", path, code) in found
