"""A translator whose routes Envoy rejects if a VirtualService asks for it, which no check of ours can know."""

from __future__ import annotations

from collections.abc import Iterable

from envoy_data_plane.envoy.config.route.v3 import VirtualHost

import translators
from xds import Contribution, Memo, ProxyView, patch

TRIGGER = "x-reject-me"


def repeat_domain(host: VirtualHost) -> VirtualHost:
    """Envoy allows a domain once in a route configuration."""
    added = [option.header for rule in host.routes for option in rule.response_headers_to_add]
    if any(header and header.key == TRIGGER for header in added):
        host.domains.append(host.domains[0])
    return host


def breaking(_view: ProxyView, _memo: Memo) -> Iterable[Contribution]:
    yield patch(VirtualHost, "reviews.default.svc.cluster.local:9080", repeat_domain)


TRANSLATORS = (*translators.DEFAULT, breaking)
