"""Who is asked about what, and what becomes of it where nobody can be."""

from __future__ import annotations

from dataclasses import replace

from envoy_data_plane.envoy.config.rbac.v3 import RbacAction
from envoy_data_plane.envoy.extensions.filters.http.ext_authz.v3 import ExtAuthz
from envoy_data_plane.envoy.extensions.filters.http.rbac.v3 import Rbac
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter
from envoy_data_plane.google.protobuf import Any

from tests.translators import kit
from translators.filters import external_authorization
from xds.model.authorization import AuthorizationAction, AuthorizationPolicy, AuthorizationRule, Authorizer
from xds.model.providers import ExternalAuthorization, HttpCheck, ProviderService
from xds.pipeline import Memo
from xds.pipeline.contribution import FilterPart, HttpFilterPart, NetworkFilterPart, Phase

GRPC = ExternalAuthorization(ProviderService("authz.example.com", 9000))
HTTP = ExternalAuthorization(ProviderService("authz.example.com", 8000), HttpCheck())


def authorizer(name: str, provider: ExternalAuthorization | None) -> Authorizer:
    meta = kit.meta("AuthorizationPolicy", "p")
    policy = AuthorizationPolicy(meta, AuthorizationAction.CUSTOM, (AuthorizationRule(0),), provider=name)
    return Authorizer(name, (policy,), provider)


def parts(*authorizers: Authorizer) -> list[FilterPart]:
    view = replace(kit.view(kit.mesh()), authorizers=authorizers)
    return [part for part in external_authorization.translate(view, Memo()) if isinstance(part, FilterPart)]


def requests(*authorizers: Authorizer) -> list[Rbac | ExtAuthz]:
    """The filters for requests, decoded."""
    configs = (
        HttpFilter.parse(part.body).typed_config for part in parts(*authorizers) if isinstance(part, HttpFilterPart)
    )
    return [_decoded(config) for config in configs]


def _decoded(config: Any | None) -> Rbac | ExtAuthz:
    assert config is not None
    return (ExtAuthz if config.type_url.endswith("ExtAuthz") else Rbac).parse(config.value)


def test_nobody_is_asked_without_a_policy() -> None:
    assert parts() == []


def test_a_provider_over_grpc_is_asked_about_requests_and_about_connections() -> None:
    found = parts(authorizer("a", GRPC))
    assert [type(part) for part in found] == [HttpFilterPart] * 2 + [NetworkFilterPart] * 2
    assert {part.phase for part in found} == {Phase.CUSTOM_AUTHORIZATION}
    assert not any(part.routed for part in found if isinstance(part, NetworkFilterPart))


def test_a_provider_over_http_is_asked_about_requests_alone() -> None:
    assert [type(part) for part in parts(authorizer("a", HTTP))] == [HttpFilterPart] * 2


def test_names_that_begin_alike_are_told_apart() -> None:
    _, asks_one, notes_other, _ = requests(authorizer("a", HTTP), authorizer("a-b", HTTP))
    assert isinstance(asks_one, ExtAuthz)
    assert isinstance(notes_other, Rbac)
    assert asks_one.filter_enabled_metadata is not None
    assert asks_one.filter_enabled_metadata.value is not None
    wanted = asks_one.filter_enabled_metadata.value.string_match
    assert wanted is not None
    assert wanted.prefix is not None
    assert notes_other.shadow_rules is not None
    (noted,) = notes_other.shadow_rules.policies
    assert noted == "istio-ext-authz-a-b-ns[default]-policy[p]-rule[0]"
    assert not noted.startswith(wanted.prefix)


def test_where_nobody_can_be_asked_everything_that_matches_is_refused() -> None:
    (refuses,) = requests(authorizer("a", None))
    assert isinstance(refuses, Rbac)
    assert refuses.rules is not None
    assert refuses.rules.action == RbacAction.DENY
    assert list(refuses.rules.policies) == [
        "istio-ext-authz-a-ns[default]-policy[p]-rule[0]-deny-due-to-bad-CUSTOM-action"
    ]
    assert refuses.shadow_rules is None
