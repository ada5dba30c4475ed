"""The file source against real folders: edits, renames, links, ConfigMap swaps, and things that cannot be read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from xds.sources.batch import Batch
from xds.sources.files import FileSource


def names(batch: Batch, root: Path) -> dict[str, str | None]:
    return {str(Path(name).relative_to(root)): text for name, text in batch.changed.items()}


def test_first_scan_reads_the_whole_tree_and_the_second_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "b.yml").write_text("b")
    (tmp_path / "c.json").write_text("{}")
    (tmp_path / "notes.txt").write_text("not configuration")
    (tmp_path / ".hidden.yaml").write_text("hidden")
    source = FileSource(tmp_path)
    assert names(source.scan(), tmp_path) == {"a.yaml": "a", "deep/er/b.yml": "b", "c.json": "{}"}
    assert source.scan() == Batch()


def test_edit_removal_and_atomic_replacement_are_seen(tmp_path: Path) -> None:
    for name in ("edited", "removed", "replaced"):
        (tmp_path / f"{name}.yaml").write_text("old")
    source = FileSource(tmp_path)
    source.scan()
    (tmp_path / "edited.yaml").write_text("newer")
    (tmp_path / "removed.yaml").unlink()
    (tmp_path / "new.tmp").write_text("new")
    (tmp_path / "new.tmp").rename(tmp_path / "replaced.yaml")
    assert names(source.scan(), tmp_path) == {"edited.yaml": "newer", "replaced.yaml": "new"}
    assert names(source.scan(), tmp_path) == {"removed.yaml": None}


def test_a_file_that_is_emptied_to_be_written_anew_never_counts_as_empty(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("old")
    source = FileSource(tmp_path)
    source.scan()
    file.write_text("")
    assert source.scan() == Batch()
    file.write_text("new content")
    assert names(source.scan(), tmp_path) == {"a.yaml": "new content"}


def test_a_file_that_is_removed_to_be_made_anew_never_counts_as_gone(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("old")
    source = FileSource(tmp_path)
    source.scan()
    file.unlink()
    assert source.scan() == Batch()
    file.write_text("new")
    assert names(source.scan(), tmp_path) == {"a.yaml": "new"}
    assert source.scan() == Batch()


def test_a_file_that_becomes_shorter_is_believed_at_the_second_look(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("long")
    source = FileSource(tmp_path)
    source.scan()
    file.write_text("sho")
    assert source.scan() == Batch()
    file.write_text("s")
    assert source.scan() == Batch()
    assert names(source.scan(), tmp_path) == {"a.yaml": "s"}
    assert source.scan() == Batch()


def test_a_config_map_swap_changes_every_file_at_once(tmp_path: Path) -> None:
    for generation, text in (("..2026_1", "old"), ("..2026_2", "new")):
        (tmp_path / generation).mkdir()
        (tmp_path / generation / "mesh.yaml").write_text(text)
    (tmp_path / "..data").symlink_to("..2026_1")
    (tmp_path / "mesh.yaml").symlink_to("..data/mesh.yaml")
    source = FileSource(tmp_path)
    assert names(source.scan(), tmp_path) == {"mesh.yaml": "old"}
    (tmp_path / "..data_tmp").symlink_to("..2026_2")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    assert names(source.scan(), tmp_path) == {"mesh.yaml": "new"}


def test_what_is_not_text_is_a_problem_and_costs_only_itself(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "good.yaml").write_text("good")
    batch = FileSource(tmp_path).scan()
    assert names(batch, tmp_path) == {"good.yaml": "good"}
    assert [(p.code, Path(p.origin.file).name) for p in batch.problems] == [("unreadable", "bad.yaml")]
    assert "UTF-8" in batch.problems[0].reason


def test_an_oversized_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.yaml").open("wb") as file:
        file.truncate(11 * 1024 * 1024)
    batch = FileSource(tmp_path).scan()
    assert not batch.changed
    assert "at most" in batch.problems[0].reason


def test_a_file_that_turns_unreadable_keeps_what_was_read(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("good")
    source = FileSource(tmp_path)
    source.scan()
    file.write_bytes(b"\xff\xff\xff\xff\xff")
    batch = source.scan()
    assert not batch.changed
    assert batch.problems
    file.write_text("better")
    assert names(source.scan(), tmp_path) == {"a.yaml": "better"}


def test_a_vanished_folder_keeps_what_was_read(tmp_path: Path) -> None:
    root = tmp_path / "config"
    root.mkdir()
    (root / "a.yaml").write_text("a")
    source = FileSource(root)
    source.scan()
    root.rename(tmp_path / "elsewhere")
    batch = source.scan()
    assert not batch.changed
    assert "stays in force" in batch.problems[0].reason
    (tmp_path / "elsewhere").rename(root)
    assert source.scan() == Batch()


@pytest.mark.parametrize("name", ["a.yaml", "deep/a.yaml"])
def test_a_folder_from_which_every_file_has_gone_keeps_what_was_read(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("a")
    (tmp_path / "b.yaml").write_text("b")
    source = FileSource(tmp_path)
    source.scan()
    file.unlink()
    (tmp_path / "b.yaml").unlink()
    assert source.scan() == Batch()  # they may be about to be made anew
    for batch in (source.scan(), source.scan(), source.scan()):
        assert not batch.changed
        assert [(problem.code, problem.origin.file) for problem in batch.problems] == [
            ("emptied-folder", str(tmp_path))
        ]
        assert "leave one file" in batch.problems[0].reason
    file.write_text("new")
    assert names(source.scan(), tmp_path) == {name: "new"}
    assert names(source.scan(), tmp_path) == {"b.yaml": None}
    assert source.scan() == Batch()


def test_a_folder_with_one_file_that_says_nothing_was_emptied_on_purpose(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a")
    source = FileSource(tmp_path)
    source.scan()
    (tmp_path / "a.yaml").unlink()
    (tmp_path / "nothing.yaml").write_text("# nothing")
    source.scan()
    assert names(source.scan(), tmp_path) == {"a.yaml": None}


def test_a_folder_that_is_empty_at_first_is_simply_empty(tmp_path: Path) -> None:
    source = FileSource(tmp_path)
    assert [source.scan(), source.scan()] == [Batch(), Batch()]


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    (tmp_path / "sub" / "a.yaml").write_text("a")
    assert len(FileSource(tmp_path).scan().changed) == 1


def test_a_root_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match="is not a folder"):
        FileSource(tmp_path / "absent")


@asynccontextmanager
async def watching(root: Path) -> AsyncIterator[AsyncIterator[Batch]]:
    async with aclosing(FileSource(root).changes()) as batches:
        yield batches


async def next_change(batches: AsyncIterator[Batch]) -> Batch:
    async with asyncio.timeout(5):
        return await anext(batches)


async def test_changes_arrive_within_a_second(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("1")
    async with watching(tmp_path) as batches:
        assert names(await next_change(batches), tmp_path) == {"a.yaml": "1"}
        waiting = asyncio.create_task(next_change(batches))
        await asyncio.sleep(0.2)  # the watch has to be in place: it starts in a thread
        started = asyncio.get_running_loop().time()
        (tmp_path / "a.yaml").write_text("22")
        assert names(await waiting, tmp_path) == {"a.yaml": "22"}
        assert asyncio.get_running_loop().time() - started < 1


async def test_copying_over_a_file_again_and_again_is_never_seen_as_its_removal(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("0" * 100)
    async with watching(tmp_path) as batches:
        await next_change(batches)
        waiting = asyncio.create_task(next_change(batches))
        for number in range(20):
            await asyncio.sleep(0.01)
            with file.open("w") as stream:
                await asyncio.sleep(0.03)  # long enough for the watch to wake us
                stream.write(str(number % 10) * 100)
        seen = [names(await waiting, tmp_path)["a.yaml"]]
        while seen[-1] != "9" * 100:
            seen.append(names(await next_change(batches), tmp_path)["a.yaml"])
    assert all(text is not None and len(text) == 100 for text in seen)


async def test_files_copied_together_are_seen_together_even_if_one_became_shorter(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text("long")
    async with watching(tmp_path) as batches:
        await next_change(batches)
        waiting = asyncio.create_task(next_change(batches))
        await asyncio.sleep(0.2)  # the watch has to be in place: it starts in a thread
        (tmp_path / "a.yaml").write_text("longer")
        (tmp_path / "b.yaml").write_text("s")
        assert names(await waiting, tmp_path) == {"a.yaml": "longer", "b.yaml": "s"}


async def test_two_who_scan_at_once_get_their_changes_in_order(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text("first")
    source = FileSource(tmp_path)
    source.scan()
    seen: list[str | None] = []

    async def take() -> None:
        batch = await source.settled_scan()
        seen.extend(text for name, text in names(batch, tmp_path).items() if name == "a.yaml")

    (tmp_path / "a.yaml").write_text("second")
    (tmp_path / "b.yaml").write_text("")  # keeps the one who scans first waiting
    one = asyncio.create_task(take())
    await asyncio.sleep(0.01)
    (tmp_path / "a.yaml").write_text("third, the last")
    await asyncio.gather(one, take())
    assert seen[-1] == "third, the last"


async def test_a_swapped_link_to_the_root_is_noticed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.yaml").write_text(name)
    root = tmp_path / "config"
    root.symlink_to("one")
    async with watching(root) as batches:
        assert names(await next_change(batches), root) == {"a.yaml": "one"}
        waiting = asyncio.create_task(next_change(batches))
        await asyncio.sleep(0.1)
        (tmp_path / "swap").symlink_to("two")
        (tmp_path / "swap").replace(root)
        assert names(await waiting, root) == {"a.yaml": "two"}


async def test_what_changes_in_a_folder_that_took_the_place_of_another_is_noticed_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xds.sources.files._RESCAN_MS", 3_600_000)
    root = tmp_path / "config"
    root.mkdir()
    (root / "a.yaml").write_text("one")
    async with watching(root) as batches:
        await next_change(batches)
        waiting = asyncio.create_task(next_change(batches))
        await asyncio.sleep(0.2)  # the watch has to be in place: it starts in a thread
        root.rename(tmp_path / "gone")
        (problem,) = (await waiting).problems
        assert "No such file" in problem.reason
        waiting = asyncio.create_task(next_change(batches))
        root.mkdir()
        (root / "a.yaml").write_text("another")
        assert names(await waiting, root) == {"a.yaml": "another"}
        waiting = asyncio.create_task(next_change(batches))
        await asyncio.sleep(0.2)
        (root / "a.yaml").write_text("another still")
        assert names(await waiting, root) == {"a.yaml": "another still"}


def test_one_file_alone_may_have_any_name(tmp_path: Path) -> None:
    mesh, other = tmp_path / "mesh", tmp_path / "other.yaml"
    mesh.write_text("a")
    other.write_text("b")
    source = FileSource(tmp_path, only=mesh)

    assert source.scan().changed == {str(mesh): "a"}
    other.write_text("c")
    assert source.scan().changed == {}
    mesh.write_text("ab")
    assert source.scan().changed == {str(mesh): "ab"}


async def test_a_folder_in_whose_place_there_is_something_else_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xds.sources.files._RESCAN_MS", 200)  # of what happens before it is watched nothing is heard
    root = tmp_path / "config"
    root.mkdir()
    (root / "a.yaml").write_text("a")
    async with watching(root) as batches:
        await next_change(batches)
        root.rename(tmp_path / "elsewhere")
        root.write_text("no folder")
        assert [problem.code for problem in (await next_change(batches)).problems] == ["unreadable"]
        root.unlink()
        (tmp_path / "elsewhere").rename(root)
        (root / "a.yaml").write_text("new")
        while not (batch := await next_change(batches)).changed:
            pass
        assert names(batch, root) == {"a.yaml": "new"}
