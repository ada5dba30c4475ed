"""How a user names an object: ``Kind/name.ns``, as every finding of ours shows it, and shorter forms of that."""

from __future__ import annotations

from types import MappingProxyType

from xds.config.interpret import CLAIMED_KINDS
from xds.model.objects import ObjectKey

DEFAULT_NAMESPACE = "default"
_SHORT_KINDS = MappingProxyType(
    {
        "vs": "VirtualService",
        "dr": "DestinationRule",
        "se": "ServiceEntry",
        "gw": "Gateway",
        "we": "WorkloadEntry",
        "svc": "Service",
        "ep": "Endpoints",
        "po": "Pod",
    }
)
_KINDS = MappingProxyType({kind.lower(): kind for kind in CLAIMED_KINDS} | dict(_SHORT_KINDS))


def candidates(text: str) -> tuple[ObjectKey, ...]:
    """The objects that ``text`` may mean, the likeliest first.

    A kind is case-insensitive and may be kubectl's short name. A name may have dots in it: ``vs/a.b`` is ``a`` in the
    namespace ``b``, or else ``a.b`` in ``default``. Raises ValueError with a message for the user.
    """
    kind_text, slash, name = text.partition("/")
    if not slash or not kind_text or not name:
        raise ValueError(f"{text!r} is not KIND/NAME.NAMESPACE, such as VirtualService/reviews.default")
    kind = _KINDS.get(kind_text.lower())
    if kind is None:
        raise ValueError(f"there is no kind {kind_text!r}; among those there are: {', '.join(sorted(_KINDS.values()))}")
    first, dot, namespace = name.rpartition(".")
    whole = ObjectKey(kind, DEFAULT_NAMESPACE, name)
    return (ObjectKey(kind, namespace, first), whole) if dot and first and namespace else (whole,)
