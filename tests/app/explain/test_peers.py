"""The PeerAuthentication that is named is the one whose mode is in force."""

from __future__ import annotations

from itertools import product

import pytest

from translators import DEFAULT
from xds.app.explain.peers import accepted
from xds.app.offline import Offline
from xds.model.labels import Labels
from xds.model.peer_authentication import peer_policies
from xds.model.settings import MeshSettings
from xds.sources.batch import Batch

MODES = ("", "UNSET", "STRICT", "DISABLE")
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: server, namespace: %s, labels: {app: server}}
status: {podIP: 10.0.0.1}
"""
POLICY = """\
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: %s, namespace: %s}
spec: {mtls: {mode: %s}%s}
"""
SELECTOR = ", selector: {matchLabels: {app: server}}"


@pytest.mark.parametrize("namespace", ["default", "istio-system"])
def test_what_is_named_holds(namespace: str) -> None:
    for root, own, chosen, port in product(MODES, repeat=4):
        level = f", portLevelMtls: {{'80': {{mode: {port}}}}}" if port else ""
        policies = (
            POLICY % ("root", "istio-system", root, "") if root else "",
            POLICY % ("own", "default", own, "") if own else "",
            POLICY % ("chosen", namespace, chosen, SELECTOR + level) if chosen else "",
        )
        offline = Offline(MeshSettings(), DEFAULT)
        offline.take(Batch({"mesh.yaml": (POD % namespace) + "".join(policies)}))
        mesh = offline.store.mesh
        arranged = peer_policies(mesh.peer_authentications, "istio-system").modes(namespace, Labels({"app": "server"}))
        for number in (80, 81):
            found = accepted(mesh, mesh.workloads["10.0.0.1"], number)
            assert found.mode is arranged.at(number), (policies, number)
            assert found.source is None or found.source.object.name in ("root", "own", "chosen")
