"""Whose TLS a filter chain accepts."""

from __future__ import annotations

from collections.abc import Iterator

from envoy_data_plane.envoy.config.listener.v3 import FilterChain
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    CertificateValidationContext,
    CommonTlsContext,
    DownstreamTlsContext,
    SubjectAltNameMatcher,
    SubjectAltNameMatcherSanType,
)

from xds.explain import strings
from xds.explain.decode import unpacked


def unaccepted(chain: FilterChain, principal: str | None) -> str:
    """Why the handshake fails; empty if it does not. principal: empty without a certificate, None if nobody tells,
    which is then taken to be well. Who has signed it is not looked at."""
    context = _context(chain)
    if context is None or principal is None:
        return ""
    if not principal:
        return "a certificate is asked for, and the client shows none" if context.require_client_certificate else ""
    names = [each for each in _names(context.common_tls_context) if each.san_type == SubjectAltNameMatcherSanType.URI]
    if not names or any(each.matcher is not None and strings.matches(each.matcher, principal) for each in names):
        return ""
    wanted = " or ".join(strings.described(each.matcher) for each in names if each.matcher is not None)
    return f"the client's certificate is of {principal}, and its name has to be one that {wanted}"


def asks_for_certificate(chain: FilterChain) -> bool:
    """Whether nobody gets in without one."""
    context = _context(chain)
    return context is not None and bool(context.require_client_certificate)


def _context(chain: FilterChain) -> DownstreamTlsContext | None:
    config = chain.transport_socket.typed_config if chain.transport_socket is not None else None
    return unpacked(config, DownstreamTlsContext)


def _names(common: CommonTlsContext | None) -> Iterator[SubjectAltNameMatcher]:
    for validation in _validations(common) if common is not None else ():
        yield from validation.match_typed_subject_alt_names if validation is not None else ()


def _validations(common: CommonTlsContext) -> Iterator[CertificateValidationContext | None]:
    yield common.validation_context
    combined = common.combined_validation_context
    if combined is not None:
        yield combined.default_validation_context
