"""Conditions on who asks, as Envoy's ``Principal``."""

from __future__ import annotations

from typing import Final

from envoy_data_plane.envoy.config.rbac.v3 import Principal, PrincipalAuthenticated, PrincipalSet, SourcedMetadata
from envoy_data_plane.envoy.config.route.v3 import HeaderMatcher
from envoy_data_plane.envoy.type.matcher.v3 import StringMatcher

from translators.authorization import identities
from translators.authorization.logic import Logic, One
from translators.authorization.texts import ANY, pattern
from translators.jwt import claim_matcher
from translators.listener.address import cidr_range
from xds.model.authorization import Attribute


def header_matcher(name: str, value: str, *, ignore_case: bool = False) -> HeaderMatcher:
    """That a header has one value; any value, be it empty, is a presence."""
    if value == ANY:
        return HeaderMatcher(name=name, present_match=True)
    return HeaderMatcher(name=name, string_match=pattern(value, ignore_case=ignore_case))


def _certified(matcher: StringMatcher) -> Principal:
    return Principal(authenticated=PrincipalAuthenticated(principal_name=matcher))


def _claimed(*claims: str, value: StringMatcher) -> Principal:
    return Principal(sourced_metadata=SourcedMetadata(metadata_matcher=claim_matcher(claims, value)))


def _token(_names: tuple[str, ...], value: str) -> Principal:
    issuer, subject = identities.request_principal(value)
    both = [_claimed("iss", value=issuer), _claimed("sub", value=subject)]
    return Principal(and_ids=PrincipalSet(ids=both))


def _claim(*claims: str) -> One:
    return lambda names, value: _claimed(*(claims or names), value=pattern(value))


PRINCIPALS: Final = Logic(
    {
        Attribute.SOURCE_PRINCIPAL: lambda _, value: _certified(identities.principal(value)),
        Attribute.SOURCE_NAMESPACE: lambda _, value: _certified(identities.namespace(value)),
        Attribute.SOURCE_SERVICE_ACCOUNT: lambda _, value: _certified(identities.service_account(value)),
        Attribute.SOURCE_TRUST_DOMAIN: lambda _, value: _certified(identities.trust_domain(value)),
        Attribute.SOURCE_IP: lambda _, value: Principal(direct_remote_ip=cidr_range(value)),
        Attribute.REMOTE_IP: lambda _, value: Principal(remote_ip=cidr_range(value)),
        Attribute.REQUEST_PRINCIPAL: _token,
        Attribute.REQUEST_AUDIENCES: _claim("aud"),
        Attribute.REQUEST_PRESENTER: _claim("azp"),
        Attribute.REQUEST_CLAIM: _claim(),
        Attribute.REQUEST_HEADER: lambda names, value: Principal(header=header_matcher(names[0], value)),
    }
)
