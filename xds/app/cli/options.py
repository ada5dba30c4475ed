"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

from xds.app.address import split_address
from xds.app.proxy_spec import ProxySpec
from xds.config.scalars import format_duration, parse_duration
from xds.model.proxy import CaptureMode, ProxyType


class TypeOption(StrEnum):
    """``--type``."""

    SIDECAR = "sidecar"
    GATEWAY = "gateway"
    GRPC = "grpc"


class CaptureOption(StrEnum):
    """``--capture``."""

    REDIRECT = "redirect"
    NONE = "none"


def duration(least: timedelta, most: timedelta | None = None) -> Callable[[str | None], str | None]:
    """Checks an option, if it is given, to be a duration from ``least`` to ``most``."""

    def check(text: str) -> None:
        value = parse_duration(text)
        if value < least:
            raise ValueError(f"must be at least {format_duration(least)}")
        if most is not None and value > most:
            raise ValueError(f"must be at most {format_duration(most)}")

    return lambda value: _checked(check)(value) if value is not None else None


def _given_address(value: str | None) -> str | None:
    return _checked(split_address)(value) if value is not None else None


def _issuers(values: list[str] | None) -> list[str] | None:
    from xds.app.oidc import IssuerOption

    for value in values or ():
        _checked(IssuerOption.parse)(value)
    return values


def _federated(values: list[str] | None) -> list[str] | None:
    from xds.app.federation import FederationOption

    for value in values or ():
        _checked(FederationOption.parse)(value)
    return values


def _checked(check: Callable[[str], object]) -> Callable[[str], str]:
    def callback(value: str) -> str:
        try:
            check(value)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
        return value

    return callback


def address(value: str) -> str:
    """Checks an option to be ``HOST:PORT``."""
    return _checked(split_address)(value)


def ips_or_nothing(value: str) -> str:
    """Checks an option, if it is given, to be IP addresses."""
    return _checked(parse_ips)(value) if value else value


