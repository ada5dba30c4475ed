"""The command line that all services share, parsed into one frozen value."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

PROXY_VARIABLE = "BOOKINFO_HTTP_PROXY"


@dataclass(frozen=True, slots=True)
class Address:
    """A TCP address to listen on. Port 0 lets the system choose one."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Service:
    """What is fixed for a service: its name, its versions and the seconds that it waits for a neighbour."""

    name: str
    versions: tuple[str, ...] = ("v1",)
    neighbour_timeout: float = 10.0


@dataclass(frozen=True, slots=True)
class Options:
    """One running instance of a service.

    http_proxy: URL of the HTTP proxy for all calls to neighbours, ``None`` to connect directly.
    neighbour_timeout: seconds that one attempt to call a neighbour may take.
    """

    service: str
    version: str
    instance: str
    listen: Address
    http_proxy: str | None
    neighbour_timeout: float


def parse_options(service: Service, arguments: Sequence[str] | None = None) -> Options:
    """Reads the command line (``sys.argv`` by default); exits with status 2 and a usage message if it is wrong."""
    parsed = _parser(service).parse_args(arguments)
    return Options(
        service=service.name,
        version=parsed.version,
        instance=parsed.instance or f"{service.name}-{parsed.version}",
        listen=parsed.listen,
        http_proxy=parsed.http_proxy,
        neighbour_timeout=parsed.neighbour_timeout,
    )


def _parser(service: Service) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m examples.bookinfo.services.{service.name}", description=f"Bookinfo's {service.name} service."
    )
    parser.add_argument("--listen", type=_address, default="127.0.0.1:9080", metavar="HOST:PORT")
    parser.add_argument("--version", choices=service.versions, default=service.versions[0])
    parser.add_argument("--instance", metavar="NAME", help="name that answers carry (default: SERVICE-VERSION)")
    parser.add_argument(
        "--http-proxy",
        type=_proxy_url,
        default=os.environ.get(PROXY_VARIABLE) or None,
        metavar="URL",
        help=f"proxy for calls to neighbours (default: ${PROXY_VARIABLE}, else connect directly)",
    )
    parser.add_argument(
        "--neighbour-timeout",
        type=_seconds,
        default=service.neighbour_timeout,
        metavar="SECONDS",
        help="longest wait for one attempt to call a neighbour (default: %(default)g)",
    )
    return parser


def _address(text: str) -> Address:
    parts = urlsplit(f"//{text}")
    if parts.hostname is None or parts.port is None or parts.netloc != text:
        raise ValueError(text)
    return Address(parts.hostname, parts.port)


def _proxy_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme != "http" or not parts.hostname or not parts.port:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form http://HOST:PORT")
    return text


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 3600 seconds")
    return seconds
