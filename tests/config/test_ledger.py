"""Which objects are in force: last good versions, duplicates, deletion, and what is read again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.config.folder import Folder, service, virtual_service
from xds.config.document import RawObject
from xds.config.interpret import Reading, interpret
from xds.config.kinds.kind import Context
from xds.model.objects import ObjectKey
from xds.model.settings import MeshSettings

WRONG = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 0}]}\n---\n"
UNREADABLE = "kind: Service\nmetadata: {name: a\n---\n"


def ports(folder: Folder) -> dict[str, int]:
    return {each.name: each.ports[0].number for each in folder.mesh.services}


def test_files_come_change_and_go() -> None:
    folder = Folder().write(x=service("a") + service("b"))
    assert ports(folder) == {"a": 80, "b": 80}
    assert folder.changed == {"Service/a.default", "Service/b.default"}
    folder.write(x=service("a") + service("b", 81))
    assert ports(folder) == {"a": 80, "b": 81}
    assert folder.changed == {"Service/b.default"}
    folder.write(x=service("b", 81))
    assert ports(folder) == {"b": 81}
    folder.write(x=None)
    assert ports(folder) == {}
    assert folder.mesh.objects == {}
    assert folder.errors == []


def test_removing_a_file_that_was_never_there_changes_nothing() -> None:
    folder = Folder().write(x=service("a")).write(y=None)
    assert ports(folder) == {"a": 80}
    assert folder.changed == set()


@pytest.mark.parametrize("broken", [WRONG, "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: [\n---\n"])
def test_a_wrong_object_keeps_its_last_good_version(broken: str) -> None:
    folder = Folder().write(x=service("a", 81) + service("b"))
    folder.write(x=broken + service("b", 82))
    assert ports(folder) == {"a": 81, "b": 82}
    assert len(folder.errors) == 1
    assert folder.errors[0].endswith("; the last good version stays in force")
    folder.write(x=service("a", 83) + service("b", 82))
    assert ports(folder) == {"a": 83, "b": 82}
    assert folder.errors == []


def test_a_wrong_object_that_never_was_good_is_not_in_force() -> None:
    folder = Folder().write(x=WRONG + service("b"))
    assert ports(folder) == {"b": 80}
    (error,) = folder.errors
    assert error.startswith("x.yaml:4 Service/a.default: must be from 1 to 65535; ")
    assert error.endswith("; there is no earlier good version, so the object is not in force")


def test_a_wrong_object_that_is_deleted_goes() -> None:
    folder = Folder().write(x=service("a") + service("b")).write(x=WRONG + service("b")).write(x=service("b"))
    assert ports(folder) == {"b": 80}


def test_only_the_first_error_of_an_object_says_what_it_means() -> None:
    wrong = WRONG.replace("[{port: 0}]", "[{port: 0}, {port: -1}]")
    assert [("good version" in error) for error in Folder().write(x=wrong).errors] == [True, False]


def test_text_that_cannot_be_read_keeps_what_the_file_declared() -> None:
    folder = Folder().write(x=service("a") + service("b"))
    folder.write(x="}{ not yaml\n---\n" + service("b", 81))
    assert ports(folder) == {"a": 80, "b": 81}
    assert folder.errors[0].endswith("; the object that this file declared before and does not now stays in force")
    folder.write(x="}{ not yaml\n---\n" + service("c"))
    assert ports(folder) == {"a": 80, "b": 81, "c": 80}
    assert "; each of the 2 objects that" in folder.errors[0]
    folder.write(x=service("c"))
    assert ports(folder) == {"c": 80}


def test_an_object_without_a_kind_may_be_any_object_of_the_file() -> None:
    folder = Folder().write(x=service("a") + service("b"))
    folder.write(x=service("a").replace("kind: Service\n", "") + service("b"))
    assert ports(folder) == {"a": 80, "b": 80}


def test_text_that_cannot_be_read_at_first_keeps_nothing() -> None:
    folder = Folder().write(x="}{\n---\n" + service("b"))
    assert ports(folder) == {"b": 80}
    assert "force" not in folder.errors[0]


def test_the_first_of_two_files_wins() -> None:
    folder = Folder().write(y=service("a", 82))
    assert ports(folder) == {"a": 82}
    folder.write(x=service("a", 81))
    assert ports(folder) == {"a": 81}
    assert folder.errors == [
        "y.yaml:1 Service/a.default: is declared at x.yaml:1 already, which takes precedence; this one has no effect"
    ]
    folder.write(x=None)
    assert ports(folder) == {"a": 82}
    assert folder.errors == []


def test_the_first_in_a_file_wins() -> None:
    folder = Folder().write(x=service("a", 81) + service("a", 82))
    assert ports(folder) == {"a": 81}
    assert folder.errors == [
        "x.yaml:6 Service/a.default: is declared at x.yaml:1 already, which takes precedence; this one has no effect"
    ]


def test_the_first_in_a_one_line_list_wins() -> None:
    items = ", ".join(
        f"{{apiVersion: v1, kind: Service, metadata: {{name: a}}, spec: {{ports: [{{port: {port}}}]}}}}"
        for port in (81, 82)
    )
    folder = Folder().write(x=f"{{apiVersion: v1, kind: List, items: [{items}]}}")
    assert ports(folder) == {"a": 81}


def test_a_wrong_first_claim_still_wins() -> None:
    folder = Folder().write(x=service("a", 81), y=service("a", 82)).write(x=WRONG)
    assert ports(folder) == {"a": 81}
    assert len(folder.errors) == 2


def test_an_object_that_moves_to_another_file_in_one_change() -> None:
    folder = Folder().write(x=service("a"), y=service("b"))
    folder.write(x=service("b"), y=service("a"))
    assert ports(folder) == {"a": 80, "b": 80}
    assert folder.errors == []
    folder.write(x=None, y=None, z=WRONG)
    assert ports(folder) == {"a": 80}


def test_what_has_no_use_here_is_said_once_and_claims_nothing() -> None:
    deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {}\n---\n"
    other_gateway = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: g}\n---\n"
    folder = Folder().write(x=deployment + other_gateway)
    assert [remark.partition(": ")[2] for remark in folder.remarks] == [
        "apps/v1 Deployment has no effect here and is ignored",
        "gateway.networking.k8s.io/v1 Gateway has no effect here and is ignored",
    ]
    assert folder.mesh.objects == {}
    gateway = "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g}\nspec:\n"
    gateway += "  selector: {a: b}\n  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]\n"
    folder.write(y=gateway)
    assert len(folder.mesh.gateways) == 1
    assert folder.errors == []


def test_istio_kinds_that_are_not_honoured_yet() -> None:
    head = "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: a}\n"
    policy = head + "spec: {selector: {matchLabels: {app: a}}}\n"
    folder = Folder().write(x=policy)
    assert folder.remarks == ["x.yaml:1 Telemetry/a.default: not honoured yet: Telemetry has no effect"]
    folder.write(x=policy.replace("selector", "selektor"))
    assert len(folder.errors) == 1
    assert "did you mean selector?" in folder.errors[0]


def test_versions() -> None:
    for version in ("v1", "v1beta1", "v1alpha3"):
        folder = Folder().write(x=virtual_service("a").replace("io/v1", f"io/{version}"))
        assert [each.meta.api_version for each in folder.mesh.virtual_services] == [version]
    folder = Folder().write(x=virtual_service("a").replace("io/v1", "io/v2"))
    assert len(folder.errors) == 1
    assert folder.mesh.virtual_services == ()


def test_a_pod_without_an_address_leaves_nothing_in_force() -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nstatus: {podIP: 10.0.0.1}\n"
    folder = Folder().write(x=pod)
    assert list(folder.mesh.workloads) == ["10.0.0.1"]
    folder.write(x=pod.replace("podIP: 10.0.0.1", "phase: Failed"))
    assert folder.mesh.workloads == {}
    assert folder.mesh.objects == {}


def test_unchanged_documents_are_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[ObjectKey] = []

    def counting(raw: RawObject, context: Context) -> Reading:
        read.append(raw.key)
        return interpret(raw, context)

    monkeypatch.setattr("xds.config.ledger_file.interpret", counting)
    folder = Folder().write(x=service("a") + service("b"), y=service("c"))
    assert len(read) == 3
    folder.write(x=service("a") + service("b", 81))
    folder.write(x=service("a") + service("b", 81), y=service("c"))
    assert [key.name for key in read[3:]] == ["b"]


def test_settings_that_change_what_documents_mean_read_them_again() -> None:
    folder = Folder().write(x=service("a") + service("b")).write(x=WRONG + service("b"))
    settings = MeshSettings(domain_suffix="example.internal")
    changed = folder.configuration.with_settings(settings)
    assert [each.hostname for each in changed.mesh.services] == [
        "a.default.svc.cluster.local",
        "b.default.svc.example.internal",
    ]
    other = changed.with_settings(replace(settings, proxy_http_port=15002))
    assert {key.name for key in changed.changed} == {"b"}
    assert other.mesh.services is changed.mesh.services
    assert not other.changed
    assert other.mesh.settings.proxy_http_port == 15002
