"""Under which names a client may call a service: the domains of its virtual host."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from xds.model.hosts import is_wildcard
from xds.model.services import Service


def service_domains(service: Service, dns_domain: str) -> tuple[str, ...]:
    """The full name, the short forms that DNS resolves in ``dns_domain``, and the service's addresses."""
    names = host_domains(service.hostname, dns_domain)
    if service.headless and not is_wildcard(service.hostname):
        return (*names, *(f"*.{name}" for name in names))
    return (*names, *filter(None, map(_address, service.addresses)))


def host_domains(hostname: str, dns_domain: str) -> tuple[str, ...]:
    """``hostname`` and its short forms for a client whose DNS search path starts with ``dns_domain``.

    dns_domain: ``<namespace>.svc.<suffix>``. In the same namespace ``reviews`` is enough, from others it takes at
    least ``reviews.default``.
    """
    namespace, _, suffix = dns_domain.partition(".svc.")
    stem = hostname.removesuffix(f".svc.{suffix}")
    if not suffix or stem == hostname or is_wildcard(hostname):
        return (hostname,)
    name, dot, owner = stem.rpartition(".")
    nearest = (name,) if dot and owner == namespace else ()
    return (hostname, *nearest, stem, f"{stem}.svc")


def with_port(domains: tuple[str, ...], port: int) -> tuple[str, ...]:
    """The names as requests to an explicit proxy have them: with the port, which may be left out if it is 80."""
    if port == 80:
        return tuple(name for domain in domains for name in (domain, f"{domain}:80"))
    return tuple(f"{domain}:{port}" for domain in domains)


def _address(address: str) -> str:
    """An address as it stands in a URL; nothing for a block of addresses or an unspecified one."""
    if "/" in address:
        return ""
    parsed = ip_address(address)
    if parsed.is_unspecified:
        return ""
    return f"[{address}]" if isinstance(parsed, IPv6Address) else address
