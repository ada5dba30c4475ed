"""The certificate authority of a running control plane, in the shapes that the server asks for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

import structlog
from cryptography import x509

from xds.app.errors import StartError
from xds.app.oidc import OidcIssuers
from xds.ca.attestation import Attestor, Evidence, attest, by_certificate, by_join_token, by_jwt_svid
from xds.ca.authority import Issued
from xds.ca.encoding import certificates_pem
from xds.ca.errors import CertificateError, PluggedInError, RateLimitError, RequestError
from xds.ca.keystore import STATE, Keystore
from xds.ca.plugged_in import marks, read_folder
from xds.ca.service import CertificateAuthority, Policy
from xds.ca.tls import ServerTls, own_names
from xds.model.identity import SpiffeId
from xds.server import Bundles, Identify, IdentityError, Proof, RefusedError, Security, Sign, SignedToken, SignToken

_log = structlog.get_logger("xds.app")
_audit = structlog.get_logger("xds.audit")

_LOOK_SECONDS: Final = 1.0
"""How often it is looked whether somebody else has changed the folder."""

_STEP_SECONDS: Final = 60.0
"""How often it is looked whether time has come for a step of a rotation."""


def _now() -> datetime:
    return datetime.now(UTC)


def _elapsed() -> float:
    """Seconds that go on while the machine sleeps, and that nobody can set."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def open_authority(
    folder: Path, trust_domain: str, policy: Policy | None = None, plugged: Path | None = None
) -> CertificateAuthority:
    """The authority of a folder, made if the folder is empty. Raises StartError.

    plugged: the folder of what somebody else has made; None: roots are made here.
    """
    read = partial(read_folder, plugged) if plugged is not None else None
    authority = CertificateAuthority(Keystore(folder), policy or Policy(), _now, read, _elapsed)
    try:
        authority.start(trust_domain)
    except PluggedInError as error:
        raise StartError(f"--ca-certs: {error}") from error
    except (CertificateError, ValueError, OSError) as error:
        raise StartError(f"--ca-dir: {error}") from error
    return authority


def security_of(
    authority: CertificateAuthority, issuers: OidcIssuers, bundles: Bundles, root_namespace: str, host: str
) -> Security:
    """What the server needs. host: where it listens; it is named in its certificate, with the names of this machine."""
    trust_domain = authority.stored.trust_domain
    identity = SpiffeId.of_workload(trust_domain, root_namespace, "pilothouse")
    attestors = (
        by_certificate(trust_domain, authority.is_revoked, lambda: authority.aliases),
        by_jwt_svid(authority),
        issuers.attestor(trust_domain, _now),
        by_join_token(authority, _now),
    )
    contexts = ServerTls(authority, identity, (host, *own_names()), _now)
    return Security(
        contexts=contexts,
        is_revoked=authority.is_revoked,
        identify=_identifier(attestors),
        sign=_signer(authority),
        sign_token=_token_signer(authority),
        bundles=bundles,
    )


def _identifier(attestors: Sequence[Attestor]) -> Identify:
    async def identify(proof: Proof) -> SpiffeId:
        try:
            return await attest(Evidence(proof.certificate, proof.token), attestors)
        except CertificateError as error:
            raise IdentityError(str(error)) from error

    return identify


def _signer(authority: CertificateAuthority) -> Sign:
    def sign(request: str, identity: SpiffeId, asked: timedelta | None) -> Sequence[str]:
        with _refusing():
            issued = authority.issue(request, identity, asked)
        record(issued, authority.active.id)
        leaf, *above = issued.chain
        return [certificates_pem([leaf]).decode(), *map(_pem, above)]

    return sign


@lru_cache(maxsize=64)
def _pem(certificate: x509.Certificate) -> str:
    """Of an authority, as every answer has it."""
    return certificates_pem([certificate]).decode()


def _token_signer(authority: CertificateAuthority) -> SignToken:
    def sign(identity: SpiffeId, audience: Sequence[str]) -> SignedToken:
        with _refusing():
            token = authority.sign_token(identity, audience)
        _audit.info(
            "token issued",
            spiffe_id=str(identity),
            audience=list(audience),
            not_after=token.expires.isoformat(),
            authority=authority.active.id,
        )
        return SignedToken(token.text, token.expires)

    return sign


@contextmanager
def _refusing() -> Iterator[None]:
    """What the authority says no to, as the server tells it to the caller."""
    try:
        yield
    except RequestError as error:
        raise RefusedError(str(error)) from error
    except RateLimitError as error:
        raise RefusedError(str(error), "RESOURCE_EXHAUSTED") from error
    except CertificateError as error:
        raise RefusedError(str(error), "FAILED_PRECONDITION") from error


def record(issued: Issued, authority: str) -> None:
    """That a certificate was given to somebody, for the log."""
    _audit.info(
        "certificate issued",
        spiffe_id=str(issued.identity),
        serial=f"{issued.certificate.serial_number:x}",
        not_after=issued.certificate.not_valid_after_utc.isoformat(),
        authority=authority,
    )


async def follow(
    authority: CertificateAuthority, folder: Path, plugged: Path | None, changed: Callable[[], None]
) -> None:
    """Takes in what others do to the folders, and rotates by age. What goes wrong is logged, and tried again.

    plugged: see `open_authority`. changed: is told when anything about the authority is different.
    """
    seen, before, looked, complained = _mark(folder, plugged), _mark(folder, plugged), 0.0, ""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        mark = _mark(folder, plugged)
        # files that belong together may still be arriving: they are read once nothing changes any more
        is_new, before = mark != seen and mark == before, mark
        if not is_new and loop.time() < looked + _STEP_SECONDS:
            continue
        seen, looked = mark, loop.time()
        try:
            is_different = authority.refresh()
            problem = authority.problem or authority.trouble
        except (CertificateError, OSError) as error:
            is_different, problem = False, str(error)
        if is_different:
            _tell(authority)
            seen = _mark(folder, plugged)
        if problem and problem != complained:
            _log.error("the authority cannot be refreshed; what it had stays in force", reason=problem)
        if is_different or problem != complained:
            changed()
        complained = problem


def _tell(authority: CertificateAuthority) -> None:
    slots = [f"{member.id} {member.slot.value}" for member in authority.stored.slots.trusted]
    _audit.info("authorities changed", authorities=slots, trust_domain=authority.stored.trust_domain)


def _mark(folder: Path, plugged: Path | None) -> object:
    """Changes whenever somebody writes the state, or what is plugged in."""
    return marks(folder, (STATE,)), marks(plugged) if plugged is not None else ()
