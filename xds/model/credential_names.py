"""Which names of credentials configuration refers to, and which objects these names mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from xds.model.credentials import Credential, bare_name
from xds.model.gateways import Server
from xds.model.objects import ObjectKey
from xds.model.policy import ClientTLSSettings, TLSMode

_AUTHORITY_SUFFIX: Final = "-cacert"


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
        own = ObjectKey("Secret", namespace, f"{self.name}{_AUTHORITY_SUFFIX}")
        return own, secret, ObjectKey("ConfigMap", namespace, self.name)

    def find(self, namespace: str, objects: Mapping[ObjectKey, object]) -> Credential | None:
        """The object that is meant, whether it has what is wanted or not; None if there is none."""
        found = (objects.get(key) for key in self.candidates(namespace))
        return next((each for each in found if isinstance(each, Credential)), None)

    def is_met_by(self, credential: Credential) -> bool:
        """Whether the object has what is wanted."""
        return (credential.authority if self.is_authority else credential.key_pair) is not None


def met_by(credential: Credential) -> Iterator[Wanted]:
    """Everything that the object can be meant by, and has."""
    name, is_secret = credential.meta.name, credential.meta.key.kind == "Secret"
    if is_secret and credential.key_pair is not None:
        yield Wanted(name)
    if credential.authority is not None:
        yield Wanted(name, is_authority=True)
        if is_secret and name.endswith(_AUTHORITY_SUFFIX):
            yield Wanted(name.removesuffix(_AUTHORITY_SUFFIX), is_authority=True)


def wanted_by_server(server: Server) -> tuple[Wanted, ...]:
    """What the TLS of a Gateway's server asks for. Names with a scheme of their own are for others to serve."""
    if server.tls is None or server.mode is None:
        return ()
    own = (Wanted(bare_name(name)) for name in server.tls.certificate_credentials)
    authority = bare_name(server.tls.authority_credential)
    wanted = (*own, Wanted(authority, is_authority=True)) if authority else tuple(own)
    return tuple(each for each in wanted if "://" not in each.name)


def wanted_by_client(tls: ClientTLSSettings | None) -> tuple[Wanted, ...]:
    """What the TLS of a DestinationRule asks for."""
    if tls is None or not tls.credential_name or tls.mode not in (TLSMode.SIMPLE, TLSMode.MUTUAL):
        return ()
    name = bare_name(tls.credential_name)
    own = (Wanted(name),) if tls.mode is TLSMode.MUTUAL else ()
    return own if tls.insecure_skip_verify else (*own, Wanted(name, is_authority=True))
