"""Bookinfo's visitors, with every answer that they get compared with what is explained.

An answer tells more than one hop: which version of the service answered productpage, and how ratings answered that one.
"""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from e2e.explained import Explained, Seen
from examples.bookinfo.services.shapes import Failure, Reason
from examples.bookinfo.topology import MESH_CONFIG, SERVICE_PORT, Gateway, Workload
from xds.app.demo.plan import Plan
from xds.app.demo.shop import ANSWER_SECONDS, API, Answer, Shop, Visitor, user_headers
from xds.app.explain.target import Asked
from xds.app.proxy_spec import ProxySpec
from xds.model.proxy import CaptureMode, ProxyType

_SERVICES = {f"{API}/reviews": "reviews", f"{API}/ratings": "ratings", API: "details"}
"""By path of productpage's API, whom it asks."""


class Witness:
    """Notes every hop, and compares them all when the configuration that they may have met is known.

    Nothing is compared before: the changes that are watched are to be live within a second.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._explained = Explained(plan.config, MESH_CONFIG)
        self._noted: list[tuple[ProxySpec, Asked, Seen]] = []

    def compare(self) -> int:
        """Fails unless every hop is explained, by the configuration at the beginning or by that of now; how many."""
        self._explained.record()
        for proxy, asked, seen in self._noted:
            self._explained.check(proxy, asked, seen)
        return len(self._noted)

    def page(self, visitor: Visitor, path: str, answer: Answer) -> None:
        """An answer of productpage, from its sidecar or through the gateway."""
        if visitor.url == self._plan.gateway.url:
            self._entrance(path, answer)
        part = answer.part
        if part is None or path not in _SERVICES:
            return
        self._hop("productpage-v1", _SERVICES[path], visitor.user, answer.version, part.error)
        if part.reviews is not None and part.reviews.ratings.status != "off":
            failure = part.reviews.ratings.error
            self._hop(f"reviews-{answer.version}", "ratings", visitor.user, "" if failure else "v1", failure)

    def call(self, workload: str, service: str, user: str | None, answer: Answer) -> None:
        """An answer to a workload that asked a service itself; status 0 is none, which says nothing."""
        if answer.status:
            version = "v1" if answer.ok else ""
            self._seen(workload, service, user, Seen(answer.status, self._address(service, version)))

    def _entrance(self, path: str, answer: Answer) -> None:
        if answer.status:
            endpoint = self._plan.workload("productpage-v1").ip if answer.ok else ""
            asked = Asked("GET", self._plan.gateway.url + path)
            self._noted.append((_gateway(self._plan.gateway), asked, Seen(answer.status, endpoint)))

    def _hop(self, workload: str, service: str, user: str | None, version: str, failure: Failure | None) -> None:
        """failure: how the service failed; only a status is an answer of it."""
        if failure is None:
            self._seen(workload, service, user, Seen(200, self._address(service, version)))
        elif failure.reason is Reason.STATUS:
            self._seen(workload, service, user, Seen(failure.code))

    def _seen(self, workload: str, service: str, user: str | None, seen: Seen) -> None:
        url = f"http://{service}:{SERVICE_PORT}/{service}/0"
        asked = Asked("GET", url, tuple(user_headers(user).items()))
        self._noted.append((_sidecar(self._plan.workload(workload)), asked, seen))

    def _address(self, service: str, version: str) -> str:
        return self._plan.workload(f"{service}-{version}").ip if version else ""


def _sidecar(workload: Workload) -> ProxySpec:
    return ProxySpec(workload.name, workload.namespace, workload.ip, capture=CaptureMode.NONE, labels=workload.labels)


def _gateway(gateway: Gateway) -> ProxySpec:
    return ProxySpec(
        gateway.name, gateway.namespace, gateway.ip, ProxyType.ROUTER, CaptureMode.NONE, labels=gateway.labels
    )


class WitnessedVisitor(Visitor):
    """A visitor whose answers are compared."""

    def __init__(self, session: aiohttp.ClientSession, url: str, user: str | None, witness: Witness) -> None:
        super().__init__(session, url, user)
        self._witness = witness

    async def get(self, path: str) -> Answer:
        answer = await super().get(path)
        self._witness.page(self, path, answer)
        return answer


@dataclass(frozen=True)
class WitnessedShop(Shop):
    """Ways into a running mesh whose answers are compared."""

    witness: Witness

    def visitor(self, user: str | None) -> Visitor:
        url = f"http://{self.plan.workload('productpage-v1').ip}:{SERVICE_PORT}"
        return WitnessedVisitor(self.session, url, user, self.witness)

    def gateway_visitor(self) -> Visitor:
        return WitnessedVisitor(self.session, self.plan.gateway.url, None, self.witness)

    async def ratings_from(self, workload: str, user: str | None, seconds: float = ANSWER_SECONDS) -> Answer:
        answer = await Shop(self.session, self.plan).ratings_from(workload, user, seconds)
        self.witness.call(workload, "ratings", user, answer)
        return answer
