"""What somebody can do about a call to the control plane that failed. Pure."""

from __future__ import annotations

from typing import Final

from xds.agent.identity.proof import Means

_HANDSHAKE: Final = ("handshake", "certificate_verify_failed", "certificate verify failed", "peer name")
_NAME: Final = ("peer name", "hostname verification")


def advice(status: str, details: str, shown: Means) -> str:
    """status: the name of gRPC's status code. details: what came with it. shown: what the call was made with."""
    match status:
        case "UNAUTHENTICATED" | "PERMISSION_DENIED":
            return _about_proof(shown)
        case "UNAVAILABLE" | "DEADLINE_EXCEEDED":
            return _about_reaching(details.lower())
        case "RESOURCE_EXHAUSTED":
            return "too many workloads of this service account ask at once: it will be tried again"
        case "UNIMPLEMENTED":
            return "--server has to be the secure address of a control plane with an authority (serve --ca-dir)"
        case _:
            return "look at the control plane's log"


def _about_proof(shown: Means) -> str:
    if shown is Means.CERTIFICATE:
        return "the token is tried instead, if there is one; otherwise give the agent a new token"
    if shown is Means.JOIN_TOKEN:
        return "a join token holds once and not for long: put a new one into the file (pilothouse token create)"
    return (
        "the token has to be for the audience istio-ca or the trust domain, and its issuer one of the control plane's "
        "--oidc-issuer"
    )


def _about_reaching(details: str) -> str:
    if any(word in details for word in _NAME):
        return "the control plane's certificate does not name the host of --server: use one of its names"
    if any(word in details for word in _HANDSHAKE):
        return "--root-cert has to have the root of the control plane's certificate (its root-cert.pem), as it is now"
    return "look whether the control plane runs, and whether --server is its secure address (15012)"
