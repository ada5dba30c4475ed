"""Host names as Istio writes them: short names, fully qualified names, and wildcards."""

from __future__ import annotations

from functools import lru_cache


def is_wildcard(host: str) -> bool:
    """True for ``*`` and ``*.example.com``."""
    return host.startswith("*")


@lru_cache(maxsize=65536)
def resolve_short_name(host: str, namespace: str, domain_suffix: str = "cluster.local") -> str:
    """The fully qualified name of ``host`` as written in an object of ``namespace``.

    A name without a dot is short for a Kubernetes service of that namespace; anything else is already complete
    (Istio: "reviews" in namespace default is interpreted as reviews.default.svc.cluster.local).
    """
    if "." in host or is_wildcard(host) or not host:
        return host
    return f"{host}.{namespace}.svc.{domain_suffix}"


def host_matches(pattern: str, host: str) -> bool:
    """True if ``pattern`` covers ``host``. Either may be a wildcard; ``*`` covers all, ``*.a.b`` covers ``*.x.a.b``."""
    if not is_wildcard(pattern):
        return pattern == host
    return host.lstrip("*").endswith(pattern[1:]) and len(host) >= len(pattern)


def specificity(host: str) -> tuple[bool, int, str]:
    """Sort key: exact names first, then the longest wildcard, then alphabetically."""
    return (is_wildcard(host), -len(host), host)
