"""Credentials in the inputs of golden cases: made when they are read, always the same, and in no file."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from functools import cache

from tests.certificates import Authority
from xds.app.render import Document

_PLACE = re.compile(r"\{\{(base64 )?(chain|key|authority|revoked) ([\w.-]+)\}\}")


def with_credentials(text: str) -> str:
    """The text with a quoted string for each ``{{chain NAME}}``, ``{{key NAME}}``, ``{{authority NAME}}`` and
    ``{{revoked NAME}}`` (of the authority NAME, which has revoked one of its certificates)."""
    return _PLACE.sub(lambda place: _quoted(_content(place[2], place[3]), is_base64=bool(place[1])), text)


def identity_secrets() -> list[Document]:
    """What a proxy with an identity is sent (SDS), as documents."""
    sources: list[Document] = [{"inline_string": _content(what, "example")} for what in ("chain", "key", "authority")]
    chain, key, trusted = sources
    return [
        {"name": "default", "tls_certificate": {"certificate_chain": chain, "private_key": key}},
        {"name": "ROOTCA", "validation_context": {"trusted_ca": trusted}},
    ]


def _quoted(content: str, *, is_base64: bool) -> str:
    return json.dumps(b64encode(content.encode()).decode() if is_base64 else content)


@cache
def _content(what: str, name: str) -> str:
    match what:
        case "authority":
            return Authority(name).pem
        case "revoked":
            authority = Authority(name)
            return authority.revoke(authority.issue("revoked"))
        case "chain":
            return Authority("example").issue(name).chain
        case _:
            return Authority("example").issue(name).key_pem
