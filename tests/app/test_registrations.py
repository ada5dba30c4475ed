"""Workloads that register themselves: what is published for whom, and when it goes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from xds.app.probe_message import probe_message
from xds.app.registered import Health, entry_document, health_of
from xds.app.registrations import Registrations
from xds.config.kinds.kind import Context
from xds.config.kinds.workload_entry import parse
from xds.config.yaml import parse_documents
from xds.model.identity import SpiffeId
from xds.model.labels import Labels
from xds.model.objects import ObjectKey, ObjectMeta, Origin
from xds.model.probes import Probe, TcpCheck
from xds.model.proxy import Proxy, ProxyType
from xds.model.services import Health as WorkloadHealth
from xds.model.services import Locality, Workload
from xds.model.workload_groups import WorkloadGroup

KEY = ObjectKey("WorkloadGroup", "shop", "vms")
GROUP = WorkloadGroup(
    ObjectMeta(KEY, Origin("mesh.yaml", 1)),
    labels=Labels({"app": "till", "tier": "front"}),
    annotations=Labels({"owner": "shop"}),
    template_labels=Labels({"app": "none", "version": "v1"}),
    ports={"http": 8080},
    locality=Locality("eu", "eu-1"),
    network="office",
    weight=3,
    service_account="till",
)
PROXY = Proxy("id", ProxyType.SIDECAR, "till-1", "shop", ("10.0.0.1",), "shop.svc.cluster.local", group="vms")
PATH = "registered:shop/vms-10.0.0.1"
SOON = 5.0


def document(proxy: Proxy = PROXY, health: Health | None = None) -> dict[str, Any]:
    made = json.loads(entry_document(proxy, GROUP, health))
    assert isinstance(made, dict)
    return made


def workload(proxy: Proxy = PROXY, health: Health | None = None) -> Workload:
    (raw,) = parse_documents(entry_document(proxy, GROUP, health), "registered").objects
    made, findings = parse(raw, Context())
    assert made is not None
    assert findings == ()
    return made


def test_a_workload_has_what_its_group_has() -> None:
    made = workload()
    assert (made.meta.name, made.meta.namespace, made.address) == ("vms-10.0.0.1", "shop", "10.0.0.1")
    assert made.labels == Labels({"app": "till", "tier": "front", "version": "v1"})
    assert (made.ports, made.locality, made.network) == ({"http": 8080}, Locality("eu", "eu-1"), "office")
    assert (made.weight, made.service_account, made.health) == (3, "till", WorkloadHealth.HEALTHY)
    assert made.meta.annotations == Labels({"owner": "shop", "istio.io/autoRegistrationGroup": "vms"})


def test_what_a_proxy_says_of_itself_counts_more() -> None:
    proxy = replace(PROXY, labels=Labels({"version": "v2"}), locality=Locality("us"), network="attic")
    made = workload(proxy)
    assert made.labels["version"] == "v2"
    assert (made.locality, made.network, made.meta.name) == (Locality("us"), "attic", "vms-10.0.0.1-attic")


def test_an_ipv6_address_makes_a_name() -> None:
    assert document(replace(PROXY, ip_addresses=("2001:db8::1",)))["metadata"]["name"] == "vms-2001-db8--1"


def test_one_that_is_probed_is_healthy_when_that_is_said() -> None:
    probed = replace(PROXY, probed=True)
    told = [workload(probed, health).health for health in (None, Health(), Health("GET /: 500"), Health())]
    assert told == [
        WorkloadHealth.UNHEALTHY,
        WorkloadHealth.HEALTHY,
        WorkloadHealth.UNHEALTHY,
        WorkloadHealth.HEALTHY,
    ]
    assert document(PROXY, Health("GET /: 500"))["status"]["conditions"][0]["message"] == "GET /: 500"


class Register:
    """Registrations, and what they published. ready: whether the configuration has been read. room: to
    remember them."""

    def __init__(self, grace: float = 0.0, returning: float = 0.0) -> None:
        self.groups: dict[ObjectKey, WorkloadGroup] = {KEY: GROUP}
        self.files: dict[str, str] = {}
        self.batches = 0
        self.ready = True
        self.published = asyncio.Event()
        self.remembered: dict[str, str] = {}
        self.room = True
        self.registrations = Registrations(self.groups.get, self._publish, grace, self._remember, returning)

    def _remember(self, entries: Mapping[str, str]) -> bool:
        if self.room:
            self.remembered = dict(entries)
        return self.room

    def _publish(self, changed: Mapping[str, str | None]) -> bool:
        if self.ready:
            self.batches += 1
            for path, text in changed.items():
                self.files.pop(path, None)
                if text is not None:
                    self.files[path] = text
        self.published.set()
        return self.ready

    async def until(self, *paths: str) -> None:
        await self.happens(lambda: sorted(self.files) == sorted(paths))

    async def until_healthy(self, *, healthy: bool) -> None:
        await self.happens(lambda: f'"status": "{healthy}"' in self.files.get(PATH, ""))

    async def happens(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(SOON):
            while not condition():
                self.published.clear()
                await self.published.wait()


async def test_a_workload_is_registered_while_its_proxy_has_a_stream() -> None:
    register = Register()
    register.registrations.arrived(PROXY)
    register.registrations.arrived(PROXY)
    await register.until(PATH)
    register.registrations.left(PROXY)
    register.registrations.told(PROXY, None)
    await register.until_healthy(healthy=True)
    register.registrations.left(PROXY)
    await register.until()


async def test_what_could_not_be_remembered_is_remembered_when_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xds.app.registrations._SAVE_AGAIN_SECONDS", 0.01)
    register = Register()
    register.room = False
    register.registrations.arrived(PROXY)
    await register.until(PATH)
    register.registrations.save()
    assert register.remembered == {}
    register.room = True
    async with asyncio.timeout(SOON):
        while not register.remembered:  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.01)
    assert [*register.remembered] == [PATH]


async def test_workloads_of_an_earlier_run_are_there_before_their_proxies() -> None:
    before, register = Register(), Register(returning=3600)
    before.registrations.arrived(PROXY)
    await before.until(PATH)
    before.registrations.save()
    register.registrations.restore(before.remembered)
    assert register.files == before.files

    register.registrations.arrived(PROXY)
    register.registrations.left(PROXY)
    await register.until()


@pytest.mark.parametrize("health", [Health(), Health("GET /: 500")], ids=["healthy", "not healthy"])
async def test_a_workload_that_is_back_is_as_healthy_as_it_was_until_somebody_tells(health: Health) -> None:
    probed = replace(PROXY, probed=True)
    before, register = entry_document(probed, GROUP, health), Register(returning=3600)
    register.registrations.restore({PATH: before})
    register.registrations.arrived(probed)
    register.registrations.arrived(replace(PROXY, ip_addresses=("10.0.0.2",)))
    await register.until(PATH, "registered:shop/vms-10.0.0.2")
    assert register.files[PATH] == before


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"status": {"conditions": []}}', '{"status": {"conditions": [1]}}'])
def test_what_is_no_entry_says_nothing_of_health(text: str) -> None:
    assert health_of(text) is None


async def test_workloads_of_an_earlier_run_that_do_not_come_back_are_gone() -> None:
    register = Register(returning=0.01)
    register.registrations.restore({PATH: entry_document(PROXY, GROUP, None)})
    assert [*register.files] == [PATH]
    await register.until()
    register.registrations.save()
    assert register.remembered == {}


async def test_nobody_else_ends_what_is_expected_back() -> None:
    register = Register(returning=3600)
    register.registrations.restore({PATH: entry_document(PROXY, GROUP, None)})
    thief = replace(PROXY, identity=SpiffeId.of_workload("cluster.local", "shop", "thief"))
    register.registrations.arrived(thief)
    other = replace(PROXY, ip_addresses=("10.0.0.2",))
    register.registrations.arrived(other)
    await register.until(PATH, "registered:shop/vms-10.0.0.2")


async def test_who_has_proven_an_identity_joins_no_group_of_another() -> None:
    register, others = Register(), replace(PROXY, ip_addresses=("10.0.0.2",), group="others")
    register.groups[KEY._replace(name="others")] = replace(GROUP, service_account="")
    thief, till = (SpiffeId.of_workload("cluster.local", "shop", name) for name in ("thief", "till"))
    register.registrations.arrived(replace(PROXY, identity=thief))
    register.registrations.arrived(replace(PROXY, ip_addresses=("10.0.0.3",), identity=till))
    register.registrations.arrived(replace(others, identity=thief))
    await register.until("registered:shop/others-10.0.0.2", "registered:shop/vms-10.0.0.3")
    accounts = [json.loads(text)["spec"]["serviceAccount"] for _, text in sorted(register.files.items())]
    assert accounts == ["thief", "till"]


async def test_one_that_comes_back_in_time_stays() -> None:
    register = Register(grace=3600)
    register.registrations.arrived(PROXY)
    register.registrations.told(PROXY, "broken")
    await register.until_healthy(healthy=False)
    register.registrations.left(PROXY)
    register.registrations.arrived(PROXY)
    register.registrations.told(PROXY, None)
    await register.until_healthy(healthy=True)
    assert register.batches == 2


async def test_a_group_may_come_later_and_change_and_go() -> None:
    register = Register()
    group = register.groups.pop(KEY)
    register.registrations.arrived(PROXY)
    other = replace(PROXY, ip_addresses=("10.0.0.2",), group="others")
    register.groups[KEY._replace(name="others")] = group
    register.registrations.arrived(other)
    await register.until("registered:shop/others-10.0.0.2")
    register.groups[KEY] = group
    register.registrations.changed({KEY})
    await register.until(PATH, "registered:shop/others-10.0.0.2")
    register.groups[KEY] = replace(group, weight=7)
    register.registrations.changed({KEY})
    await register.happens(lambda: '"weight": 7' in register.files[PATH])
    del register.groups[KEY]
    register.registrations.changed({KEY})
    await register.until("registered:shop/others-10.0.0.2")


async def test_nothing_is_published_before_the_configuration_has_been_read() -> None:
    register = Register()
    register.ready = False
    register.registrations.arrived(PROXY)
    await register.published.wait()
    assert register.files == {}
    register.ready = True
    await register.until(PATH)


async def test_many_are_published_together() -> None:
    count = 50
    register = Register()
    proxies = [replace(PROXY, ip_addresses=(f"10.0.1.{number}",)) for number in range(count)]
    for proxy in proxies:
        register.registrations.arrived(proxy)
    await register.until(*(f"registered:shop/vms-10.0.1.{number}" for number in range(count)))
    assert register.batches == 1


def as_account(account: str) -> Proxy:
    """The same proxy, but that it has proven to be of this service account."""
    return replace(PROXY, service_account=account, identity=SpiffeId.of_workload("cluster.local", "shop", account))


async def test_another_account_can_neither_be_in_the_group_nor_tell_of_who_is() -> None:
    register = Register()
    register.registrations.arrived(as_account("thief"))
    register.registrations.arrived(as_account("till"))
    register.registrations.told(as_account("till"), None)
    register.registrations.told(as_account("thief"), "broken")
    await register.until_healthy(healthy=True)
    register.registrations.left(as_account("thief"))
    register.registrations.left(as_account("till"))
    await register.until()
    register.registrations.arrived(as_account("thief"))
    register.registrations.arrived(replace(as_account("till"), ip_addresses=("10.0.0.2",)))
    await register.until("registered:shop/vms-10.0.0.2")


def test_a_group_without_an_account_takes_the_one_that_is_proven() -> None:
    made = json.loads(entry_document(as_account("till"), replace(GROUP, service_account=""), None))
    assert made["spec"]["serviceAccount"] == "till"


async def test_agents_are_told_of_probes_as_they_change() -> None:
    register, woken = Register(), list[int]()
    end = register.registrations.subscribe(lambda: woken.append(1))
    assert register.registrations.probe(PROXY) == b""
    register.groups[KEY] = replace(GROUP, probe=Probe(TcpCheck(80)))
    register.registrations.changed({KEY})
    assert register.registrations.probe(PROXY) == probe_message(Probe(TcpCheck(80)))
    end()
    register.registrations.changed({KEY})
    assert woken == [1]
