"""What has to look at connections to a workload before a filter chain is chosen, and on which ports.

Only where needed: whoever waits for a client's first bytes waits for ever where the server is the one to speak first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from envoy_data_plane.envoy.config.listener.v3 import ListenerFilter

from translators.listener.sniffing import http_inspector, original_destination, tls_inspector
from xds.model.peer_authentication import MutualTLSMode, PeerModes
from xds.model.services import Protocol


@dataclass(frozen=True, slots=True)
class Inspectors:
    """http, tls: the ports where something looks for either. tls_elsewhere: whether it looks for TLS on all others
    than ``plain`` too; http_elsewhere: for requests on all others than ``told``."""

    http: tuple[int, ...] = ()
    tls: tuple[int, ...] = ()
    plain: tuple[int, ...] = ()
    told: tuple[int, ...] = ()
    tls_elsewhere: bool = False
    http_elsewhere: bool = False

    @classmethod
    def of(cls, protocols: Mapping[int, Protocol], modes: PeerModes | None, *, requests: bool = False) -> Inspectors:
        """For ports with these protocols. modes: of mutual TLS; None where there is none. requests: whether they are
        looked for on ports without a protocol too."""
        if modes is None:
            http = tuple(port for port, protocol in protocols.items() if _is_sniffed(protocol))
            told = tuple(port for port in protocols if port not in http)
            return cls(http=http, told=told, http_elsewhere=requests)
        by_port = {port: modes.at(port) for port in sorted({*protocols, *(port for port, _ in modes.ports)})}
        http = tuple(p for p, protocol in protocols.items() if _looks_for_http(protocol, by_port[p]))
        elsewhere = {modes.default, *(mode for port, mode in by_port.items() if port not in protocols)}
        return cls(
            http=http,
            told=tuple(port for port in protocols if port not in http),
            http_elsewhere=requests and elsewhere != {MutualTLSMode.STRICT},
            tls=tuple(port for port, mode in by_port.items() if mode is not MutualTLSMode.DISABLE),
            plain=tuple(port for port, mode in by_port.items() if mode is MutualTLSMode.DISABLE),
            tls_elsewhere=modes.default is not MutualTLSMode.DISABLE,
        )

    @classmethod
    def of_one(cls, protocol: Protocol, mode: MutualTLSMode) -> Inspectors:
        """For a listener of one port, whatever its number."""
        encrypted = mode is not MutualTLSMode.DISABLE
        return cls(http=(0,) if _looks_for_http(protocol, mode) else (), tls_elsewhere=encrypted)

    def __bool__(self) -> bool:
        """True if anything looks at all."""
        return bool(self.http or self.tls or self.tls_elsewhere or self.http_elsewhere)

    def alone(self) -> list[ListenerFilter]:
        """For a listener of one port."""
        return [*([tls_inspector()] if self.tls_elsewhere else []), *([http_inspector()] if self.http else [])]

    def behind_redirection(self) -> list[ListenerFilter]:
        """For a listener of all captured ports. TLS comes first: what it has found is not looked at again."""
        found = [original_destination()]
        if self.tls_elsewhere:
            found.append(tls_inspector(except_ports=self.plain))
        elif self.tls:
            found.append(tls_inspector(only_ports=self.tls))
        if self.http_elsewhere:
            return [*found, http_inspector(except_ports=self.told)]
        return [*found, http_inspector(only_ports=self.http)] if self.http else found


def _looks_for_http(protocol: Protocol, mode: MutualTLSMode) -> bool:
    """With TLS alone the client says what it speaks."""
    return _is_sniffed(protocol) and mode is not MutualTLSMode.STRICT


def _is_sniffed(protocol: Protocol) -> bool:
    return protocol is Protocol.UNSUPPORTED
