"""AuthorizationPolicy: who may do what (Istio ``AuthorizationPolicy``)."""

from __future__ import annotations

from typing import Final

from xds.config.document import RawObject
from xds.config.kinds.authorization_rule import HONOURED_RULE, parse_rule
from xds.config.kinds.honoured import with_prefixes
from xds.config.kinds.kind import ISTIO_SECURITY, ISTIO_SECURITY_VERSIONS, Context, Kind
from xds.config.kinds.result import result
from xds.config.kinds.targets import TARGET_FIELDS, parse_gateways
from xds.config.reader import Reader
from xds.model.authorization import Attribute, AuthorizationAction, AuthorizationPolicy, AuthorizationRule
from xds.model.diagnostic import Diagnostic

DRY_RUN: Final = "istio.io/dry-run"
"""The annotation of a policy that is to be tried out."""

HONOURED = with_prefixes(
    {
        "spec": "action provider.name selector.matchLabels",
        "spec.targetRef": TARGET_FIELDS,
        "spec.targetRefs": TARGET_FIELDS,
        **{f"spec.rules.{part}".rstrip("."): fields for part, fields in HONOURED_RULE.items()},
    }
)

_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE: Final = frozenset({"", "0", "f", "F", "FALSE", "false", "False"})

_NOT_FOR_PROVIDERS: Final = (
    Attribute.SOURCE_PRINCIPAL,
    Attribute.SOURCE_NAMESPACE,
    Attribute.SOURCE_SERVICE_ACCOUNT,
    Attribute.SOURCE_TRUST_DOMAIN,
    Attribute.REQUEST_PRINCIPAL,
    Attribute.REQUEST_AUDIENCES,
    Attribute.REQUEST_PRESENTER,
    Attribute.REQUEST_CLAIM,
)
"""Providers are asked before tokens are verified; Istio leaves out identities as well."""


def parse(raw: RawObject, _context: Context) -> tuple[AuthorizationPolicy | None, tuple[Diagnostic, ...]]:
    """The AuthorizationPolicy of a document; see :class:`~xds.config.kinds.kind.Kind`."""
    root = Reader(raw)
    spec = root.section("spec")
    action = AuthorizationAction(spec.text("action", "ALLOW"))
    readers = spec.items("rules")
    rules = tuple(parse_rule(reader, index) for index, reader in enumerate(readers))
    if not rules and action in (AuthorizationAction.DENY, AuthorizationAction.CUSTOM):
        reason = f"{action.value} without rules would never be triggered: an empty rule {{}} is for every request"
        spec.error("rules", reason, "missing-field")
    provider = _provider(spec, action)
    if action is AuthorizationAction.CUSTOM:
        _check_custom(readers, rules)
    policy = AuthorizationPolicy(
        raw.meta,
        action,
        rules,
        selector=spec.section("selector").labels("matchLabels"),
        gateways=parse_gateways(spec),
        provider=provider,
        provider_place=spec.place(("provider", "name")) if provider else None,
        dry_run=_dry_run(root, action),
    )
    return result(root, policy)


def _provider(spec: Reader, action: AuthorizationAction) -> str:
    name = spec.section("provider").text("name")
    if action is AuthorizationAction.CUSTOM and not name:
        spec.error(("provider", "name"), "CUSTOM needs the name of a provider of the MeshConfig", "missing-field")
    elif action is not AuthorizationAction.CUSTOM and spec.has("provider"):
        spec.error("provider", f"only CUSTOM asks a provider, {action.value} does not", "conflicting-fields")
    return name


def _check_custom(readers: list[Reader], rules: tuple[AuthorizationRule, ...]) -> None:
    for reader, rule in zip(readers, rules, strict=True):
        every = (*rule.sources, rule.when)
        used = {condition.attribute for conditions in every for condition in conditions}
        for attribute in _NOT_FOR_PROVIDERS:
            if attribute in used:
                reader.error((), f"{attribute.value} is not supported with CUSTOM, as in Istio", "conflicting-fields")


def _dry_run(root: Reader, action: AuthorizationAction) -> bool:
    """Go's way of writing a boolean. What is neither holds as not said: Istio enforces such a policy too."""
    text = root.raw.meta.annotations.get(DRY_RUN, "")
    if text not in _TRUE | _FALSE:
        reason = f"{text[:60]!r} is neither true nor false, so that the policy is in force"
        root.warning(("metadata", "annotations", DRY_RUN), reason, "no-effect")
    if text in _TRUE and action is AuthorizationAction.CUSTOM:
        reason = "a provider cannot be asked for trial, so that the policy is in force"
        root.warning(("metadata", "annotations", DRY_RUN), reason, "no-effect")
        return False
    return text in _TRUE


KIND = Kind(
    name="AuthorizationPolicy",
    group=ISTIO_SECURITY,
    versions=ISTIO_SECURITY_VERSIONS,
    honoured=HONOURED,
    parse=parse,
)
