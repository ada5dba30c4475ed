"""Who is to blame for what is refused before it is sent, and which changes that concerns.

A resource is often made from many objects, of which one is why it is refused. That is the one that changed just before;
and as long as it does not change again it stays to blame, whatever else changes in the same resource and is held up.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence

from xds.app.convergence_stream import Due, brought
from xds.app.refusals import Refusal, Refused
from xds.model.objects import ObjectKey
from xds.resources import Resource, TypeUrl

_MAX_KNOWN = 1000

Blamed = tuple[ObjectKey, ...]


class Blame:
    """Remembers, by content, who was blamed for it, so that the same is said of every proxy."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[TypeUrl, str], Blamed] = OrderedDict()

    def put(
        self, refusals: Iterable[Refusal], before: Iterable[Refused], dues: Iterable[Due], at: float
    ) -> tuple[Refused, ...]:
        """The refusals with those to blame. Of the same content what stood before is given back.

        before: what stood until now; dues: the changes that are new since; at: epoch seconds.
        """
        former = {(each.resource.type_url, each.resource.name): each for each in before}
        changed = frozenset[ObjectKey]().union(*(due.change.changed for due in dues))
        return tuple(
            self._put(each, former.get((each.resource.type_url, each.resource.name)), changed, at) for each in refusals
        )

    def _put(self, refusal: Refusal, before: Refused | None, changed: Collection[ObjectKey], at: float) -> Refused:
        if before and before.resource.version == refusal.resource.version:
            return before
        return Refused(*refusal, self._blamed(refusal.resource, before.blamed if before else (), changed), at)

    def _blamed(self, resource: Resource, before: Blamed, changed: Collection[ObjectKey]) -> Blamed:
        content = (resource.type_url, resource.version)
        blamed = (
            tuple(key for key in before if key not in changed)
            or tuple(key for key in dict.fromkeys(resource.origins) if key in changed)
            or self._known.get(content, ())
        )
        if blamed:
            self._known[content] = blamed
            if len(self._known) > _MAX_KNOWN:
                self._known.popitem(last=False)
        return blamed


def concerned(refused: Refused, dues: Sequence[Due]) -> list[Due]:
    """The changes that are not in force because of this: those that brought it, or all of its type if none did."""
    of_type = [due for due in dues if refused.resource.type_url in due.types]
    return [due for due in of_type if brought(due, [refused.resource])] or of_type
