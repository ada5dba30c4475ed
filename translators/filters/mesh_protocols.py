"""What a proxy says in the handshake that it speaks, where a request and not a connection is passed on (ALPN).

By it the proxy at the other end tells requests from other connections on ports whose protocol nobody declares. Istio's
Envoy has a filter of its own for this; here the stock one puts the names where the connection to the upstream finds
them. They are taken from the metadata of the cluster that the request goes to, so that TLS with anybody else than the
mesh is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from envoy_data_plane.envoy.config.core.v3 import DataSource, SubstitutionFormatString
from envoy_data_plane.envoy.extensions.filters.common.set_filter_state.v3 import (
    FilterStateValue,
    FilterStateValueSharedWithUpstream,
)
from envoy_data_plane.envoy.extensions.filters.http.set_filter_state.v3 import Config
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter

from xds.model.view import ProxyView
from xds.pipeline.contribution import Contribution, Direction, HttpFilterPart, Phase
from xds.pipeline.memo import Memo
from xds.wire.encode import encode, pack_any

NAME: Final = "envoy.filters.http.set_filter_state"

PROTOCOLS: Final = "istio-http/1.1,istio-h2,istio"
"""Without a bare ``http/1.1``, which the other end would choose for HTTP/2 too."""

METADATA_KEY: Final = "alpn"
"""Under ``istio`` in the metadata of a cluster: what requests to it say."""


def translate(view: ProxyView, _memo: Memo) -> Iterable[Contribution]:
    """One filter, in every connection manager that passes requests on to others, of a proxy with an identity."""
    return (_filter(),) if view.key.mtls else ()


@lru_cache(maxsize=1)
def _filter() -> HttpFilterPart:
    wanted = SubstitutionFormatString(
        text_format_source=DataSource(inline_string=f"%METADATA(CLUSTER:istio:{METADATA_KEY})%"),
        omit_empty_values=True,
    )
    value = FilterStateValue(
        object_key="envoy.network.application_protocols",
        format_string=wanted,
        shared_with_upstream=FilterStateValueSharedWithUpstream.ONCE,
        skip_if_empty=True,
    )
    return HttpFilterPart(
        phase=Phase.UPSTREAM,
        body=encode(HttpFilter(name=NAME, typed_config=pack_any(Config(on_request_headers=[value])))),
        directions=frozenset({Direction.OUTBOUND, Direction.GATEWAY}),
    )
