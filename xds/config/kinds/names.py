"""Names as the author of an object wrote them, completed for everyone else."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from xds.config.document import RawObject
from xds.config.kinds.kind import Context
from xds.config.reader import Reader
from xds.config.scalars import is_ip, parse_dns_label, parse_host
from xds.model.hosts import resolve_short_name
from xds.model.routing import MESH_GATEWAY


@dataclass(frozen=True, slots=True)
class Scope:
    """Where names are written: the namespace of the object, and the cluster's DNS domain.

    The methods suit :meth:`Reader.parsed` and :meth:`Reader.parsed_strings`: they raise ValueError for a wrong name.
    """

    namespace: str
    domain_suffix: str

    @classmethod
    def of(cls, raw: RawObject, context: Context) -> Scope:
        return cls(raw.namespace, context.domain_suffix)

    def host(self, text: str) -> str:
        """A fully qualified host name, in lower case; it may be a wildcard."""
        return _full_name(text, self.namespace, self.domain_suffix)

    def host_or_address(self, text: str) -> str:
        """As :meth:`host`, or an IP address as it is."""
        return text if ":" in text and is_ip(text) else self.host(text)

    def gateway(self, text: str) -> str:
        """``namespace/name``, or ``mesh``. Accepts ``name``, ``./name`` and Istio's old ``name.namespace[.svc...]``."""
        if text == MESH_GATEWAY:
            return text
        namespace, slash, name = text.partition("/")
        if not slash:
            name, dot, rest = text.partition(".")
            namespace = rest.partition(".")[0] if dot else self.namespace
        if not name or not namespace or "/" in name:
            raise ValueError(f"{text!r} is not a gateway: write its name, or namespace/name")
        return f"{self.namespace if namespace == '.' else namespace}/{name}"

    def visibility(self, text: str) -> str:
        """An entry of exportTo: a namespace, ``*`` or ``~``; ``.`` becomes the object's own."""
        if text == ".":
            return self.namespace
        return text if text in ("*", "~") else parse_dns_label(text)

    def visible_to(self, default: tuple[str, ...]) -> tuple[str, ...]:
        """A default of the mesh for an object that is written here."""
        return tuple(map(self.visibility, default)) if "." in default else default


@lru_cache(maxsize=65536)
def _full_name(host: str, namespace: str, domain_suffix: str) -> str:
    return resolve_short_name(parse_host(host), namespace, domain_suffix)


def parse_export_to(spec: Reader, scope: Scope, default: tuple[str, ...]) -> tuple[str, ...]:
    """``exportTo``; absent or empty, it is the mesh's ``default``."""
    given = tuple(dict.fromkeys(spec.parsed_strings("exportTo", scope.visibility))) if spec.has("exportTo") else ()
    return given or scope.visible_to(default)


def parse_port_number(reader: Reader, name: str) -> int | None:
    """A port number; None if absent. Anything but 1 to 65535 is an error."""
    number = reader.integer(name, None)
    if number is not None and not 1 <= number <= 65535:
        reader.error(name, f"{number} is not a port number from 1 to 65535", "out-of-range")
    return number


def parse_percentage(reader: Reader, name: str, default: float) -> float:
    """Istio's ``Percent``, a message with one ``value`` from 0 to 100; without ``value`` it is 0."""
    percent = reader.child(name)
    return default if percent is None else _in_percent(percent, "value", percent.number("value"))


def parse_whole_percentage(reader: Reader, name: str) -> int | None:
    """A plain integer from 0 to 100; None if absent."""
    value = reader.integer(name, None)
    if value is not None:
        _in_percent(reader, name, value)
    return value


def _in_percent(reader: Reader, name: str, value: float) -> float:
    if not 0 <= value <= 100:
        reader.error(name, f"{value:g} is not a percentage from 0 to 100", "out-of-range")
    return value
