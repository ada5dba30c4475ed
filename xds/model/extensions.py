"""WasmPlugin and TrafficExtension: code of the user's own in the way of the traffic. Names are Istio's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from xds.model.labels import EMPTY_LABELS, Labels
from xds.model.objects import ObjectMeta, Origin


class PluginPhase(Enum):
    """Istio ``PluginPhase``: before which of Istio's own filters an extension stands. UNSPECIFIED comes after all."""

    UNSPECIFIED = "UNSPECIFIED"
    AUTHN = "AUTHN"
    AUTHZ = "AUTHZ"
    STATS = "STATS"


class WorkloadMode(Enum):
    """Istio ``WorkloadMode``: on which side of its connection a workload is. Gateways are clients."""

    CLIENT = "CLIENT"
    SERVER = "SERVER"
    CLIENT_AND_SERVER = "CLIENT_AND_SERVER"


class PluginType(Enum):
    """Istio ``PluginType``: whether a module works on requests or on connections."""

    HTTP = "HTTP"
    NETWORK = "NETWORK"


class FailStrategy(Enum):
    """Istio ``FailStrategy``: what happens to traffic when the module fails, or is not there."""

    FAIL_CLOSE = "FAIL_CLOSE"
    FAIL_OPEN = "FAIL_OPEN"
    FAIL_RELOAD = "FAIL_RELOAD"


class PullPolicy(Enum):
    """Istio ``PullPolicy``: whether a module that was fetched once is fetched again."""

    IF_NOT_PRESENT = "IfNotPresent"
    ALWAYS = "Always"


@dataclass(frozen=True, slots=True)
class TrafficSelector:
    """Istio ``TrafficSelector``. ports: outbound those of the service, inbound those of the workload; empty for all."""

    mode: WorkloadMode = WorkloadMode.CLIENT_AND_SERVER
    ports: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ModuleReference:
    """Where a module comes from: two that are equal are fetched once.

    url: with its scheme. sha256: of the module, in hex; empty if nobody says. revision: of what the object says, where
    a change of it asks for the module anew. base: the folder that a path which is not absolute starts from.
    """

    url: str
    sha256: str = ""
    pull_policy: PullPolicy = PullPolicy.IF_NOT_PRESENT
    revision: str = ""
    base: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Module:
    """The code itself. sha256: of ``code``, in hex. remark: why it could not be fetched anew; empty if it could."""

    sha256: str
    code: bytes = field(repr=False)
    remark: str = ""


@dataclass(frozen=True, slots=True)
class ModuleFailure:
    """Why a module cannot be had, and what can be done about it."""

    reason: str


Modules: TypeAlias = Mapping[ModuleReference, Module | ModuleFailure]
"""What is known of modules; of one that is not here it is not known yet."""


@dataclass(frozen=True, slots=True)
class Lua:
    """Istio ``LuaConfig``. code: with the functions that Envoy's Lua filter calls."""

    code: str


@dataclass(frozen=True, slots=True)
class Wasm:
    """Istio ``WasmConfig``, and what a ``WasmPlugin`` says of its module.

    origin: where the URL is written. name: of the plugin within the module. config: JSON, or empty. env: set for the
    module; host_env: the variables of the proxy's own process that the module may read.
    """

    module: ModuleReference
    origin: Origin
    name: str = ""
    config: str = ""
    env: Labels = EMPTY_LABELS
    host_env: tuple[str, ...] = ()
    fail_strategy: FailStrategy = FailStrategy.FAIL_CLOSE
    type: PluginType = PluginType.HTTP


@dataclass(frozen=True, slots=True)
class Extension:
    """A ``WasmPlugin`` or a ``TrafficExtension``.

    selector: of workloads; empty for all. gateways: names of Kubernetes Gateways, instead of a selector; None for none.
    match: the traffic; empty for all. priority: within a phase, the highest first.
    """

    meta: ObjectMeta
    action: Lua | Wasm
    selector: Labels = EMPTY_LABELS
    gateways: tuple[str, ...] | None = None
    phase: PluginPhase = PluginPhase.UNSPECIFIED
    priority: int = 0
    match: tuple[TrafficSelector, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ProxyExtension:
    """An extension as a proxy has it. module: what is known of that of a Wasm extension; None: nothing yet."""

    extension: Extension
    module: Module | ModuleFailure | None = None

    @property
    def is_known(self) -> bool:
        """Whether it can be said what the proxy is to run, be it something in its place."""
        return isinstance(self.extension.action, Lua) or self.module is not None
