"""Who is at the other end of connections to a service, as far as mutual TLS is to know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from xds.model.identity import SpiffeId
from xds.model.peer_authentication import MutualTLSMode, PeerPolicies
from xds.model.services import Endpoint, ServiceEndpoints, ServiceKey
from xds.model.view import VisibleService
from xds.pipeline import Memo

_TLS_MODE_LABEL: Final = "security.istio.io/tlsMode"
_ISTIO_TLS: Final = "istio"


@dataclass(frozen=True, slots=True)
class Peers:
    """identities: SPIFFE IDs of the service accounts behind a service, ordered. encrypted: the service ports of which
    all endpoints accept mutual TLS. Equal ones that `peers_of` gives are the same object."""

    identities: tuple[str, ...] = ()
    encrypted: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PeersByService:
    """Of the services of one bucket, those of which anything is known. Equal ones are the same object."""

    known: tuple[tuple[ServiceKey, Peers], ...]

    def of(self) -> Mapping[ServiceKey, Peers]:
        """The same, to look up."""
        return dict(self.known)


NO_PEERS: Final = Peers()


def accepts_mutual_tls(endpoint: Endpoint, policies: PeerPolicies | None) -> bool:
    """Istio: an endpoint that is labelled so, unless a PeerAuthentication turns it off for its port. policies: None if
    none does."""
    if endpoint.labels.get(_TLS_MODE_LABEL) != _ISTIO_TLS:
        return False
    if policies is None:
        return True
    return policies.modes(endpoint.namespace, endpoint.labels).at(endpoint.port) is not MutualTLSMode.DISABLE


def bucket_peers(
    endpoints: Mapping[ServiceKey, ServiceEndpoints],
    trust_domain: str,
    policies: PeerPolicies | None,
    memo: Memo,
    *services: VisibleService,
) -> PeersByService:
    """Of services of one bucket. endpoints: of the same."""
    keys = (visible.service.key for visible in services)
    found = ((key, memo(peers_of, endpoints[key], trust_domain, policies)) for key in keys if key in endpoints)
    return _same_group(PeersByService(tuple(found)))


def peers_of(endpoints: ServiceEndpoints, trust_domain: str, policies: PeerPolicies | None) -> Peers:
    """Of one service. As in Istio its accounts are those of all ports and subsets."""
    every = {(each.namespace, each.service_account) for group in endpoints.by_port.values() for each in group}
    identities = {_identity(trust_domain, *account) for account in every} - {""}
    encrypted = (
        port for port, group in endpoints.by_port.items() if all(accepts_mutual_tls(each, policies) for each in group)
    )
    return _same(Peers(tuple(sorted(identities)), tuple(sorted(encrypted))))


def _identity(trust_domain: str, namespace: str, account: str) -> str:
    """Empty if the account is not known, or could not have one."""
    try:
        return str(SpiffeId.of_workload(trust_domain, namespace, account)) if account else ""
    except ValueError:
        return ""


@lru_cache(maxsize=8192)
def _same(peers: Peers) -> Peers:
    return peers


@lru_cache(maxsize=1024)
def _same_group(peers: PeersByService) -> PeersByService:
    return peers
