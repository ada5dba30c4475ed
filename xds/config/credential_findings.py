"""Credentials that are asked for and are not there: told with both places.

Pure and incremental: `CredentialFindings` is immutable. As long as no object asks for a credential, a change costs a
glance; and one that has to do with none costs no more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from xds.config.credential_uses import Use, User, user_of
from xds.config.drafts import Draft
from xds.config.objects import ConfigObject, Objects
from xds.model.credential_names import Wanted
from xds.model.credentials import Credential
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.objects import ObjectKey, ObjectMeta, Place
from xds.model.services import Workload

Pair = tuple[ConfigObject | None, ConfigObject | None]


@dataclass(frozen=True, slots=True, eq=False)
class CredentialFindings:
    """users: the objects that ask for credentials. diagnostics: everything that they ask for in vain."""

    users: Mapping[ObjectKey, User] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()

    def update(
        self,
        pairs: Iterable[Pair],
        objects: Objects,
        namespaces: Collection[str],
        workloads: Mapping[str, Workload],
    ) -> CredentialFindings:
        """The state after a change. pairs: every object that changed, as it was and as it is. objects, workloads: all
        there is now. namespaces: those that have credentials."""
        draft = Draft(self.users)
        concerned = False
        for old, new in pairs:
            before, after = user_of(old), user_of(new)
            one = after or before
            if one is not None:
                draft.set(one.meta.key, after)
            concerned |= one is not None or self._concerns(old, new)
        if not concerned:
            return self
        users = draft.done()
        search = _Search(objects, sorted(namespaces), workloads)
        found = (search.in_vain(users[key]) for key in sorted(users))
        return CredentialFindings(users, tuple(dict.fromkeys(chain.from_iterable(found))))

    def _concerns(self, old: ConfigObject | None, new: ConfigObject | None) -> bool:
        """Whether a change of an object that asks for nothing may change what there is to say."""
        if not self.users:
            return False
        if isinstance(old, Credential) or isinstance(new, Credential):
            return True
        selectors = [user.selector for user in self.users.values() if user.selector is not None]
        places = {(each.meta.namespace, each.labels) for each in (old, new) if isinstance(each, Workload)}
        moved = len(places) == 2 or (places and (old is None or new is None))
        return bool(moved) and any(selector.selects(labels) for _, labels in places for selector in selectors)


class _Search:
    """What one change needs to know of all objects."""

    def __init__(self, objects: Objects, namespaces: list[str], workloads: Mapping[str, Workload]) -> None:
        self._objects = objects
        self._namespaces = namespaces
        self._workloads = workloads

    def in_vain(self, user: User) -> Iterator[Diagnostic]:
        """Everything that an object asks for in vain."""
        running = self._running(user)
        for use in user.uses:
            having = [each for each in self._namespaces if self._has(use, each)]
            for namespace in sorted(running.difference(having)):
                yield from self._missing(user, use, namespace, having)
            if not running and not having:
                found = (each for each in self._namespaces if use.wanted.find(each, self._objects))
                yield from self._missing(user, use, next(found, ""), having)

    def _running(self, user: User) -> set[str]:
        """The namespaces in which proxies of the object run, as far as it is known."""
        if user.namespace or user.selector is None:
            return {user.namespace} - {""}
        selected = (each for each in self._workloads.values() if user.selector.selects(each.labels))
        return {each.meta.namespace for each in selected}

    def _has(self, use: Use, namespace: str) -> bool:
        credential = use.wanted.find(namespace, self._objects)
        return credential is not None and use.wanted.is_met_by(credential)

    def _missing(self, user: User, use: Use, namespace: str, having: list[str]) -> Iterator[Diagnostic]:
        credential = use.wanted.find(namespace, self._objects)
        asking = f"{user.meta.key} at {use.place.origin}"
        if credential is not None:
            lack = f"has no {_content(use.wanted)}"
            there = f"{credential.meta.key} at {credential.meta.origin}"
            yield _finding(user.meta, use.place, f"{there} {lack}: {use.outcome}", "unusable-credential")
            place = Place(credential.meta.origin, "")
            yield _finding(credential.meta, place, f"{lack}, for which {asking} asks", "unusable-credential")
            return
        where = f" in namespace {namespace}, where its proxies are" if namespace else ""
        if having:
            where += f" ({having[0]} has one, but a proxy gets those of its own namespace only)"
        *names, last = (f"{key.kind} {key.name}" for key in use.wanted.candidates(namespace))
        what = f"{', '.join(names)} or {last}" if names else last
        reason = f"there is no {what} in force{where}: {use.outcome}"
        yield _finding(user.meta, use.place, reason, "unknown-credential")


def _content(wanted: Wanted) -> str:
    return "authority (ca.crt)" if wanted.is_authority else "certificate with its key (tls.crt, tls.key)"


def _finding(meta: ObjectMeta, place: Place, reason: str, code: str) -> Diagnostic:
    return Diagnostic(Severity.WARNING, place.origin, reason, meta.key, place.path, code)
