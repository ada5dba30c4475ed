"""A translator that raises: what becomes of a proxy, by whether it is one that keeps others out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from envoy_data_plane.envoy.config.cluster.v3 import Cluster

import translators
from translators.filters import authorization, external_authorization, jwt_authn
from xds.model.mesh import EMPTY_MESH
from xds.model.proxy import Proxy, ProxyType
from xds.model.settings import MeshSettings
from xds.model.view import ProxyView
from xds.pipeline import Compiled, Contribution, Memo, Pipeline, Translator, add
from xds.pipeline.translator import guard, is_guard
from xds.resources import CLUSTER

PROXY = Proxy("id", ProxyType.SIDECAR, "client", "default", ("10.0.0.1",), "default.svc.cluster.local")


def other(_view: ProxyView, _memo: Memo) -> Iterable[Contribution]:
    return (add(Cluster(name="other")),)


class Failing:
    """A translator that fails while it is told to."""

    def __init__(self) -> None:
        self.broken = True

    def __call__(self, _view: ProxyView, _memo: Memo, /) -> Iterable[Contribution]:
        if self.broken:
            raise RuntimeError("a defect")
        return (add(Cluster(name="own")),)


def clusters(compiled: Compiled) -> list[str]:
    return sorted(each.name for each in compiled.snapshot[CLUSTER])


def compiled(*using: Translator) -> Compiled:
    return Pipeline(using).compile(EMPTY_MESH, PROXY)


def test_others_do_not_suffer_from_one_that_raises() -> None:
    assert clusters(compiled(Failing(), other)) == ["other"]


def test_without_one_that_keeps_others_out_nothing_is_sent() -> None:
    found = compiled(guard(Failing()), other)

    assert clusters(found) == []
    (error,) = found.errors
    assert error.reason.startswith("RuntimeError: a defect; the proxy is sent nothing at all")


def test_what_kept_others_out_before_goes_on_to() -> None:
    failing = Failing()
    pipeline = Pipeline((guard(failing), other))
    failing.broken = False
    assert clusters(pipeline.compile(EMPTY_MESH, PROXY)) == ["other", "own"]

    failing.broken = True
    changed = replace(EMPTY_MESH, settings=MeshSettings(root_namespace="elsewhere"))

    assert clusters(pipeline.compile(changed, PROXY)) == ["other", "own"]


def test_what_keeps_others_out_is_marked_in_the_default_list() -> None:
    guards = {each.__module__ for each in translators.DEFAULT if is_guard(each)}

    assert guards == {each.__name__ for each in (authorization, external_authorization, jwt_authn)}
