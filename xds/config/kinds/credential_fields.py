"""The two halves of a credential from their PEM. What is wrong is told with the key, and never with what is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from xds.config.certificate_checks import (
    chain_problem,
    facts_of,
    facts_of_list,
    key_problem,
    not_authorities,
    without_list,
)
from xds.config.kinds.secret_data import Entry
from xds.config.pem import certificates, encoded, encoded_key, private_key, revocation_lists
from xds.config.reader import Reader
from xds.model.credentials import Authority, KeyPair, Sealed

T = TypeVar("T")

_INVALID: Final = "invalid-credential"
_DOUBTFUL: Final = "doubtful-credential"


def parse_key_pair(root: Reader, chain: Entry, key: Entry) -> KeyPair | None:
    """The certificates and the private key; None with an error if they are not sound."""
    read_chain = _read(root, chain, certificates)
    read_key = _read(root, key, private_key)
    if read_chain is None or read_key is None:
        return None
    if problem := key_problem(read_chain, read_key):
        root.error(key.path, problem, _INVALID)
        return None
    if problem := chain_problem(read_chain):
        root.warning(chain.path, problem, _DOUBTFUL)
    facts = tuple(map(facts_of, read_chain))
    return KeyPair(encoded(*read_chain), Sealed(encoded_key(read_key)), facts, root.place(chain.path))


def parse_authority(root: Reader, trusted: Entry, revoked: Entry | None) -> Authority | None:
    """The trusted certificates, and what they have revoked; None with an error if they are not sound."""
    read = _read(root, trusted, certificates)
    lists = _read(root, revoked, revocation_lists) if revoked is not None else ()
    if read is None or lists is None:
        return None
    for subject in not_authorities(read):
        root.warning(trusted.path, f"{subject} is no authority: what it signs is not accepted", _DOUBTFUL)
    for subject in without_list(read, lists):
        reason = f"has no list of {subject}: no certificate that it issued is accepted"
        root.warning(revoked.path if revoked else (), reason, _DOUBTFUL)
    return Authority(
        trusted=encoded(*read),
        certificates=tuple(map(facts_of, read)),
        place=root.place(trusted.path),
        revoked=encoded(*lists),
        lists=tuple(map(facts_of_list, lists)),
        place_of_lists=root.place(revoked.path) if revoked is not None else None,
    )


def _read(root: Reader, entry: Entry, parse: Callable[[bytes], T]) -> T | None:
    try:
        return parse(entry.content)
    except ValueError as error:
        root.error(entry.path, "is empty" if not entry.content.strip() else str(error), _INVALID)
        return None
