"""A `State` as it stands in a file. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from xds.agent.identity.svid import State, Svid
from xds.model.credentials import Sealed
from xds.model.file_format import NewerFormatError, check_format
from xds.model.identity import SpiffeId
from xds.model.trust import TrustBundle


def to_json(state: State) -> bytes:
    """It shows the key, as it is for a file that nobody else may read."""
    svid = state.svid
    document = {
        "version": 1,
        "svid": None
        if svid is None
        else {
            "spiffeId": str(svid.identity),
            "chain": _texts(svid.chain),
            "key": _text(svid.key.reveal()),
            "obtained": svid.obtained.isoformat(),
            "notAfter": svid.not_after.isoformat(),
        },
        "bundles": [
            {
                "trustDomain": bundle.trust_domain,
                "authorities": _texts(bundle.authorities),
                "jwks": bundle.jwks,
                "crls": _texts(bundle.crls),
                "tainted": _texts(bundle.tainted),
                "aliases": list(bundle.aliases),
                "listedWhole": bundle.listed_whole,
            }
            for bundle in state.bundles
        ],
    }
    return json.dumps(document, indent=2).encode() + b"\n"


def from_json(content: bytes, what: str) -> State:
    """The same, read. what: for the error, which never shows the content. Raises ValueError, of which NewerFormatError
    is for what a later version has written.
    """
    try:
        document = json.loads(content)
        check_format(document, what)
        svid, bundles = document["svid"], document["bundles"]
        return State(_svid(svid) if svid is not None else None, tuple(map(_bundle, bundles)))
    except NewerFormatError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{what} is damaged ({type(error).__name__})") from None


def _svid(document: Mapping[str, object]) -> Svid:
    return Svid(
        SpiffeId.parse(_string(document["spiffeId"])),
        _contents(document["chain"]),
        Sealed(_content(document["key"])),
        datetime.fromisoformat(_string(document["obtained"])),
        datetime.fromisoformat(_string(document["notAfter"])),
    )


def _bundle(document: Mapping[str, object]) -> TrustBundle:
    return TrustBundle(
        _string(document["trustDomain"]),
        _contents(document["authorities"]),
        _string(document["jwks"]),
        _contents(document["crls"]),
        _contents(document["tainted"]),
        tuple(map(_string, _list(document["aliases"]))),
        document["listedWhole"] is True,
    )


def _texts(contents: Iterable[bytes]) -> list[str]:
    return [_text(each) for each in contents]


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _contents(value: object) -> tuple[bytes, ...]:
    return tuple(map(_content, _list(value)))


def _content(value: object) -> bytes:
    return base64.b64decode(_string(value), validate=True)


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
