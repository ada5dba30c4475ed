"""The product without its I/O: files go in, the bytes of responses for one or more proxies come out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import translators
from xds.config.configuration import Configuration
from xds.config.yaml import ParsedFile, parse_documents
from xds.model.diagnostic import Severity
from xds.model.proxy import Proxy
from xds.pipeline import Pipeline
from xds.protocol.framing import DeltaBatch
from xds.resources import EMPTY_SNAPSHOT, TYPE_ORDER, Snapshot


class Plane:
    """One control plane, driven by hand."""

    def __init__(self) -> None:
        self.configuration = Configuration()
        self._pipeline = Pipeline(translators.DEFAULT)
        self._parsed: dict[str, ParsedFile] = {}

    def parse(self, files: Mapping[str, str]) -> Mapping[str, ParsedFile]:
        """The documents of files, those that are known and unchanged taken over."""
        parsed = {path: parse_documents(text, path, self._parsed.get(path)) for path, text in files.items()}
        self._parsed.update(parsed)
        return parsed

    def fold(self, parsed: Mapping[str, ParsedFile]) -> None:
        """Put the documents in force. Raises AssertionError if one is wrong: then it is not measured as intended."""
        self.configuration = self.configuration.apply(parsed)
        errors = [d for d in self.configuration.diagnostics if d.severity is Severity.ERROR]
        if errors:
            raise AssertionError(f"the measured mesh has errors: {errors[0]}")

    def compile(self, proxy: Proxy) -> Snapshot:
        """The resources of a proxy. Raises AssertionError if a translator failed."""
        compiled = self._pipeline.compile(self.configuration.mesh, proxy)
        if compiled.errors:
            raise AssertionError(f"a translator failed: {compiled.errors[0]}")
        return compiled.snapshot

    def change(self, path: str, text: str, proxy: Proxy) -> Snapshot:
        """One file changed: what the proxy has now."""
        self.fold(self.parse({path: text}))
        return self.compile(proxy)

    def tidy(self, proxy: Proxy) -> None:
        """Forget what this proxy does not use, as the server does now and then."""
        self._pipeline.tidy(self.configuration.mesh, (proxy,))


def responses(new: Snapshot, old: Snapshot = EMPTY_SNAPSHOT) -> Iterable[bytes]:
    """The incremental responses that bring a client from ``old`` to ``new``, one for each type that changed."""
    for type_url in TYPE_ORDER:
        diff = new[type_url].diff(old[type_url])
        if diff:
            yield DeltaBatch(type_url, diff.changed, diff.removed).encode("1")
