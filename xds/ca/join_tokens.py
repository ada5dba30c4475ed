"""Join tokens: each proves one identity, once. What is stored of a token does not tell it.

A token is a file ``tokens/SHA256.json``. Whoever removes that file has used it, so that two servers with one folder
cannot both take it, and a crash after that costs the token and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from xds.ca.disk import Disk
from xds.ca.errors import CertificateError
from xds.model.file_format import NewerFormatError, check_format
from xds.model.identity import SpiffeId

LONGEST: Final = timedelta(days=7)

_FOLDER: Final = "tokens"
_BYTES: Final = 32
_MAX_TOKEN: Final = 256


class JoinTokens:
    """The tokens of one folder."""

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self._folder = folder / _FOLDER
        self._disk = disk or Disk()

    def create(self, identity: SpiffeId, life: timedelta, now: datetime) -> str:
        """A new token, which nobody can tell from the folder. Raises CertificateError for an impossible life."""
        if not timedelta() < life <= LONGEST:
            raise CertificateError(f"a token lasts more than nothing and at most {LONGEST.days} days")
        if not identity.is_workload:
            raise CertificateError(f"{identity} is no workload: spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT")
        token = secrets.token_urlsafe(_BYTES)
        content = json.dumps({"version": 1, "spiffeId": str(identity), "expires": (now + life).isoformat()})
        self._disk.make_folder(self._folder)
        self.tidy(now)
        self._disk.write(self._path(token), content.encode() + b"\n")
        return token

    def use(self, token: str, now: datetime) -> SpiffeId:
        """Whose token this is; it is gone after that. Raises CertificateError if there is none such, or it is over.

        One that is over is left to `tidy`: it may be the clock that is wrong.
        """
        path = self._path(token)
        try:
            identity, expires = _read(path.read_bytes(), path)
            if now >= expires:
                raise CertificateError(f"the join token ended at {expires:%F %T} UTC")
            path.unlink()
        except FileNotFoundError as error:
            raise CertificateError("the join token is unknown, or was used before") from error
        return identity

    def tidy(self, now: datetime) -> int:
        """Removes the tokens that are over; returns how many. What cannot be read stays."""
        paths = list(self._folder.glob("*.json")) if self._folder.exists() else []
        over = [path for path in paths if _is_over(path, now)]
        for path in over:
            self._disk.remove(path)
        return len(over)

    def _path(self, token: str) -> Path:
        if len(token) > _MAX_TOKEN:
            raise CertificateError("the join token is unknown, or was used before")
        return self._folder / f"{hashlib.sha256(token.encode()).hexdigest()}.json"


def _is_over(path: Path, now: datetime) -> bool:
    try:
        return now >= _read(path.read_bytes(), path)[1]
    except (CertificateError, FileNotFoundError):  # which may have been used just now
        return False


def _read(content: bytes, path: Path) -> tuple[SpiffeId, datetime]:
    try:
        document = json.loads(content)
        check_format(document, "the join token")
        return SpiffeId.parse(document["spiffeId"]), datetime.fromisoformat(document["expires"]).astimezone(UTC)
    except NewerFormatError as error:
        raise CertificateError(f"{error}: make another") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CertificateError(f"{path} is damaged") from error
