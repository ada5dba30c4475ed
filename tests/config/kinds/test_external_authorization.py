"""Providers that decide on requests."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from xds.config.kinds.mesh_config import parse_mesh_config
from xds.model.labels import Labels
from xds.model.providers import CheckedBody, ExternalAuthorization, HttpCheck, ProviderService

WHERE = {"service": "authz.example.com", "port": 9000}


def read(kind: str, **config: object) -> tuple[ExternalAuthorization | None, list[tuple[str, str, str]]]:
    """One provider of this kind; the findings without what precedes its own fields."""
    document = {"extensionProviders": [{"name": "authz", kind: {**WHERE, **config}}]}
    settings, found = parse_mesh_config(json.dumps(document), "mesh.yaml")
    prefix = f"extensionProviders[0].{kind}."
    return settings.providers[0].authorization, [
        (each.severity.value, each.path.removeprefix(prefix), each.code) for each in found
    ]


def service(kind: str, namespace: str = "") -> ProviderService:
    return ProviderService("authz.example.com", 9000, namespace, f"extensionProviders[0].{kind}.service")


def test_defaults_are_istios() -> None:
    provider, found = read("envoyExtAuthzGrpc")
    assert not found
    assert provider == ExternalAuthorization(service("envoyExtAuthzGrpc"))
    assert (provider.timeout, provider.fail_open, provider.status_on_error) == (timedelta(seconds=600), False, 403)
    assert read("envoyExtAuthzHttp")[0] == ExternalAuthorization(service("envoyExtAuthzHttp"), HttpCheck())


def test_reads_all_of_grpc() -> None:
    provider, found = read(
        "envoyExtAuthzGrpc",
        service="policy/authz.example.com",
        timeout="2s",
        failOpen=True,
        statusOnError="503",
        clearRouteCache=True,
        includeRequestBodyInCheck={"maxRequestBytes": 10, "allowPartialMessage": True, "packAsBytes": True},
    )
    assert not found
    assert provider == ExternalAuthorization(
        service("envoyExtAuthzGrpc", "policy"), None, timedelta(seconds=2), True, 503, True, CheckedBody(10, True, True)
    )


def test_reads_all_of_http() -> None:
    provider, found = read(
        "envoyExtAuthzHttp",
        pathPrefix="/check",
        includeRequestHeadersInCheck=["X-One", "x-two-*", "*-three"],
        includeAdditionalHeadersInCheck={"X-Zone": "%PROTOCOL% %START_TIME(%s)% 100%%"},
        headersToUpstreamOnAllow=["a"],
        headersToDownstreamOnAllow=["b"],
        headersToDownstreamOnDeny=["c"],
    )
    assert not found
    assert provider is not None
    assert provider.http == HttpCheck(
        path_prefix="/check",
        request_headers=("x-one", "x-two-*", "*-three"),
        additional_headers=Labels({"x-zone": "%PROTOCOL% %START_TIME(%s)% 100%%"}),
        to_upstream=("a",),
        to_client_on_allow=("b",),
        to_client_on_deny=("c",),
    )


def test_the_old_name_of_a_list_counts_alone() -> None:
    alone, found = read("envoyExtAuthzHttp", includeHeadersInCheck=["x-old"])
    assert not found
    assert alone is not None
    assert alone.http == HttpCheck(request_headers=("x-old",))
    beside, found = read("envoyExtAuthzHttp", includeHeadersInCheck=["x-old"], includeRequestHeadersInCheck=["x-new"])
    assert found == [("warning", "includeHeadersInCheck", "no-effect")]
    assert beside is not None
    assert beside.http == HttpCheck(request_headers=("x-new",))


def test_a_field_that_is_for_grpc_is_named() -> None:
    _, found = read("envoyExtAuthzHttp", includeRequestBodyInCheck={"maxRequestBytes": 1, "packAsBytes": True})
    assert found == [("warning", "includeRequestBodyInCheck.packAsBytes", "not-honoured")]


@pytest.mark.parametrize(
    ("config", "path", "code"),
    [
        ({"statusOnError": "403 "}, "statusOnError", "invalid-value"),
        ({"statusOnError": "299"}, "statusOnError", "invalid-value"),
        ({"statusOnError": "40300"}, "statusOnError", "invalid-value"),
        ({"timeout": "0s"}, "timeout", "out-of-range"),
        ({"pathPrefix": "check"}, "pathPrefix", "invalid-value"),
        ({"pathPrefix": "/check?a"}, "pathPrefix", "invalid-value"),
        ({"includeRequestBodyInCheck": {}}, "includeRequestBodyInCheck.maxRequestBytes", "invalid-value"),
        ({"includeRequestHeadersInCheck": ["a", "*"]}, "includeRequestHeadersInCheck[1]", "invalid-value"),
        ({"headersToUpstreamOnAllow": ["x-*-y*"]}, "headersToUpstreamOnAllow[0]", "invalid-value"),
        ({"headersToDownstreamOnDeny": ["x y"]}, "headersToDownstreamOnDeny[0]", "invalid-format"),
        ({"includeAdditionalHeadersInCheck": {"x": "a\nb"}}, "includeAdditionalHeadersInCheck.x", "invalid-format"),
        ({"includeAdditionalHeadersInCheck": {"x": "100%"}}, "includeAdditionalHeadersInCheck.x", "invalid-format"),
        ({"includeAdditionalHeadersInCheck": {":p": "1"}}, "includeAdditionalHeadersInCheck.:p", "invalid-format"),
    ],
)
def test_what_cannot_be_meant_is_an_error(config: dict[str, object], path: str, code: str) -> None:
    provider, found = read("envoyExtAuthzHttp", **config)
    assert provider is None
    assert ("error", path, code) in found
