"""A Wasm module and how it is run: the fields of a WasmPlugin, which a TrafficExtension has under ``wasm``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import PurePath
from typing import Final

from xds.config.kinds.honoured import dotted
from xds.config.reader import Reader
from xds.model.extensions import FailStrategy, ModuleReference, PluginType, PullPolicy, Wasm
from xds.model.labels import Labels

SCHEMES: Final = ("file", "http", "https", "oci")
_FIELDS: Final = (
    "url sha256 imagePullPolicy pluginConfig pluginName failStrategy type "
    "vmConfig.env.name vmConfig.env.value vmConfig.env.valueFrom"
)


def wasm_fields(prefix: str) -> frozenset[str]:
    """The honoured paths below ``prefix``."""
    return dotted(prefix, _FIELDS)


def parse_wasm(reader: Reader) -> Wasm:
    """How the module is fetched and run; with an error in ``reader`` it must not be used."""
    kind = reader.text("type")
    return Wasm(
        module=_module(reader),
        origin=reader.origin_of("url"),
        name=reader.text("pluginName"),
        config=_config(reader),
        env=Labels(_env(reader)),
        host_env=tuple(entry.text("name") for entry in _entries(reader) if _is_from_host(entry)),
        fail_strategy=FailStrategy(reader.text("failStrategy", "FAIL_CLOSE")),
        type=PluginType.NETWORK if kind == "NETWORK" else PluginType.HTTP,
    )


def _module(reader: Reader) -> ModuleReference:
    url = reader.parsed("url", _url, "")
    sha256 = reader.text("sha256")
    policy = _pull_policy(reader.text("imagePullPolicy"), url, sha256)
    return ModuleReference(
        url=url,
        sha256=sha256,
        pull_policy=policy,
        revision=_revision(reader) if policy is PullPolicy.ALWAYS else "",
        base=str(PurePath(reader.origin.file).parent) if _is_relative(url) else "",
    )


def _url(text: str) -> str:
    """Without a scheme it is an OCI image."""
    scheme, colon, rest = text.partition("://")
    if not colon:
        scheme, rest = "oci", text
    if scheme not in SCHEMES:
        raise ValueError(f"{text!r}: the scheme must be one of {', '.join(SCHEMES)}")
    if scheme in ("http", "https") and "@" in rest.partition("/")[0]:
        raise ValueError("a password does not belong in a URL: everyone would see it here")
    if not rest:
        raise ValueError(f"{text!r} names nothing")
    return f"{scheme}://{rest}"


def _is_relative(url: str) -> bool:
    """Whether it may be a path that starts from the folder of its document."""
    scheme, _, rest = url.partition("://")
    return scheme in ("file", "oci") and not rest.startswith("/")


def _pull_policy(given: str, url: str, sha256: str) -> PullPolicy:
    """Istio: a checksum settles it; otherwise images without a tag, or with ``latest``, are always fetched."""
    if sha256:
        return PullPolicy.IF_NOT_PRESENT
    if given in ("", "UNSPECIFIED_POLICY"):
        name = url.rpartition("/")[2]
        latest = url.startswith("oci://") and "@" not in name and name.partition(":")[2] in ("", "latest")
        return PullPolicy.ALWAYS if latest else PullPolicy.IF_NOT_PRESENT
    return PullPolicy(given)


def _revision(reader: Reader) -> str:
    return hashlib.blake2b(_json(reader.value).encode(), digest_size=8).hexdigest()


def _config(reader: Reader) -> str:
    """As Istio hands it over: the JSON of what is written, or nothing."""
    given = reader.raw_value("pluginConfig")
    return _json(given) if given else ""


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def _entries(reader: Reader) -> list[Reader]:
    return reader.section("vmConfig").items("env")


def _is_from_host(entry: Reader) -> bool:
    return entry.text("valueFrom") == "HOST"


def _env(reader: Reader) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for entry in _entries(reader):
        name = entry.text("name")
        if name in seen:
            entry.error("name", f"{name} is set twice", "duplicate")
        seen.add(name)
        if not _is_from_host(entry):
            yield name, entry.text("value")
        elif entry.has("value"):
            entry.error("value", "may only be set when valueFrom is INLINE", "conflicting-fields")
