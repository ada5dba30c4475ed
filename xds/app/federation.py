"""Bundles of other trust domains: from files and URLs, asked for again, and remembered for when nobody answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import structlog

from xds.app.address import is_loopback
from xds.app.errors import StartError
from xds.ca.disk import Disk
from xds.ca.errors import CertificateError
from xds.ca.spiffe_bundle import MAX_BUNDLE, REFRESH_HINT, FederatedBundle, read_bundle
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.identity import check_trust_domain
from xds.model.objects import Origin
from xds.sources.http import FetchError, fetch

_log = structlog.get_logger("xds.app")

FOLDER: Final = "federated"
"""Below that of the authority: what was good last, by trust domain."""

LEAST: Final = timedelta(seconds=10)
MOST: Final = timedelta(hours=1)
"""Bounds of how often a URL is asked again, whatever it wants."""

_LOOK: Final = timedelta(seconds=1)
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
_SCHEMES: Final = ("https://", "http://")


@dataclass(frozen=True, slots=True)
class FederationOption:
    """``--federate TRUST_DOMAIN=FILE|URL``."""

    trust_domain: str
    source: str

    @classmethod
    def parse(cls, text: str) -> FederationOption:
        """Raises ValueError if this is none."""
        trust_domain, equals, source = text.partition("=")
        if not equals or not source:
            raise ValueError(f"{text!r} is not TRUST_DOMAIN=FILE|URL")
        check_trust_domain(trust_domain)
        if source.startswith("http://") and not is_loopback(urlsplit(source).hostname or ""):
            raise ValueError(f"{source} is in plain text: anybody on the way could say whom to trust; use https")
        return cls(trust_domain, source)

    @property
    def is_url(self) -> bool:
        """Whether it is asked, and not read."""
        return self.source.startswith(_SCHEMES)


class Federation:
    """What is trusted of other trust domains. For use in the event loop's thread. folder: of the authority."""

    def __init__(
        self, options: tuple[FederationOption, ...], own: Collection[str], folder: Path, changed: Callable[[], None]
    ) -> None:
        """own: names of our own trust domain. changed: is told when a bundle, or what is wrong with it, is another.

        Raises StartError for a trust domain that is named twice, or is our own.
        """
        names = [option.trust_domain for option in options]
        for name in names:
            if name in own or names.count(name) > 1:
                raise StartError(f"--federate {name}: it is {'our own' if name in own else 'there twice'}")
        self._options = options
        self._folder = folder / FOLDER
        self._changed = changed
        self._disk = Disk()
        self._read: dict[str, FederatedBundle] = {}
        self._problems: dict[str, str] = {}
        self.bundles: tuple[FederatedBundle, ...] = ()

    def start(self) -> None:
        """Takes in what is in files, and what was good last. What cannot be used is a finding."""
        for option in self._options:
            if self._kept(option).exists():
                self._try_file(option, self._kept(option))
            if not option.is_url:
                self._try_file(option, Path(option.source))

    async def run(self) -> None:
        """Until cancelled, if there is anything to follow."""
        async with asyncio.TaskGroup() as tasks:
            for option in self._options:
                tasks.create_task(self._follow(option))

    def findings(self) -> Iterator[Diagnostic]:
        """What cannot be had now; what was good last stays."""
        for option in self._options:
            if reason := self._problems.get(option.trust_domain):
                stays = "what it was last stays" if option.trust_domain in self._read else "nobody of it is trusted"
                what = f"the bundle of the trust domain {option.trust_domain} cannot be had, and {stays}: {reason}"
                yield Diagnostic(Severity.WARNING, Origin(option.source, 1), what, code="federated-bundle")

    async def _follow(self, option: FederationOption) -> None:
        failures = 0
        while True:
            before = self._read.get(option.trust_domain), self._problems.get(option.trust_domain)
            await self._ask(option)
            now = self._read.get(option.trust_domain), self._problems.get(option.trust_domain)
            if now != before:
                self._tell(option)
                self._changed()
            failures = failures + 1 if now[1] else 0
            await asyncio.sleep(self._pause(option, failures).total_seconds())

    async def _ask(self, option: FederationOption) -> None:
        try:
            content = await _get(option.source) if option.is_url else await _read(Path(option.source))
        except (OSError, FetchError) as error:
            self._problems[option.trust_domain] = str(error)
            return
        self._take(option, content)

    def _pause(self, option: FederationOption, failures: int) -> timedelta:
        """Files are looked at again and again; URLs as they want, and twice as late after each failure."""
        if not option.is_url:
            return _LOOK
        if failures:
            return min(_LOOK * (1 << min(failures, 12)), MOST)
        bundle = self._read.get(option.trust_domain)
        return min(max((bundle.refresh if bundle else None) or REFRESH_HINT, LEAST), MOST)

    def _try_file(self, option: FederationOption, path: Path) -> None:
        try:
            content = path.read_bytes()
        except OSError as error:
            self._problems[option.trust_domain] = str(error)
            return
        self._take(option, content)

    def _take(self, option: FederationOption, content: bytes) -> None:
        try:
            bundle = read_bundle(content, option.trust_domain)
        except CertificateError as error:
            self._problems[option.trust_domain] = str(error)
            return
        self._problems.pop(option.trust_domain, None)
        if bundle != self._read.get(option.trust_domain):
            self._read[option.trust_domain] = bundle
            self.bundles = tuple(self._read[name] for name in sorted(self._read))
            self._keep(option, content)

    def _keep(self, option: FederationOption, content: bytes) -> None:
        path = self._kept(option)
        try:
            self._disk.make_folder(self._folder)
            if not path.exists() or path.read_bytes() != content:
                self._disk.write(path, content)
        except OSError as error:
            _log.error(
                "a bundle cannot be kept for the next start", trust_domain=option.trust_domain, reason=str(error)
            )

    def _kept(self, option: FederationOption) -> Path:
        return self._folder / f"{option.trust_domain}.bundle"

    def _tell(self, option: FederationOption) -> None:
        reason = self._problems.get(option.trust_domain)
        if reason:
            _log.warning("a federated bundle cannot be had", trust_domain=option.trust_domain, reason=reason)
        else:
            roots = len(self._read[option.trust_domain].roots)
            _log.info("a federated bundle is in force", trust_domain=option.trust_domain, roots=roots)


async def _read(path: Path) -> bytes:
    return await asyncio.to_thread(path.read_bytes)


async def _get(url: str) -> bytes:
    """From nowhere else than it is said: who is trusted is not for others to send us on."""
    async with aiohttp.ClientSession() as session:
        return await fetch(session, url, MAX_BUNDLE, _TIMEOUT, redirects=False)
