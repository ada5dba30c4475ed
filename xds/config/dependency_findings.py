"""What there is to say about routes to something that is not there, and about what stays because of routes."""

from __future__ import annotations

from collections.abc import Sequence

from xds.config.needs import Need, Use
from xds.config.objects import ConfigObject
from xds.config.providers import Provider
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.objects import ObjectKey, Origin
from xds.model.policy import DestinationRule
from xds.model.routing import VirtualService


def missing_finding(key: ObjectKey, use: Use, keeper: ConfigObject | None, *, waits: bool) -> Diagnostic:
    """That nobody provides what a route needs. keeper: what still does, in force; waits: that the route is not."""
    need = use.need
    what = f"no DestinationRule defines {need}" if need.subset else f"there is no service {need.host}"
    if waits:
        outcome = f"the version before stays in force until {'one does' if need.subset else 'there is one'}"
    elif keeper is not None:
        outcome = f"what {keeper.meta.key} at {_place(keeper, need)} said stays in force until no route needs it"
    else:
        outcome = "what is routed to it fails"
    code = "unknown-subset" if need.subset else "unknown-host"
    return Diagnostic(Severity.WARNING, use.origin, f"{what}: {outcome}", key, use.path, code)


def kept_finding(kept: Provider, need: Need, users: Sequence[tuple[VirtualService, Use]]) -> Diagnostic:
    """That something stays in force although nobody provides it any more. users: the routes that need it."""
    first, use = users[0]
    more = f" and {len(users) - 1} more" if len(users) > 1 else ""
    reason = (
        f"{need} is gone, but {first.meta.key} at {use.origin}{more} needs it: it stays in force until no route does"
    )
    path = "spec.subsets" if need.subset else ""
    return Diagnostic(Severity.WARNING, _place(kept, need), reason, kept.meta.key, path, "still-needed")


def _place(provider: ConfigObject, need: Need) -> Origin:
    """Where it was written."""
    subsets = provider.subsets if isinstance(provider, DestinationRule) else ()
    return next((subset.origin for subset in subsets if subset.name == need.subset), provider.meta.origin)
