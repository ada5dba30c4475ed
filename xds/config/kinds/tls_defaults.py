"""Istio ``MeshConfig.tlsDefaults``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from xds.config.kinds.server_tls import parse_cipher_suites
from xds.config.reader import Reader
from xds.model.server_tls import TLSVersion
from xds.model.tls_defaults import TLSDefaults

HONOURED_TLS_DEFAULTS: Final = "minProtocolVersion cipherSuites ecdhCurves"
"""The honoured fields, for a kind's list."""

_CURVES: Final = ("P-256", "P-384", "P-521", "X25519", "X25519MLKEM768")
"""Those that Istio allows, all of which Envoy knows."""


def parse_tls_defaults(reader: Reader) -> TLSDefaults:
    """``tlsDefaults``; Envoy's choice of everything if absent."""
    tls = reader.section("tlsDefaults")
    return TLSDefaults(
        min_version=TLSVersion(tls.text("minProtocolVersion", "TLS_AUTO")),
        cipher_suites=parse_cipher_suites(tls),
        ecdh_curves=tuple(dict.fromkeys(_curves(tls))),
    )


def _curves(tls: Reader) -> Iterator[str]:
    for index, curve in enumerate(tls.strings("ecdhCurves")):
        if curve in _CURVES:
            yield curve
        else:
            known = ", ".join(_CURVES)
            tls.warning(("ecdhCurves", index), f"{curve[:60]!r} is none of {known}", "no-effect")
