"""VirtualServices that leave rules to others, in every order of arrival."""

from __future__ import annotations

from tests.config.folder import Folder, delegate, delegating, service, virtual_service
from xds.model.routing import VirtualService


def web(folder: Folder) -> VirtualService:
    (found,) = (each for each in folder.mesh.virtual_services if each.meta.name == "web")
    return found


def paths(folder: Folder) -> list[str]:
    return [match.uri.value for rule in web(folder).http for match in rule.match if match.uri]


def test_the_rules_of_delegates_stand_in_their_places() -> None:
    folder = Folder().write(web=delegating("web", "a", "b"), a=delegate("a", "/a"), b=delegate("b", "/b"))

    assert paths(folder) == ["/a", "/b"]
    assert [rule.index for rule in web(folder).http] == [0, 1]
    assert [str(rule.origin) for rule in web(folder).http] == ["a.yaml:4", "b.yaml:4"]
    assert [(str(written.object), written.rule) for rule in web(folder).http if (written := rule.written)] == [
        ("VirtualService/a.default", 0),
        ("VirtualService/b.default", 0),
    ]
    assert [str(key) for key in web(folder).origins] == [
        "VirtualService/web.default",
        "VirtualService/a.default",
        "VirtualService/b.default",
    ]


def test_a_delegate_is_no_virtual_service_of_its_own() -> None:
    folder = Folder().write(web=delegating("web", "a"), a=delegate("a"))

    assert [each.meta.name for each in folder.mesh.virtual_services] == ["web"]


def test_a_change_of_a_delegate_changes_those_that_name_it_and_no_others() -> None:
    folder = Folder().write(web=delegating("web", "a"), a=delegate("a", "/a"), other=virtual_service("other"))
    others = [each for each in folder.mesh.virtual_services if each.meta.name != "web"]

    folder.write(a=delegate("a", "/changed"))
    assert paths(folder) == ["/changed"]
    assert all(each in folder.mesh.virtual_services for each in others)

    before = folder.mesh.virtual_services
    folder.write(unrelated=service("unrelated"))
    assert folder.mesh.virtual_services is before


def test_a_delegate_may_come_later_and_go() -> None:
    folder = Folder().write(web=delegating("web", "a"))
    assert paths(folder) == []
    missing = "web.yaml:4 VirtualService/web.default: VirtualService/a.default does not exist: this rule is left out"
    assert folder.remarks == [missing]

    folder.write(a=delegate("a", "/a"))
    assert paths(folder) == ["/a"]
    assert folder.remarks == []

    folder.write(a=None)
    assert paths(folder) == []
    assert folder.remarks == [missing]


def test_a_delegate_that_nobody_names_is_told() -> None:
    folder = Folder().write(web=delegating("web", "a"), a=delegate("a"), b=delegate("b"))
    assert [said.partition(":")[0] for said in folder.remarks] == ["b.yaml"]

    folder.write(web=delegating("web", "b"))
    assert [said.partition(":")[0] for said in folder.remarks] == ["a.yaml"]


def test_what_has_hosts_is_no_delegate() -> None:
    folder = Folder().write(web=delegating("web", "a"), a=virtual_service("a"))

    assert web(folder).http == ()
    assert any("has hosts, so it is no delegate" in said for said in folder.remarks)


def test_one_that_delegates_may_be_named_by_another_without_being_made_anew() -> None:
    folder = Folder().write(web=delegating("web", "a"), a=delegate("a"))
    before = web(folder)

    folder.write(other=delegating("other", "web"))
    assert web(folder) is before
    folder.write(other=None, web=None)
    assert folder.mesh.virtual_services == ()
