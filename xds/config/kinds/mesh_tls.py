"""What mutual TLS demands of handshakes (Istio ``MeshConfig.TLSConfig``)."""

from __future__ import annotations

from typing import Final

from xds.config.kinds.server_tls import parse_cipher_suites
from xds.config.reader import Reader
from xds.model.server_tls import TLSVersion
from xds.model.settings import MeshTls

HONOURED_MESH_TLS: Final = "minProtocolVersion cipherSuites ecdhCurves"
"""The honoured fields, for a list of them."""

_CURVES: Final = frozenset({"P-256", "P-384", "P-521", "X25519", "X25519MLKEM768"})
"""Those of Envoy: with another one it would accept no connection at all."""


def parse_mesh_tls(tls: Reader) -> MeshTls:
    """The settings; of what is absent Envoy's defaults hold."""
    return MeshTls(
        TLSVersion(tls.text("minProtocolVersion", "TLS_AUTO")),
        parse_cipher_suites(tls),
        tls.parsed_strings("ecdhCurves", _curve),
    )


def _curve(text: str) -> str:
    if text not in _CURVES:
        raise ValueError(f"{text[:60]!r} is not a curve of Envoy's: {', '.join(sorted(_CURVES))}")
    return text
