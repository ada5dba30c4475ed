"""A mapping in shards behaves as the mapping it was made of, and a changed version shares what did not change."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from xds.config.drafts import ShardedDraft
from xds.model.sharded import Sharded, shard_of, sharded

KEYS = st.sampled_from([f"key-{number}" for number in range(20)])


@given(st.dictionaries(KEYS, st.integers()), st.dictionaries(KEYS, st.one_of(st.none(), st.integers())))
def test_a_draft_gives_what_a_changed_dict_would_be(before: dict[str, int], changes: dict[str, int | None]) -> None:
    base = sharded(before)
    draft = ShardedDraft(base)
    for key, value in changes.items():
        draft.set(key, value)
    expected = {key: value for key, value in {**before, **changes}.items() if value is not None}
    after = draft.done()
    assert dict(after) == expected
    assert dict(base) == before
    assert len(after) == len(expected)
    touched = {shard_of(key) for key in changes}
    assert all(after.shards[number] is base.shards[number] for number in range(64) if number not in touched)


def test_what_is_not_changed_is_the_same_object() -> None:
    base = sharded({("a", "b"): 1})
    draft = ShardedDraft(base)
    draft.set(("a", "b"), 1)
    assert draft.done() is base
    assert sharded(base) is base


def test_anything_may_be_looked_for() -> None:
    empty: Sharded[str, int] = Sharded()
    assert None not in empty
    assert empty.get("a") is None
    assert empty.get("a", 7) == 7
