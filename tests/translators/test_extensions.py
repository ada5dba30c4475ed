"""Filters of extensions: on which side and ports they stand, and what stands in for what cannot be run."""

from __future__ import annotations

import pytest
from envoy_data_plane.envoy.config.core.v3 import TypedExtensionConfig

from translators.filters import extension as translator
from xds.model.extensions import (
    Extension,
    FailStrategy,
    Lua,
    Module,
    ModuleFailure,
    ModuleReference,
    ProxyExtension,
    TrafficSelector,
    Wasm,
    WorkloadMode,
)
from xds.model.objects import ObjectKey, ObjectMeta, Origin
from xds.pipeline.contribution import Direction, HttpFilterPart, Resources
from xds.pipeline.memo import Memo

META = ObjectMeta(ObjectKey("WasmPlugin", "shop", "plugin"), Origin("mesh.yaml", 1), "extensions.istio.io", "v1alpha1")
CODE = Module("", b"code")
LUA = Lua("-- nothing")


def wasm(strategy: FailStrategy = FailStrategy.FAIL_CLOSE) -> Wasm:
    return Wasm(ModuleReference("https://modules.example.com/a.wasm"), Origin("mesh.yaml", 5), fail_strategy=strategy)


def filters(*match: TrafficSelector) -> dict[Direction, frozenset[int] | None]:
    """By side, the ports; sides without the filter are left out."""
    made = translator._contributions((ProxyExtension(Extension(META, LUA, match=match)),), Memo())
    parts = [part for part in made if isinstance(part, HttpFilterPart)]
    return {direction: part.ports for part in parts for direction in part.directions}


def resource(of: ProxyExtension) -> tuple[str, str | None]:
    """The type of what the filter runs, and of what is sent instead."""
    (found,) = (
        each
        for made in translator._contributions((of,), Memo())
        if isinstance(made, Resources)
        for each in made.resources
    )
    return _kind(found.body), _kind(found.instead.body) if found.instead is not None else None


def _kind(body: bytes) -> str:
    config = TypedExtensionConfig.parse(body).typed_config
    return config.type_url.rpartition(".")[2] if config else ""


def test_without_a_match_it_is_for_everything() -> None:
    assert filters() == dict.fromkeys(Direction)


def test_a_gateway_is_a_client() -> None:
    assert filters(TrafficSelector(WorkloadMode.CLIENT)) == {Direction.OUTBOUND: None, Direction.GATEWAY: None}
    assert filters(TrafficSelector(WorkloadMode.SERVER)) == {Direction.INBOUND: None}


def test_several_matches_unite_and_one_without_ports_is_for_all() -> None:
    client, server = WorkloadMode.CLIENT, WorkloadMode.SERVER
    found = filters(TrafficSelector(client, (80,)), TrafficSelector(client, (443,)), TrafficSelector(server, (8080,)))
    outbound = frozenset({80, 443})
    assert found == {Direction.OUTBOUND: outbound, Direction.GATEWAY: outbound, Direction.INBOUND: frozenset({8080})}
    assert filters(TrafficSelector(client, (80,)), TrafficSelector(client))[Direction.OUTBOUND] is None


@pytest.mark.parametrize(
    ("strategy", "substitute"),
    [(FailStrategy.FAIL_OPEN, "RBAC"), (FailStrategy.FAIL_CLOSE, "HTTPFault"), (FailStrategy.FAIL_RELOAD, "HTTPFault")],
)
def test_the_strategy_says_what_stands_in_for_a_module(strategy: FailStrategy, substitute: str) -> None:
    extension = Extension(META, wasm(strategy))
    assert resource(ProxyExtension(extension, CODE)) == ("Wasm", substitute)
    assert resource(ProxyExtension(extension, ModuleFailure("no"))) == (substitute, None)


def test_nothing_is_said_of_a_module_that_is_still_being_fetched() -> None:
    made = translator._contributions((ProxyExtension(Extension(META, wasm())),), Memo())
    assert [type(part) for part in made] == [HttpFilterPart]


def test_requests_pass_lua_that_cannot_be_run() -> None:
    assert resource(ProxyExtension(Extension(META, LUA))) == ("Lua", "RBAC")
