"""What holds for TLS where nothing says otherwise (Istio ``MeshConfig.tlsDefaults``)."""

from __future__ import annotations

from dataclasses import dataclass

from xds.model.server_tls import TLSVersion


@dataclass(frozen=True, slots=True)
class TLSDefaults:
    """For connections that a gateway accepts, or a proxy makes, outside of the mesh's own TLS.

    min_version: AUTO for Envoy's. cipher_suites: for TLS 1.2 and before. ecdh_curves: the most preferred first. Empty
    lists are Envoy's choice.
    """

    min_version: TLSVersion = TLSVersion.AUTO
    cipher_suites: tuple[str, ...] = ()
    ecdh_curves: tuple[str, ...] = ()


NO_TLS_DEFAULTS = TLSDefaults()
