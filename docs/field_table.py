"""The facts behind ``docs/fields.md``: of every field whether it is honoured, what proves it, or why it is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cache

from docs.field_proofs import traffic_proofs
from docs.field_reasons import FOR_OTHERS, LATER, NOT_YET, REASONS
from tests.goldens.evidence import all_benches, evidence
from xds.config.kinds import KINDS, mesh_config
from xds.config.schema import field_paths, known_kinds

KindId = tuple[str, str]
"""API group and name of a kind."""

SHARED: Mapping[str, Mapping[str, str]] = {
    "DestinationRule": {
        "spec.subsets.trafficPolicy.portLevelSettings": "spec.trafficPolicy",
        "spec.subsets.trafficPolicy": "spec.trafficPolicy",
        "spec.trafficPolicy.portLevelSettings": "spec.trafficPolicy",
    },
}
"""Fields below these prefixes are read by the same function as those below the others, and share their proofs, once
some field below the prefix is proven to have an effect there."""


@dataclass(frozen=True, slots=True)
class Row:
    """One field. reason: why it has no effect, empty if it has one. golden: the case that proves it; as_in: the field
    whose proof it shares. traffic: the tests that prove it with requests."""

    path: str
    reason: str = ""
    golden: str = ""
    as_in: str = ""
    traffic: tuple[str, ...] = ()

    @property
    def honoured(self) -> bool:
        return not self.reason


@dataclass(frozen=True, slots=True)
class Claims:
    """What the parser of a kind says of its fields."""

    honoured: frozenset[str] = frozenset()
    tolerated: frozenset[str] = frozenset()


def kinds() -> tuple[KindId, ...]:
    """Every kind, those of Kubernetes and MeshConfig last."""
    return tuple(sorted(known_kinds(), key=lambda kind: (kind[0] in ("", "discovery.k8s.io"), *kind)))


def claims() -> Mapping[KindId, Claims]:
    """By kind, its parser's lists; kinds without a parser are left out."""
    lists = {(kind.group, kind.name): Claims(kind.honoured, kind.tolerated) for kind in KINDS}
    return {**lists, ("", mesh_config.KIND_NAME): Claims(mesh_config.HONOURED)}


@cache
def table() -> Mapping[KindId, tuple[Row, ...]]:
    """Every field of every kind. Runs every golden case several times, which takes some seconds."""
    known = claims()
    return {kind: tuple(_rows(kind, known.get(kind, Claims()))) for kind in kinds()}


def _rows(kind: KindId, claimed: Claims) -> Iterator[Row]:
    group, name = kind
    paths = field_paths(name, group)
    honoured = [path for path in paths if covers(claimed.honoured, path)]
    proven = {path: str(case) for path, case in evidence(group, name, honoured, _benches()).items()}
    proofs = traffic_proofs()
    for path in paths:
        if covers(claimed.honoured, path):
            golden = proven.get(path, "")
            as_in = "" if golden else _shared(name, path, proven)
            yield Row(path, "", golden, as_in, proofs.get((name, path), ()))
        elif covers(claimed.tolerated, path):
            yield Row(path, FOR_OTHERS)
        else:
            yield Row(path, reason_for(name, path) or (LATER if name in NOT_YET else ""))


_benches = cache(all_benches)


def _shared(kind: str, path: str, proven: Mapping[str, str]) -> str:
    for prefix, other in SHARED.get(kind, {}).items():
        if path.startswith(f"{prefix}."):
            twin = f"{other}{path.removeprefix(prefix)}"
            has_effect = any(each.startswith(f"{prefix}.") for each in proven)
            return twin if has_effect and twin in proven else ""
    return ""


def reason_for(kind: str, path: str) -> str:
    """The reason that is written down for a field, or for something above it; empty if there is none."""
    reasons = REASONS.get(kind, {})
    parts = path.split(".")
    above = (".".join((*parts[:count], "*")) for count in range(len(parts) - 1, 0, -1))
    return next((reasons[each] for each in (path, *above) if each in reasons), "")


def covers(listed: frozenset[str], path: str) -> bool:
    """True if the list has the field itself, or something above it with ``.*``."""
    parts = path.split(".")
    return path in listed or any(".".join((*parts[:count], "*")) in listed for count in range(1, len(parts)))


def current_problems() -> list[str]:
    """What is wrong with the table as it is."""
    claimed = {(name, path) for (_, name), claim in claims().items() for path in claim.honoured}
    return problems({name: rows for (_, name), rows in table().items()}, claimed, REASONS, traffic_proofs())


def problems(
    rows: Mapping[str, tuple[Row, ...]],
    claimed: Set[tuple[str, str]],
    reasons: Mapping[str, Mapping[str, str]],
    marks: Mapping[tuple[str, str], tuple[str, ...]],
) -> list[str]:
    """What is wrong with a table: a claim without proof, a field without reason, a reason or a mark that is stale.

    rows: by kind. claimed: kind and path of what the parsers claim to honour. reasons: by kind, those written down.
    marks: by kind and path, the tests that say that they prove it.
    """
    honoured = {kind: {row.path for row in table if not row.reason} for kind, table in rows.items()}
    known = {kind: {row.path for row in table} for kind, table in rows.items()}
    return [
        *_unproven(rows, claimed),
        *(f"{kind} {path} is claimed, but no field" for kind, path in claimed if not _names(path, known.get(kind))),
        *(
            f"{kind} {pattern} has a reason for not being honoured, but is no field or is honoured"
            for kind, patterns in reasons.items()
            for pattern in patterns
            if not _names(pattern, known.get(kind, set()) - honoured.get(kind, set()))
        ),
        *(
            f"{', '.join(tests)} claims to prove {kind} {path}, which is no honoured field"
            for (kind, path), tests in marks.items()
            if path not in honoured.get(kind, ())
        ),
    ]


def _names(pattern: str, paths: Set[str] | None) -> bool:
    return any(covers(frozenset({pattern}), path) for path in paths or ())


def _unproven(rows: Mapping[str, tuple[Row, ...]], claimed: Set[tuple[str, str]]) -> Iterator[str]:
    for kind, table in rows.items():
        of_kind = frozenset(path for name, path in claimed if name == kind)
        for row in table:
            if row.reason or row.golden or row.as_in:
                continue
            if covers(of_kind, row.path):
                yield f"{kind} {row.path} is claimed as honoured, but no golden case changes with it"
            else:
                yield f"{kind} {row.path} is not honoured, and docs/field_reasons.py does not say why"
