"""The rules of an AuthorizationPolicy: sources, operations and conditions, all of them as conditions on attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from xds.config.document import Path
from xds.config.kinds.authorization_key import parse_key
from xds.config.kinds.authorization_value import check_value
from xds.config.kinds.header_names import parse_readable_header_name
from xds.config.reader import Reader
from xds.model.authorization import Attribute, AuthorizationRule, Condition, Conditions

_SOURCE: Final[Mapping[str, Attribute]] = {
    "principals": Attribute.SOURCE_PRINCIPAL,
    "requestPrincipals": Attribute.REQUEST_PRINCIPAL,
    "namespaces": Attribute.SOURCE_NAMESPACE,
    "serviceAccounts": Attribute.SOURCE_SERVICE_ACCOUNT,
    "trustDomains": Attribute.SOURCE_TRUST_DOMAIN,
    "ipBlocks": Attribute.SOURCE_IP,
    "remoteIpBlocks": Attribute.REMOTE_IP,
}
_OPERATION: Final[Mapping[str, Attribute]] = {
    "hosts": Attribute.HOST,
    "ports": Attribute.DESTINATION_PORT,
    "methods": Attribute.METHOD,
    "paths": Attribute.PATH,
}
_OF_ACCOUNTS: Final = ("serviceAccounts", "notServiceAccounts")
_OF_IDENTITIES: Final = ("principals", "notPrincipals", "namespaces", "notNamespaces")


def _negated(field: str) -> str:
    return f"not{field[0].upper()}{field[1:]}"


def _both(fields: Mapping[str, Attribute]) -> str:
    return " ".join(f"{field} {_negated(field)}" for field in fields)


HONOURED_RULE: Final[Mapping[str, str]] = {
    "from.source": _both(_SOURCE),
    "to.operation": _both(_OPERATION),
    "when": "key values notValues",
}
"""By what they are below, the fields of a rule that are read."""


def parse_rule(rule: Reader, index: int) -> AuthorizationRule:
    """One rule; with an error in ``rule`` it must not be used. An empty one matches everything."""
    return AuthorizationRule(
        index,
        sources=tuple(_alternatives(rule, "from", "source", _SOURCE)),
        operations=tuple(_alternatives(rule, "to", "operation", _OPERATION)),
        when=tuple(_when(rule)),
    )


def _alternatives(rule: Reader, field: str, inner: str, attributes: Mapping[str, Attribute]) -> Iterator[Conditions]:
    """Empty ones are errors, as in Istio: what was meant is all or nothing, and nobody can tell which."""
    found = rule.items(field)
    if rule.has(field) and not found:
        rule.error(field, "must not be empty: left out, it is for everything", "missing-field")
    for reader in found:
        section = reader.section(inner)
        conditions = tuple(_conditions(section, attributes))
        if not conditions:
            reader.error(inner, f"must have at least one of {', '.join(attributes)}", "missing-field")
        if inner == "source" and _has(section, _OF_ACCOUNTS) and _has(section, _OF_IDENTITIES):
            reason = "serviceAccounts cannot be set with namespaces or principals"
            reader.error(inner, reason, "conflicting-fields")
        yield conditions


def _has(section: Reader, fields: tuple[str, ...]) -> bool:
    return any(section.has(field) for field in fields)


def _conditions(section: Reader, attributes: Mapping[str, Attribute]) -> Iterator[Condition]:
    for field, attribute in attributes.items():
        values = _values(section, field, attribute)
        not_values = _values(section, _negated(field), attribute)
        if values or not_values:
            yield Condition(attribute, values, not_values)


def _when(rule: Reader) -> Iterator[Condition]:
    for reader in rule.items("when"):
        try:
            attribute, names = parse_key(reader.text("key"))
        except ValueError as error:
            reader.error("key", str(error))
            continue
        if attribute is Attribute.REQUEST_HEADER:
            names = (parse_readable_header_name(reader, ("key",), names[0]),)
        values, not_values = (_values(reader, field, attribute) for field in ("values", "notValues"))
        if not values and not not_values:
            reader.error((), "needs values or notValues", "missing-field")
        yield Condition(attribute, values, not_values, names)


def _values(section: Reader, field: str, attribute: Attribute) -> tuple[str, ...]:
    """Each once. In what it stands for, a service account has the namespace of its policy if it names none."""
    values = section.strings(field)
    for number, value in enumerate(values):
        path: Path = (field, number)
        check_value(section, path, attribute, value)
    if attribute is Attribute.SOURCE_SERVICE_ACCOUNT:
        values = tuple(value if "/" in value else f"{section.raw.namespace}/{value}" for value in values)
    return tuple(dict.fromkeys(values))
