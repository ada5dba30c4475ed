"""What ``pilothouse serve`` was asked to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from xds.app.address import is_loopback, split_address
from xds.app.errors import StartError
from xds.app.federation import FederationOption
from xds.app.oidc import IssuerOption
from xds.ca.authority import KeyType
from xds.pipeline import Translator
from xds.server.admission import LIMIT
from xds.sources.keys.source import REFRESH_SECONDS


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What ``serve`` was asked to do. Addresses are ``HOST:PORT``; port 0 lets the system choose.

    preflight: whether an Envoy on this machine is shown every resource before it is served. rest_listen: where xDS is
    served over REST, if at all. max_connecting: how many new streams are served their first response at once.
    max_stream_age: after about how many seconds a proxy is asked to connect anew; None: never. drain_seconds: over how
    long streams are ended at a stop; at most 3, because the process ends within 5. workload_grace: for how many seconds
    a workload that registered itself stays when its proxy has gone. ca_dir: the folder of the certificate authority;
    None: there is none, and no secure address. ca_certs: the folder of an authority that somebody else has made; None:
    it is made here. ca_key_type: of authorities that are made here. federate: other trust domains whose workloads may
    connect. insecure_xds: whether xds_listen may be an address that others than this machine reach. workload_cert_ttl:
    how long a workload's certificate holds that asks for nothing else; max_workload_cert_ttl: how long at most, None
    for 24 h, or the former if that is more. oidc_issuers: whose tokens prove service accounts. cache_dir: the folder
    where what is fetched is kept; None: the user's cache folder. jwks_refresh: after about how many seconds the keys of
    issuers of tokens are fetched anew.
    """

    config: Path
    translators: Sequence[Translator]
    mesh_config: Path | None = None
    xds_listen: str = "127.0.0.1:15010"
    monitoring_listen: str = "127.0.0.1:15014"
    preflight: bool = False
    rest_listen: str | None = None
    max_connecting: int = LIMIT
    max_stream_age: float | None = None
    drain_seconds: float = 2.0
    workload_grace: float = 10.0
    ca_dir: Path | None = None
    ca_certs: Path | None = None
    ca_key_type: KeyType = KeyType.EC_P256
    federate: tuple[FederationOption, ...] = ()
    secure_listen: str = "127.0.0.1:15012"
    insecure_xds: bool = False
    workload_cert_ttl: timedelta = timedelta(hours=24)
    max_workload_cert_ttl: timedelta | None = None
    oidc_issuers: tuple[IssuerOption, ...] = ()
    cache_dir: Path | None = None
    jwks_refresh: float = REFRESH_SECONDS


def check_exposure(options: ServeOptions) -> None:
    """Raises StartError if anybody could read the configuration of any proxy, and nobody has said that they may."""
    host, _ = split_address(options.xds_listen)
    if not options.insecure_xds and not is_loopback(host):
        raise StartError(
            f"--xds-listen {options.xds_listen} serves every proxy's configuration in plain text to whoever reaches "
            "it: use --ca-dir and the secure address, or say --insecure-xds"
        )
