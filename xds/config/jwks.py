"""JSON Web Key Sets (RFC 7517), read as Envoy reads them, key by key.

Envoy refuses a whole configuration for a set of which it can use no key, and says nothing of keys that it skips. So
each key is looked at here: what a proxy cannot use is left out with a reason, and costs nothing but itself. Only what a
signature is checked with goes on to proxies. A symmetric key is no public key: whoever can check a token with it can
make one, so it is left out too.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from xds.model.request_authentication import KeySet

MAX_KEYS: Final = 100
"""Of a set: a token without a key's name is tried with each."""

MIN_RSA_BITS: Final = 2048
"""RFC 7518, 3.3."""

_MAX_RSA_BITS: Final = 16384
_CURVES: Final = {"P-256": ("ES256", 32), "P-384": ("ES384", 48), "P-521": ("ES512", 66)}
"""By curve, the algorithm and the bytes of a coordinate."""

_RSA_ALGORITHMS: Final = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_ED25519_BYTES: Final = 32
_BASE64URL: Final = re.compile("[-_A-Za-z0-9]+")

Jwk: TypeAlias = Mapping[str, object]


def parse_jwks(text: str) -> KeySet:
    """The keys of a set that can be used. Raises ValueError if it is no set, or has none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("this is not JSON") from None
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list):
        raise ValueError("this is no JSON Web Key Set: it has no list of keys")
    if len(keys) > MAX_KEYS:
        raise ValueError(f"this has {len(keys)} keys, and {MAX_KEYS} at most are taken")
    usable: list[Jwk] = []
    left_out: list[str] = []
    for index, key in enumerate(keys):
        if isinstance(key, dict) and key.get("use", "sig") != "sig":
            continue  # nothing is wrong with it: issuers have keys for other purposes beside
        try:
            usable.append(_usable(key))
        except ValueError as error:
            left_out.append(f"{_named(key, index)} is left out: {error}")
    if not usable:
        raise ValueError("; ".join(["this has no key that can be used", *left_out[:5]]))
    return KeySet(json.dumps({"keys": usable}, sort_keys=True, separators=(",", ":")), tuple(left_out))


def _named(key: object, index: int) -> str:
    name = key.get("kid") if isinstance(key, dict) else None
    return f"key {name[:60]!r}" if isinstance(name, str) else f"keys[{index}]"


def _usable(key: object) -> Jwk:
    """What goes on to a proxy. Raises ValueError, with what is wrong, for a key that it could not use."""
    if not isinstance(key, dict):
        raise ValueError("it is no object")
    kind = _text(key, "kty")
    if kind not in _KINDS:
        reason = "it is symmetric: whoever checks tokens with it could make them" if kind == "oct" else "unknown type"
        raise ValueError(f"{reason} (kty {kind[:20]!r})")
    members = {name: _text(key, name) for name in ("kid", "alg") if key.get(name) is not None}
    return {"kty": kind, **members, **_KINDS[kind](key, members.get("alg", ""))}


def _text(key: Jwk, name: str) -> str:
    value = key.get(name, "")
    if not isinstance(value, str):
        raise ValueError(f"its {name} is no string")
    return value


def _rsa(key: Jwk, algorithm: str) -> Jwk:
    if algorithm and algorithm not in _RSA_ALGORITHMS:
        raise ValueError(f"its algorithm {algorithm[:20]!r} is not for signatures with RSA")
    modulus, exponent = (int.from_bytes(_bytes(key, name)) for name in ("n", "e"))
    if not MIN_RSA_BITS <= modulus.bit_length() <= _MAX_RSA_BITS:
        raise ValueError(f"it has {modulus.bit_length()} bits, and must have {MIN_RSA_BITS} to {_MAX_RSA_BITS}")
    if modulus % 2 == 0 or exponent % 2 == 0 or not 3 <= exponent < 1 << 33:
        raise ValueError("its numbers are not those of an RSA key")
    return _members(key, "n", "e")


def _ec(key: Jwk, algorithm: str) -> Jwk:
    curve = _text(key, "crv")
    if curve not in _CURVES:
        raise ValueError(f"its curve {curve[:20]!r} is none of {', '.join(_CURVES)}")
    wanted, size = _CURVES[curve]
    if algorithm not in ("", wanted):
        raise ValueError(f"its algorithm {algorithm[:20]!r} is not {wanted}, that of {curve}")
    x, y = (_bytes(key, name) for name in ("x", "y"))
    if max(len(x), len(y)) > size:
        raise ValueError(f"its coordinates are larger than {size} bytes")
    _check_point(curve, x, y)
    return {"crv": curve, **_members(key, "x", "y")}


def _check_point(curve: str, x: bytes, y: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    known: Mapping[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
    try:
        ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), known[curve]).public_key()
    except ValueError:
        raise ValueError(f"its point is not on {curve}") from None


def _okp(key: Jwk, algorithm: str) -> Jwk:
    curve = _text(key, "crv")
    if curve != "Ed25519" or algorithm not in ("", "EdDSA"):
        raise ValueError(f"its curve {curve[:20]!r} is not Ed25519, or its algorithm not EdDSA")
    if len(_bytes(key, "x")) != _ED25519_BYTES:
        raise ValueError(f"its x has not {_ED25519_BYTES} bytes")
    return {"crv": curve, **_members(key, "x")}


def _bytes(key: Jwk, name: str) -> bytes:
    """Base64url, without padding as RFC 7517 has it, or with."""
    text = _text(key, name).rstrip("=")
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise ValueError(f"its {name} is missing, or not base64url")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _members(key: Jwk, *names: str) -> Jwk:
    return {name: _text(key, name).rstrip("=") for name in names}


_KINDS: Final[Mapping[str, Callable[[Jwk, str], Jwk]]] = {"RSA": _rsa, "EC": _ec, "OKP": _okp}
