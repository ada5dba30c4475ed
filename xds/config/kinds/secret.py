"""Secret: a certificate with its key, an authority, or both (Kubernetes ``core/v1 Secret``, with the keys of Istio's).

Secrets for others than proxies are common, and harm nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xds.config.document import RawObject
from xds.config.kinds.kind import Context, Kind
from xds.config.kinds.result import has_errors, result
from xds.config.kinds.secret_data import Entry, read_data
from xds.config.reader import Reader
from xds.model.credentials import Credential
from xds.model.diagnostic import Diagnostic

HONOURED = frozenset({"type", "data", "stringData"})
TOLERATED = frozenset({"immutable"})

TLS_TYPE: Final = "kubernetes.io/tls"
_FOR_OTHERS: Final = frozenset(
    {
        "bootstrap.kubernetes.io/token",
        "helm.sh/release.v1",
        "kubernetes.io/basic-auth",
        "kubernetes.io/dockercfg",
        "kubernetes.io/dockerconfigjson",
        "kubernetes.io/service-account-token",
        "kubernetes.io/ssh-auth",
    }
)
_PAIRS: Final = (("cert", "key"), ("tls.crt", "tls.key"))
_AUTHORITIES: Final = (("cacert", "crl"), ("ca.crt", "ca.crl"))
_KEYS: Final = frozenset(key for keys in (*_PAIRS, *_AUTHORITIES) for key in keys)
_FIELDS: Final = {"data": True, "stringData": False}


def parse(raw: RawObject, context: Context) -> tuple[Credential | None, tuple[Diagnostic, ...]]:
    """The credential of a document; see :class:`~xds.config.kinds.kind.Kind`."""
    root = Reader(raw)
    type_ = root.text("type", "Opaque")
    if type_ in _FOR_OTHERS:
        root.info("type", f"{type_} is not for proxies: this is ignored", "ignored-kind")
        return result(root, Credential(raw.meta))
    entries = read_data(root, _FIELDS, _KEYS)
    if type_ == TLS_TYPE:
        for key in ("tls.crt", "tls.key"):
            if key not in entries:
                root.error(("data", key), f"is required for {TLS_TYPE}", "missing-field")
    return result(root, None if has_errors(root) else credential_of(root, entries))


def credential_of(root: Reader, entries: Mapping[str, Entry]) -> Credential:
    """What these entries make up. Istio: of two keys for one thing, the one without a dot counts."""
    pair = _chosen(entries, _PAIRS, both=True)
    authority = _chosen(entries, _AUTHORITIES, both=False)
    if pair is None and authority is None:
        root.info((), "has no certificate for proxies in it: this is ignored", "ignored-kind")
        return Credential(root.raw.meta)
    # Not before there is something to read: it takes a while to load.
    from xds.config.kinds.credential_fields import parse_authority, parse_key_pair

    return Credential(
        root.raw.meta,
        parse_key_pair(root, entries[pair[0]], entries[pair[1]]) if pair else None,
        parse_authority(root, entries[authority[0]], entries.get(authority[1])) if authority else None,
    )


def _chosen(
    entries: Mapping[str, Entry], candidates: tuple[tuple[str, str], ...], *, both: bool
) -> tuple[str, str] | None:
    """The first pair of keys of which the first is there, or both are."""
    found = (keys for keys in candidates if keys[0] in entries and (keys[1] in entries or not both))
    return next(found, None)


KIND = Kind(name="Secret", group="", versions=("v1",), honoured=HONOURED, parse=parse, tolerated=TOLERATED)
