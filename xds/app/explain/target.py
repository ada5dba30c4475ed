"""What a URL means to a workload: the connection that it opens, and the request on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from xds.app.errors import StartError
from xds.app.explain.sender import NOTHING_SAID, Sender
from xds.app.offline import proxy_of
from xds.app.proxy_spec import ProxySpec
from xds.explain import PLAIN, TLS, Connection, Request, is_socket
from xds.model.mesh import Mesh
from xds.model.proxy import CaptureMode, ProxyType
from xds.model.services import Service
from xds.pipeline import automatic_addresses, of_versions
from xds.pipeline.servers import listening_port
from xds.pipeline.view import instances_of

_PORTS = {"http": 80, "https": 443}
_SPOKEN = {"http": ("http/1.1",), "https": ("h2", "http/1.1"), "tcp": ()}
_DEFAULT_PROXY_PORT = 15080
_IN_MESH, _IN_MESH_HTTP = ("istio-peer-exchange", "istio"), ("istio-http/1.1", "istio")
"""What proxies of the mesh say that they speak, of connections and of requests."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks about. headers: pairs of name and value. address: where the host name leads, if the
    configuration cannot tell, or the Unix socket that is dialled; empty to look there. sender: who asks."""

    method: str
    url: str
    headers: Sequence[tuple[str, str]] = ()
    address: str = ""
    sender: Sender = NOTHING_SAID


@dataclass(frozen=True, slots=True)
class Target:
    """through_capture: whether the connection was redirected to the proxy. request: None if it is TCP. sender: who
    asks."""

    connection: Connection
    request: Request | None
    through_capture: bool
    sender: Sender = NOTHING_SAID


def target(asked: Asked, proxy: ProxySpec, mesh: Mesh) -> Target:
    """The connection as the proxy sees it. A workload's own comes from itself, a gateway's from wherever is said.

    Raises StartError for a URL, an address, an identity or a token that is none.
    """
    if asked.address and not _address(asked.address) and not is_socket(asked.address):
        raise StartError(f"--address {asked.address} is no IP address")
    url, port = _split(asked.url)
    address = asked.address or _destination(url.hostname or "", proxy, mesh)
    through_capture = proxy.type is ProxyType.SIDECAR and proxy.capture is CaptureMode.REDIRECT
    through_capture = through_capture and not _is_loopback(address) and not is_socket(address)
    if _by_http_proxy(url, proxy, asked.address):
        address, port = proxy.ip, mesh.settings.proxy_http_port or _DEFAULT_PROXY_PORT
    if proxy.type is ProxyType.ROUTER:
        port = listening_port(port, instances_of(mesh, proxy_of(proxy, mesh)))
    encrypted = url.scheme == "https"
    client, identity = asked.sender.address, asked.sender.identity
    connection = Connection(
        *(address, port, TLS if encrypted else PLAIN, (url.hostname or "") if encrypted else "", _SPOKEN[url.scheme]),
        source=client if proxy.type is ProxyType.ROUTER else proxy.ip if through_capture else "",
        principal=identity if proxy.type is ProxyType.ROUTER else "",
    )
    return Target(connection, _request(asked, url), through_capture, asked.sender)


def arriving(asked: Asked, proxy: ProxySpec) -> Target:
    """A connection that somebody without a proxy opens to a workload. Who has an identity speaks as proxies of the mesh
    do. Raises StartError as `target` does."""
    url, port = _split(asked.url)
    client, identity = asked.sender.address, asked.sender.identity
    if identity is not None:
        spoken = _IN_MESH if url.scheme == "tcp" else _IN_MESH_HTTP
        connection = Connection(proxy.ip, port, TLS, url.hostname or "", spoken, client, principal=identity)
    elif url.scheme == "https":
        connection = Connection(proxy.ip, port, TLS, url.hostname or "", _SPOKEN["https"], client, principal="")
    else:
        connection = Connection(proxy.ip, port, protocols=_SPOKEN[url.scheme], source=client, principal="")
    return Target(connection, _request(asked, url), False, asked.sender)


def _destination(host: str, proxy: ProxySpec, mesh: Mesh) -> str:
    """Where the host name leads; empty if nobody here knows. A gateway's clients ask another DNS than the mesh's."""
    return _address(host) if proxy.type is ProxyType.ROUTER else resolve(host, proxy, mesh)


def _split(text: str) -> tuple[SplitResult, int]:
    try:
        url = urlsplit(text)
        port = url.port or _PORTS.get(url.scheme, 0)
    except ValueError as error:
        raise StartError(f"{text!r} is no URL: {error}") from error
    if url.scheme not in _SPOKEN or not url.hostname:
        raise StartError(f"{text!r} is not of the form http://HOST[:PORT]/PATH, https://... or tcp://HOST:PORT")
    if not port:
        raise StartError(f"{text!r} has no port")
    return url, port


def _request(asked: Asked, url: SplitResult) -> Request | None:
    if url.scheme == "tcp":
        return None
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    return Request.of(asked.method, url.netloc.rpartition("@")[2], path, asked.headers, url.scheme, asked.sender.token)


def _by_http_proxy(url: SplitResult, proxy: ProxySpec, address: str) -> bool:
    """Without capture, HTTP goes by the sidecar's HTTP proxy, unless an address of its own is dialled."""
    explicit = proxy.type is ProxyType.SIDECAR and proxy.capture is CaptureMode.NONE
    return explicit and url.scheme == "http" and not address and not _is_loopback(url.hostname or "")


def _is_loopback(text: str) -> bool:
    address = _address(text)
    return bool(address) and ip_address(address).is_loopback


def _address(text: str) -> str:
    """The text if it is an IP address; empty otherwise."""
    try:
        return str(ip_address(text))
    except ValueError:
        return ""


def resolve(host: str, proxy: ProxySpec, mesh: Mesh) -> str:
    """What the cluster's DNS would answer, as far as the configuration tells; empty if it does not.

    A service with an address has it, or an automatic one if the workload can resolve these; a headless one leads to its
    endpoints, of which the first is taken.
    """
    if host == "localhost":
        return "127.0.0.1"
    if address := _address(host):
        return address
    by_name = {service.hostname: service for service in mesh.services}
    service = next((by_name[name] for name in _searched(host, proxy) if name in by_name), None)
    if service is None:
        return ""
    return next(_addresses(service, mesh), "") or next(_automatic(service, proxy, mesh), "")


def _searched(host: str, proxy: ProxySpec) -> Iterator[str]:
    """The names that a resolver tries, with the search path of the workload's namespace."""
    suffix = proxy.domain_suffix
    yield from (f"{host}.{path}" for path in (f"{proxy.namespace}.svc.{suffix}", f"svc.{suffix}", suffix))
    yield host


def _automatic(service: Service, proxy: ProxySpec, mesh: Mesh) -> Iterator[str]:
    asking = proxy_of(proxy, mesh)
    if asking.dns_capture:
        found = automatic_addresses(mesh.services).get(service.hostname, ())
        yield from of_versions(found, asking.ip_versions)


def _addresses(service: Service, mesh: Mesh) -> Iterator[str]:
    if not service.headless:
        yield from filter(None, map(_address, service.addresses))
        return
    endpoints = mesh.endpoints.get(service.key)
    for found in endpoints.by_port.values() if endpoints is not None else ():
        yield from filter(None, (_address(endpoint.address) for endpoint in found))
