"""What an agent is to do, as its operator states it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from xds.agent.identity import TokenFile
from xds.app.proxy_spec import ProxySpec
from xds.model.proxy import CaptureMode, ProxyType

SDS_SOCKET: Final = "sds.sock"
WORKLOAD_SOCKET: Final = "workload.sock"
BOOTSTRAP: Final = "envoy.json"


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """spec: the workload. server: the control plane's secure address, ``HOST:PORT``. root_cert: what its certificate is
    checked against. token: by which the workload proves who it is, None if it has its certificate already.
    state_dir: for its key. run_dir: for sockets and the bootstrap. envoy: the program. envoy_args: for it.
    user: numbers of the user and the group that Envoy runs as, None for the agent's own. admin: Envoy's admin
    interface, ``HOST:PORT``. status_listen: port 15020, ``HOST:PORT``. drain_seconds: see `drain`. prometheus_port,
    prometheus_path: of the application's metrics, 0 if it has none. exec_probes: whether commands that the control
    plane names may be run. log_level: as `log.configure` takes it.
    """

    spec: ProxySpec
    server: str
    root_cert: Path
    token: TokenFile | None
    state_dir: Path
    run_dir: Path
    envoy: Path
    envoy_args: tuple[str, ...]
    user: tuple[int, int] | None
    admin: str
    status_listen: str
    drain_seconds: float
    prometheus_port: int
    prometheus_path: str
    exec_probes: bool
    log_level: str

    @property
    def sds_socket(self) -> Path:
        """Where Envoy gets its certificates."""
        return self.run_dir / SDS_SOCKET

    @property
    def workload_socket(self) -> Path:
        """Where the application gets its own."""
        return self.run_dir / WORKLOAD_SOCKET

    @property
    def bootstrap(self) -> Path:
        """What Envoy starts with."""
        return self.run_dir / BOOTSTRAP


def dump(options: AgentOptions) -> str:
    """As text that `load` reads."""
    return json.dumps(asdict(options), default=_plain)


def load(text: str) -> AgentOptions:
    """What `dump` has written."""
    given = json.loads(text)
    for name in ("root_cert", "state_dir", "run_dir", "envoy"):
        given[name] = Path(given[name])
    token, user, spec = given["token"], given["user"], given["spec"]
    given["token"] = TokenFile(Path(token["path"]), token["single_use"]) if token else None
    given["user"] = tuple(user) if user else None
    given["envoy_args"] = tuple(given["envoy_args"])
    kinds = {"type": ProxyType(spec["type"]), "capture": CaptureMode(spec["capture"])}
    given["spec"] = ProxySpec(**{**spec, **kinds, "more_ips": tuple(spec["more_ips"])})
    return AgentOptions(**given)


def _plain(value: object) -> object:
    match value:
        case ProxyType() | CaptureMode():
            return value.value
        case Mapping():
            return dict(value)
        case _:
            return str(value)
