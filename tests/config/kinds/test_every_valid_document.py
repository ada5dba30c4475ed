"""No parser fails on what its schema allows: it gives an object, or says what is wrong with it."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.config.kinds.valid_documents import documents_of
from xds.config.kinds import destination_rule, gateway, sidecar, virtual_service
from xds.config.kinds.kind import Context, Kind
from xds.config.schema import find_schema, validate
from xds.model.diagnostic import Severity

KINDS: tuple[Kind[object], ...] = (virtual_service.KIND, destination_rule.KIND, gateway.KIND, sidecar.KIND)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@given(data=st.data())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_gives_an_object_or_an_error(kind: Kind[object], data: st.DataObject) -> None:
    raw = data.draw(documents_of(kind))
    schema = find_schema(kind.name, kind.group)
    assert schema is not None
    assert not validate(raw, schema)
    made, found = kind.parse(raw, Context())
    assert (made is None) == any(each.severity is Severity.ERROR for each in found)
    assert all(each.path.startswith("spec") and each.object == raw.key for each in found)
    assert kind.parse(raw, Context()) == (made, found)
