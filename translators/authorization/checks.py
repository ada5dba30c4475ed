"""Asking a provider of the mesh about a request or a connection (Envoy ``ExtAuthz``).

It is asked only where a policy for it has matched, which the role-based filter in front has noted.
"""

from __future__ import annotations

from envoy_data_plane.envoy.config.core.v3 import (
    ApiVersion,
    GrpcService,
    GrpcServiceEnvoyGrpc,
    HeaderValue,
    HttpUri,
)
from envoy_data_plane.envoy.extensions.filters.http.ext_authz.v3 import (
    AuthorizationRequest,
    AuthorizationResponse,
    BufferSettings,
    ExtAuthz,
    HttpService,
)
from envoy_data_plane.envoy.extensions.filters.network.ext_authz.v3 import ExtAuthz as NetworkExtAuthz
from envoy_data_plane.envoy.type.matcher.v3 import (
    ListStringMatcher,
    MetadataMatcher,
    MetadataMatcherPathSegment,
    StringMatcher,
    ValueMatcher,
)
from envoy_data_plane.envoy.type.v3 import HttpStatus, StatusCode

from translators.names import outbound_cluster
from xds.model.providers import ExternalAuthorization, HttpCheck


def http_check(provider: ExternalAuthorization, matched: MetadataMatcher) -> ExtAuthz:
    """For requests. matched: what says that the provider is to be asked."""
    check = ExtAuthz(
        transport_api_version=ApiVersion.V3,
        failure_mode_allow=provider.fail_open,
        status_on_error=HttpStatus(code=StatusCode(provider.status_on_error)),
        clear_route_cache=provider.clear_route_cache,
        with_request_body=_body(provider),
        filter_enabled_metadata=matched,
    )
    if provider.http is None:
        check.grpc_service = _grpc(provider)
    else:
        check.http_service = _http(provider, provider.http)
        check.allowed_headers = _names(provider.http.request_headers)
    return check


def network_check(provider: ExternalAuthorization, matched: MetadataMatcher) -> NetworkExtAuthz:
    """For connections, about which only a service that is asked over gRPC can be asked."""
    return NetworkExtAuthz(
        stat_prefix="tcp.",
        transport_api_version=ApiVersion.V3,
        failure_mode_allow=provider.fail_open,
        grpc_service=_grpc(provider),
        filter_enabled_metadata=matched,
    )


def noted(rbac_filter: str, key: str, prefix: str) -> MetadataMatcher:
    """Met where the filter of this name has noted under ``key`` a rule whose name begins so."""
    return MetadataMatcher(
        filter=rbac_filter,
        path=[MetadataMatcherPathSegment(key=key)],
        value=ValueMatcher(string_match=StringMatcher(prefix=prefix)),
    )


def _grpc(provider: ExternalAuthorization) -> GrpcService:
    target = GrpcServiceEnvoyGrpc(cluster_name=_cluster(provider), authority=provider.service.hostname)
    return GrpcService(envoy_grpc=target, timeout=provider.timeout)


def _http(provider: ExternalAuthorization, http: HttpCheck) -> HttpService:
    return HttpService(
        server_uri=HttpUri(
            uri=f"http://{provider.service.hostname}", cluster=_cluster(provider), timeout=provider.timeout
        ),
        path_prefix=http.path_prefix,
        authorization_request=_request(http),
        authorization_response=_response(http),
    )


def _cluster(provider: ExternalAuthorization) -> str:
    return outbound_cluster(provider.service.port, provider.service.hostname)


def _request(http: HttpCheck) -> AuthorizationRequest | None:
    more = [HeaderValue(key=name, value=value) for name, value in sorted(http.additional_headers.items())]
    return AuthorizationRequest(headers_to_add=more) if more else None


def _response(http: HttpCheck) -> AuthorizationResponse | None:
    if not (http.to_upstream or http.to_client_on_allow or http.to_client_on_deny):
        return None
    return AuthorizationResponse(
        allowed_upstream_headers=_names(http.to_upstream),
        allowed_client_headers=_names(http.to_client_on_deny),
        allowed_client_headers_on_success=_names(http.to_client_on_allow),
    )


def _body(provider: ExternalAuthorization) -> BufferSettings | None:
    body = provider.body
    if body is None:
        return None
    return BufferSettings(
        max_request_bytes=body.max_bytes,
        allow_partial_message=body.partial,
        pack_as_bytes=body.as_bytes and provider.http is None,
    )


def _names(headers: tuple[str, ...]) -> ListStringMatcher | None:
    return ListStringMatcher(patterns=list(map(_name, headers))) if headers else None


def _name(header: str) -> StringMatcher:
    if header.startswith("*"):
        return StringMatcher(suffix=header[1:], ignore_case=True)
    if header.endswith("*"):
        return StringMatcher(prefix=header[:-1], ignore_case=True)
    return StringMatcher(exact=header, ignore_case=True)
