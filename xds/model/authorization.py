"""Who may do what (Istio ``AuthorizationPolicy``). Names are Istio's."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from xds.model.labels import EMPTY_LABELS, Labels
from xds.model.objects import ObjectKey, ObjectMeta, Place
from xds.model.providers import ExternalAuthorization


class AuthorizationAction(Enum):
    """Istio ``AuthorizationPolicy.Action``: what becomes of a request or connection that a rule matches."""

    ALLOW = "ALLOW"  # it passes; if any policy of a workload says so, what no such policy matches does not
    DENY = "DENY"
    AUDIT = "AUDIT"  # it is noted
    CUSTOM = "CUSTOM"  # a provider of the mesh is asked


class Attribute(Enum):
    """What a condition is about: Istio's key for it, where it has one."""

    SOURCE_PRINCIPAL = "source.principal"  # TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT of the certificate
    SOURCE_NAMESPACE = "source.namespace"
    SOURCE_SERVICE_ACCOUNT = "source.serviceAccount"  # NAMESPACE/SERVICE_ACCOUNT
    SOURCE_TRUST_DOMAIN = "source.trustDomain"
    SOURCE_IP = "source.ip"  # of the connection
    REMOTE_IP = "remote.ip"  # of the client, as X-Forwarded-For or the PROXY protocol says
    REQUEST_PRINCIPAL = "request.auth.principal"  # ISSUER/SUBJECT of a verified token
    REQUEST_AUDIENCES = "request.auth.audiences"
    REQUEST_PRESENTER = "request.auth.presenter"
    REQUEST_CLAIM = "request.auth.claims"
    REQUEST_HEADER = "request.headers"
    HOST = "hosts"
    METHOD = "methods"
    PATH = "paths"
    DESTINATION_IP = "destination.ip"
    DESTINATION_PORT = "destination.port"
    SERVER_NAME = "connection.sni"
    FILTER_METADATA = "experimental.envoy.filters"

    @property
    def is_of_source(self) -> bool:
        """Whether it says who asks, and not what for."""
        return self.value.startswith(("source.", "remote.", "request."))

    @property
    def needs_request(self) -> bool:
        """Whether a connection of which nothing is known but its bytes does not have it."""
        return self.value.startswith("request.") or self in (Attribute.HOST, Attribute.METHOD, Attribute.PATH)


@dataclass(frozen=True, slots=True)
class Condition:
    """One attribute is any of ``values`` and none of ``not_values``; an empty list of either asks nothing.

    Values are as written: text, with ``*`` at its beginning or end for any rest, or alone for anything but nothing; for
    paths also with ``{*}`` and ``{**}`` for segments; for addresses blocks; for ports numbers. names: which header,
    which claim (from the outermost), or which Envoy filter and key of its metadata.
    """

    attribute: Attribute
    values: tuple[str, ...] = ()
    not_values: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


Conditions: TypeAlias = tuple[Condition, ...]
"""All of them have to hold."""


@dataclass(frozen=True, slots=True)
class AuthorizationRule:
    """Istio ``Rule``: it matches if any of the sources, any of the operations and all of the conditions do.

    index: its place in the policy. sources, operations: empty for any.
    """

    index: int
    sources: tuple[Conditions, ...] = ()
    operations: tuple[Conditions, ...] = ()
    when: Conditions = ()

    @property
    def needs_request(self) -> bool:
        """Whether anything that it asks for is known of requests only."""
        every = (*self.sources, *self.operations, self.when)
        return any(condition.attribute.needs_request for conditions in every for condition in conditions)


@dataclass(frozen=True, slots=True)
class AuthorizationPolicy:
    """Istio ``AuthorizationPolicy``.

    rules: without any, it matches nothing. selector: of workloads; empty for all. gateways: names of Kubernetes
    Gateways, instead of a selector; None for none. provider: who is asked if the action is CUSTOM; provider_place:
    where that is written. dry_run: what it would do is noted and not done; not with CUSTOM.
    """

    meta: ObjectMeta
    action: AuthorizationAction = AuthorizationAction.ALLOW
    rules: tuple[AuthorizationRule, ...] = ()
    selector: Labels = EMPTY_LABELS
    gateways: tuple[str, ...] | None = None
    provider: str = ""
    provider_place: Place | None = field(default=None, compare=False)
    dry_run: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Authorizer:
    """A provider that policies with the action CUSTOM name, as one proxy has it.

    policies: those that name it. provider: who is to be asked; None if nobody can be, so that whatever the policies
    match is refused.
    """

    name: str
    policies: tuple[AuthorizationPolicy, ...]
    provider: ExternalAuthorization | None

    @property
    def origins(self) -> tuple[ObjectKey, ...]:
        """The objects that ask for it."""
        return tuple(policy.meta.key for policy in self.policies)
