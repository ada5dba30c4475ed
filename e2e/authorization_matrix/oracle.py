"""A plain interpreter of AuthorizationPolicies: what Istio's documents say becomes of a request or a connection."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from posixpath import normpath
from typing import Any

from e2e.authorization_matrix import values
from e2e.authorization_matrix.described import ROOT_NAMESPACE, Asked, Policy, PolicySet

_OF_REQUESTS = re.compile(r"(not)?(hosts|methods|paths|requestprincipals)|request\..*", re.IGNORECASE)
"""What connections do not have of which only bytes are seen."""

_DOT = re.compile("%2e", re.IGNORECASE)


@dataclass(frozen=True)
class Decision:
    """What becomes of it. rules: ``NAMESPACE/POLICY/RULE`` of those that matched and are the reason."""

    allowed: bool
    reason: str
    rules: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{'allowed' if self.allowed else 'refused'}: {self.reason} {', '.join(sorted(self.rules))}".rstrip()


def decide(of: PolicySet, asked: Asked, address: str) -> Decision:
    """CUSTOM before DENY before ALLOW; without any ALLOW what is left passes. address: the workload's."""
    ours = [policy for policy in of.policies if _is_for(policy, of) and not _is_dry_run(policy)]
    by_action = {action: [p for p in ours if _action(p) == action] for action in ("CUSTOM", "DENY", "ALLOW")}
    matched = {action: _matching(group, asked, address) for action, group in by_action.items()}
    if matched["CUSTOM"] and asked.refused_by_provider:
        return Decision(False, "the provider refuses it", matched["CUSTOM"])
    if matched["DENY"]:
        return Decision(False, "DENY matches", matched["DENY"])
    if not by_action["ALLOW"]:
        return Decision(True, "nothing refuses it, and nothing has to allow it")
    if matched["ALLOW"]:
        return Decision(True, "ALLOW matches", matched["ALLOW"])
    return Decision(False, "there are ALLOW policies, and none matches")


def _action(policy: Policy) -> str:
    return str(policy["spec"].get("action", "ALLOW"))


def _is_for(policy: Policy, of: PolicySet) -> bool:
    """Of the workload's namespace or of the root namespace, and all labels that it asks for are there."""
    wanted: Mapping[str, str] = policy["spec"].get("selector", {}).get("matchLabels", {})
    in_reach: bool = policy["metadata"]["namespace"] in (of.name, ROOT_NAMESPACE)
    return in_reach and all(of.labels.get(name) == value for name, value in wanted.items())


def _is_dry_run(policy: Policy) -> bool:
    annotations: Mapping[str, str] = policy["metadata"].get("annotations", {})
    return annotations.get("istio.io/dry-run") == "true"


def _matching(policies: Sequence[Policy], asked: Asked, address: str) -> frozenset[str]:
    return frozenset(
        f"{policy['metadata']['namespace']}/{policy['metadata']['name']}/{index}"
        for policy in policies
        for index, rule in enumerate(policy["spec"].get("rules", ()))
        if _rule_matches(rule, _Facts(asked, address, policy["metadata"]["namespace"]), _action(policy))
    )


@dataclass(frozen=True)
class _Facts:
    """What is known. namespace: of the policy."""

    asked: Asked
    address: str
    namespace: str

    @property
    def path(self) -> str:
        """Without the query, and as proxies see it, which resolve dots before anything else."""
        sent = _DOT.sub(".", self.asked.path.partition("?")[0])
        resolved = normpath(sent)
        return f"{resolved}/" if sent.endswith("/") and resolved != "/" else resolved

    @property
    def remote(self) -> str:
        """Who the last proxy on the way says that the client is, which it says of requests only."""
        if not self.asked.is_request:
            return self.asked.source
        return self.asked.headers.get("x-forwarded-for", self.asked.source).split(",")[-1].strip()

    @property
    def request_principal(self) -> str:
        claims = self.asked.claims or {}
        return f"{claims['iss']}/{claims['sub']}" if "sub" in claims else ""


