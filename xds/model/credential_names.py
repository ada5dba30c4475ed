"""Which names of credentials configuration refers to, and which objects these names mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from xds.model.credentials import Credential, bare_name
from xds.model.objects import ObjectKey
from xds.model.policy import ClientTLSSettings, TLSMode
from xds.model.server_tls import ServerTLSSettings


class Wanted(NamedTuple):
    """A name that is referred to. is_authority: not for a certificate, but for what others' are checked against."""

    name: str
    is_authority: bool = False

    def candidates(self, namespace: str) -> tuple[ObjectKey, ...]:
        """The objects that may be meant; the first that is there is. Istio: an authority may have a Secret of its own,
        ``NAME-cacert``, be in the Secret of the certificate, or in a ConfigMap."""
        secret = ObjectKey("Secret", namespace, self.name)
        if not self.is_authority:
            return (secret,)
        own = ObjectKey("Secret", namespace, f"{self.name}-cacert")
        return own, secret, ObjectKey("ConfigMap", namespace, self.name)

    def find(self, namespace: str, objects: Mapping[ObjectKey, object]) -> Credential | None:
        """The object that is meant, whether it has what is wanted or not; None if there is none."""
        found = (objects.get(key) for key in self.candidates(namespace))
        return next((each for each in found if isinstance(each, Credential)), None)

    def is_met_by(self, credential: Credential) -> bool:
        """Whether the object has what is wanted."""
        return (credential.authority if self.is_authority else credential.key_pair) is not None


def wanted_by_client(tls: ClientTLSSettings | None) -> tuple[Wanted, ...]:
    """What the TLS of a DestinationRule asks for."""
    if tls is None or not tls.credential_name or tls.mode not in (TLSMode.SIMPLE, TLSMode.MUTUAL):
        return ()
    name = bare_name(tls.credential_name)
    own = (Wanted(name),) if tls.mode is TLSMode.MUTUAL else ()
    return own if tls.insecure_skip_verify else (*own, Wanted(name, is_authority=True))


def wanted_by_server(tls: ServerTLSSettings) -> tuple[Wanted, ...]:
    """What the TLS of a Gateway's server asks for. Names with a scheme of their own are for others to serve."""
    certificates = (Wanted(bare_name(name)) for name in tls.certificate_credentials)
    authority = tls.authority_credential
    wanted = (*certificates, *((Wanted(bare_name(authority), is_authority=True),) if authority else ()))
    return tuple(each for each in wanted if "://" not in each.name)