def parse_label(text: str) -> tuple[str, str]:
    """``key=value`` in two. Raises ValueError."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise ValueError(f"{text!r} is not KEY=VALUE")
    return key, value


def parse_ips(text: str) -> tuple[str, ...]:
    """``10.0.0.1,fd00::1``, at least one. Raises ValueError."""
    return tuple(str(ip_address(each.strip())) for each in text.split(","))


def _check_labels(values: list[str]) -> list[str]:
    return [_checked(parse_label)(value) for value in values]


Config = Annotated[Path, typer.Option("--config", help="Folder of YAML and JSON files.", show_default=False)]
MeshConfig = Annotated[Path | None, typer.Option("--mesh-config", help="Istio MeshConfig file.", show_default=False)]
Translators = Annotated[
    str | None,
    typer.Option("--translators", metavar="MODULE:ATTRIBUTE", help="Translators instead of the built-in ones."),
]
Name = Annotated[str, typer.Option(help="The workload's name.", show_default=False)]
Namespace = Annotated[str, typer.Option(help="The workload's namespace.", show_default=False)]
Ip = Annotated[
    str,
    typer.Option(
        help="The workload's IP address; several with commas between them, the primary one first.",
        show_default=False,
        callback=_checked(parse_ips),
    ),
]
ServiceAccount = Annotated[str, typer.Option("--service-account", help="The workload's service account.")]
LabelList = Annotated[
    list[str], typer.Option("--label", metavar="KEY=VALUE", help="A label; may be repeated.", callback=_check_labels)
]
Type = Annotated[TypeOption, typer.Option("--type", help="What the proxy is; grpc: a gRPC client without one.")]
Capture = Annotated[
    CaptureOption, typer.Option("--capture", help="How traffic reaches a sidecar: iptables, or addressed explicitly.")
]
Domain = Annotated[str, typer.Option("--domain-suffix", help="The cluster's DNS domain.")]
Locality = Annotated[str, typer.Option("--locality", metavar="REGION/ZONE/SUBZONE", help="Where the workload runs.")]
SelfDiscovery = Annotated[
    bool,
    typer.Option("--self-discovery", help="Know the instances of the own service, for zone-aware load balancing."),
]
MutualTls = Annotated[
    bool, typer.Option("--mtls", help="As to a proxy that has proven its identity (serve --ca-dir): with mutual TLS.")
]
XdsListen = Annotated[
    str,
    typer.Option(
        metavar="HOST:PORT", help="Plaintext xDS. Loopback, unless you mean it.", callback=_checked(split_address)
    ),
]
SecureListen = Annotated[
    str,
    typer.Option(
        metavar="HOST:PORT", help="xDS and certificates over TLS, with --ca-dir.", callback=_checked(split_address)
    ),
]
CaFolder = Annotated[
    Path | None,
    typer.Option(
        "--ca-dir",
        metavar="DIR",
        help="The folder of the certificate authority, made if it is not there; no TLS unless given.",
        file_okay=False,
    ),
]
WorkloadCertTtl = Annotated[
    str,
    typer.Option(
        "--workload-cert-ttl",
        metavar="DURATION",
        help="How long a workload's certificate holds that asks for nothing else: 10s to 720h.",
        callback=duration(timedelta(seconds=10), timedelta(days=30)),
    ),
]
MaxWorkloadCertTtl = Annotated[
    str | None,
    typer.Option(
        "--max-workload-cert-ttl",
        metavar="DURATION",
        help="How long one holds at most; 24h, or --workload-cert-ttl if that is more.",
        callback=duration(timedelta(seconds=10), timedelta(days=30)),
    ),
]
CaCerts = Annotated[
    Path | None,
    typer.Option(
        "--ca-certs",
        metavar="DIR",
        help="An authority of somebody else's: ca-cert.pem, ca-key.pem, cert-chain.pem, root-cert.pem. Read again when "
        "they change.",
        file_okay=False,
    ),
]


Federate = Annotated[
    list[str] | None,
    typer.Option(
        "--federate",
        metavar="TRUST_DOMAIN=FILE|URL",
        help="Trust the workloads of another trust domain by its SPIFFE bundle (or PEM, in a file); may be repeated.",
        callback=_federated,
    ),
]


class KeyTypeOption(StrEnum):
    """``--ca-key-type``."""

    EC_P256 = "ec-p256"
    RSA_2048 = "rsa-2048"
    RSA_4096 = "rsa-4096"


CaKeyType = Annotated[
    KeyTypeOption,
    typer.Option("--ca-key-type", help="Keys of roots and issuing certificates that are made from now on."),
]
InsecureXds = Annotated[
    bool, typer.Option("--insecure-xds", help="Let --xds-listen be an address that others than this machine reach.")
]
OidcIssuer = Annotated[
    list[str] | None,
    typer.Option(
        "--oidc-issuer",
        metavar="ISSUER[=JWKS]",
        help="Believe the service-account tokens of this issuer. JWKS: a file or URL with its keys, unless it tells.",
        callback=_issuers,
    ),
]
MonitoringListen = Annotated[
    str,
    typer.Option(metavar="HOST:PORT", help="Readiness, metrics, debug endpoints.", callback=_checked(split_address)),
]
RestListen = Annotated[
    str | None,
    typer.Option(
        "--rest-listen", metavar="HOST:PORT", help="xDS over REST; off unless given.", callback=_given_address
    ),
]
CacheFolder = Annotated[
    Path | None,
    typer.Option(
        "--cache-dir",
        metavar="DIR",
        help="Where fetched Wasm modules and keys of issuers are kept; ~/.cache/pilothouse unless given.",
        file_okay=False,
    ),
]
JwksRefresh = Annotated[
    str,
    typer.Option(
        "--jwks-refresh",
        metavar="DURATION",
        help="After about how long the keys of issuers of tokens are fetched anew.",
        callback=duration(timedelta(seconds=1)),
    ),
]
MaxConnecting = Annotated[
    int,
    typer.Option(
        "--max-connecting",
        min=1,
        metavar="COUNT",
        help="New streams that are served their first response at once; the others wait in line.",
    ),
]
MaxStreamAge = Annotated[
    str | None,
    typer.Option(
        "--max-stream-age",
        metavar="DURATION",
        help="Ask a proxy to connect anew after about this long, such as 30m; never unless given.",
        callback=duration(timedelta(seconds=1)),
    ),
]
Drain = Annotated[
    str,
    typer.Option(
        "--drain",
        metavar="DURATION",
        help="How long streams are spread over when they are ended at a stop, 3s at most.",
        callback=duration(timedelta(), timedelta(seconds=3)),
    ),
]
WorkloadGrace = Annotated[
    str,
    typer.Option(
        "--workload-grace",
        metavar="DURATION",
        help="How long a workload that registered itself stays when its proxy has gone.",
        callback=duration(timedelta()),
    ),
]
WorkloadGroup = Annotated[
    str,
    typer.Option("--workload-group", metavar="NAME", help="The WorkloadGroup in which the workload registers itself."),
]
XdsAddress = Annotated[
    str,
    typer.Option("--xds", metavar="HOST:PORT", help="Where the control plane is.", callback=_checked(split_address)),
]


def proxy_spec(
    name: str,
    namespace: str,
    ip: str,
    type_: TypeOption,
    capture: CaptureOption,
    labels: list[str],
    service_account: str = "",
    locality: str = "",
    self_discovery: bool = False,
    workload_group: str = "",
    mtls: bool = False,
) -> ProxySpec:
    """The proxy that these options describe."""
    primary, *others = parse_ips(ip)
    return ProxySpec(
        name=name,
        namespace=namespace,
        ip=primary,
        more_ips=tuple(others),
        type=ProxyType.ROUTER if type_ is TypeOption.GATEWAY else ProxyType.SIDECAR,
        capture=CaptureMode(capture.value),
        service_account=service_account,
        labels=dict(map(parse_label, labels)),
        locality=locality,
        proxyless=type_ is TypeOption.GRPC,
        self_discovery=self_discovery,
        workload_group=workload_group,
        mtls=mtls,
    )