def _rule_matches(rule: Mapping[str, Any], facts: _Facts, action: str) -> bool:
    """Any source, any operation, all conditions. Of a connection, what asks for a property of requests allows nothing,
    and refuses as if it did not ask."""
    is_request = facts.asked.is_request
    if not is_request and action == "ALLOW" and _asks_for_request(rule):
        return False
    sources = [each["source"] for each in rule.get("from", ())]
    operations = [each["operation"] for each in rule.get("to", ())]
    conditions = rule.get("when", ())

    def holds(fields: Mapping[str, Sequence[str]]) -> bool:
        return all(
            _field(name, wanted, facts) for name, wanted in fields.items() if is_request or not _of_requests(name)
        )

    return (
        (not sources or any(map(holds, sources)))
        and (not operations or any(map(holds, operations)))
        and all(_condition(each, facts) for each in conditions if is_request or not _of_requests(each["key"]))
    )


def _asks_for_request(rule: Mapping[str, Any]) -> bool:
    lists = (*(each["source"] for each in rule.get("from", ())), *(each["operation"] for each in rule.get("to", ())))
    names = (*(name for each in lists for name in each), *(each["key"] for each in rule.get("when", ())))
    return any(map(_of_requests, names))


def _of_requests(name: str) -> bool:
    return _OF_REQUESTS.fullmatch(name) is not None


def _field(name: str, wanted: Sequence[str], facts: _Facts) -> bool:
    """One list of a source or an operation."""
    if name.startswith("not"):
        return not _field(name[3].lower() + name[4:], wanted, facts)
    return any(_FIELDS[name](each, facts) for each in wanted)


_FIELDS: Mapping[str, Callable[[str, _Facts], bool]] = {
    "principals": lambda wanted, facts: values.principal(wanted, facts.asked.principal),
    "namespaces": lambda wanted, facts: values.text(wanted, values.identity_parts(facts.asked.principal)[1]),
    "trustDomains": lambda wanted, facts: values.text(wanted, values.identity_parts(facts.asked.principal)[0]),
    "serviceAccounts": lambda wanted, facts: values.service_account(wanted, facts.asked.principal, facts.namespace),
    "requestPrincipals": lambda wanted, facts: values.text(wanted, facts.request_principal),
    "ipBlocks": lambda wanted, facts: values.address(wanted, facts.asked.source),
    "remoteIpBlocks": lambda wanted, facts: values.address(wanted, facts.remote),
    "hosts": lambda wanted, facts: values.host(wanted, facts.asked.host),
    "ports": lambda wanted, facts: values.port(wanted, str(facts.asked.port)),
    "methods": lambda wanted, facts: values.text(wanted, facts.asked.method),
    "paths": lambda wanted, facts: values.path(wanted, facts.path),
}


def _condition(condition: Mapping[str, Any], facts: _Facts) -> bool:
    """One entry of ``when``: any of the values, and none of the others."""
    key, wanted, unwanted = condition["key"], condition.get("values", ()), condition.get("notValues", ())
    return (not wanted or _has(key, wanted, facts)) and not (unwanted and _has(key, unwanted, facts))


def _has(key: str, wanted: Sequence[str], facts: _Facts) -> bool:
    name, _, rest = key.partition("[")
    claims = facts.asked.claims or {}
    match name:
        case "request.headers":
            header = facts.asked.headers.get(rest.removesuffix("]"))
            return header is not None and any(values.text(each, header) for each in wanted)
        case "request.auth.claims":
            return values.claim(wanted, _claim(claims, rest.removesuffix("]").split("][")))
        case "request.auth.audiences":
            return values.claim(wanted, claims.get("aud"))
        case "request.auth.presenter":
            return values.claim(wanted, claims.get("azp"))
        case _:
            return any(_CONDITIONS[name](each, facts) for each in wanted)


def _claim(claims: Mapping[str, object], names: Sequence[str]) -> object:
    found: object = claims
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


_CONDITIONS: Mapping[str, Callable[[str, _Facts], bool]] = {
    "source.ip": _FIELDS["ipBlocks"],
    "remote.ip": _FIELDS["remoteIpBlocks"],
    "source.namespace": _FIELDS["namespaces"],
    "source.principal": _FIELDS["principals"],
    "source.serviceAccount": _FIELDS["serviceAccounts"],
    "source.trustDomain": _FIELDS["trustDomains"],
    "request.auth.principal": _FIELDS["requestPrincipals"],
    "destination.ip": lambda wanted, facts: values.address(wanted, facts.address),
    "destination.port": _FIELDS["ports"],
    "connection.sni": lambda wanted, facts: values.text(wanted, facts.asked.server_name),
}
"""By key of ``when``, without those that name a header or a claim."""
