"""Why the certificate authority does not do what it is asked."""

from __future__ import annotations


class CertificateError(ValueError):
    """What was asked for cannot be issued, or what was issued is not what it must be. The message says why."""


class RequestError(CertificateError):
    """A certificate signing request that is refused."""


class RotationError(CertificateError):
    """A step of a rotation that is not possible now."""


class KeystoreError(CertificateError):
    """The folder of the authority cannot be used as it is. The message says what to do."""


class PluggedInError(CertificateError):
    """What somebody else has made cannot be used. The message says which file, and why."""


class RateLimitError(CertificateError):
    """Somebody asks too often."""
