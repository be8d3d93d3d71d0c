"""An export is the same bytes for the same rows, comes back whole, and an import is all or nothing."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from haechi.rowstore import maintenance
from haechi.rowstore.encoding import Keys
from haechi.rowstore.export import MANIFEST, export_rows, import_rows, packed_rows
from haechi.rowstore.namespaces import ALL, EMBEDDINGS, JUDGEMENTS, QUESTIONS
from haechi.rowstore.schema import VERSION
from haechi.rowstore.store import Row, Store, open_store
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import sha256_folder

KEYS = Keys({})


def key(name: object) -> bytes:
    return KEYS.of(text=str(name))


def fill(store: Store, numbers: list[int]) -> None:
    for n in numbers:
        store.put(QUESTIONS, [Row(key(n), {"b": n, "a": "가"}, n / 10)], {"model": n % 2})
        store.put(EMBEDDINGS, [Row(key(n), np.arange(2 + n % 2) + n)], {"model": n % 2})


def content(store: Store) -> list[object]:
    return [list(packed_rows(store, namespace)) for namespace in ALL]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(st.permutations(range(8)), st.permutations(range(8)))
def test_the_same_rows_give_the_same_bytes_whatever_their_history(tmp_path: Path, one: list[int], two: list[int]) -> None:
    folders = []
    for name, order in (("one", one), ("two", two)):
        with open_store(Path(":memory:")) as store:
            fill(store, order)
            folders.append(tmp_path / name)
            export_rows(store, ALL, folders[-1])
    assert sha256_folder(folders[0]) == sha256_folder(folders[1])


def test_an_export_comes_back_whole_and_twice_is_once(tmp_path: Path) -> None:
    with open_store(tmp_path / "a.sqlite") as store:
        fill(store, list(range(20)))
        before = content(store)
        assert export_rows(store, ALL, tmp_path / "export")["questions"] == 20
    with open_store(tmp_path / "b.sqlite") as store:
        assert import_rows(store, tmp_path / "export")["embeddings"].new == 20
        assert import_rows(store, tmp_path / "export")["embeddings"].known == 20
        assert content(store) == before
        assert list(maintenance.problems(store)) == []
        export_rows(store, ALL, tmp_path / "again")
    assert sha256_folder(tmp_path / "export") == sha256_folder(tmp_path / "again")


def test_a_store_can_be_merged_into_another(tmp_path: Path) -> None:
    with open_store(tmp_path / "a.sqlite") as store:
        fill(store, [1, 2, 3])
    with open_store(tmp_path / "b.sqlite") as store:
        fill(store, [3, 4])
        done = import_rows(store, tmp_path / "a.sqlite")
        assert (done["questions"].new, done["questions"].known) == (2, 1)
        with open_store(tmp_path / "c.sqlite") as both:
            fill(both, [1, 2, 3, 4])
            assert content(store) == content(both)


def test_rows_are_sorted_lines_and_vectors_a_plain_npy_file(tmp_path: Path) -> None:
    with open_store(tmp_path / "a.sqlite") as store:
        fill(store, [4, 2, 0])
        export_rows(store, [EMBEDDINGS], tmp_path / "export")
    lines = [json.loads(line) for line in (tmp_path / "export" / "embeddings.jsonl").read_text().splitlines()]
    assert [line["key"] for line in lines] == sorted(key(n).hex() for n in (4, 2, 0))
    vectors = np.load(tmp_path / "export" / "embeddings-2.npy", allow_pickle=False)
    assert {tuple(row) for row in vectors.tolist()} == {(0, 1), (2, 3), (4, 5)}
    assert vectors.dtype == np.float16


@pytest.mark.parametrize("source", ["export", "a.sqlite"])
def test_conflicting_values_are_refused_and_nothing_is_changed(tmp_path: Path, source: str) -> None:
    with open_store(tmp_path / "a.sqlite") as store:
        fill(store, list(range(10)))
        store.put(JUDGEMENTS, [Row(key("x"), "yes")])
        export_rows(store, ALL, tmp_path / "export")
    with open_store(tmp_path / "b.sqlite") as store:
        store.put(JUDGEMENTS, [Row(key("x"), "no")])
        before = content(store)
        with pytest.raises(HaechiError, match=r"judgements row .* another value"):
            import_rows(store, tmp_path / source)
        assert content(store) == before
        done = import_rows(store, tmp_path / source, "keep")
        assert (done["judgements"].conflicts, done["questions"].new) == (1, 10)
        assert store.get(JUDGEMENTS, [key("x")]) == {key("x"): "no"}


def tampered(folder: Path, file: str, change: tuple[str, str]) -> None:
    path = folder / file
    path.write_text(path.read_text().replace(*change))


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        (MANIFEST, (f'"schema": {VERSION}', '"schema": 99'), "version 99"),
        (MANIFEST, ("haechi rows", "other rows"), "'other rows'"),
        (MANIFEST, ('"files"', '"fills"'), "not the manifest"),
        ("questions.jsonl", ("가", "나"), "not the file that manifest.json describes"),
        (MANIFEST, ("embeddings-2.npy", "../embeddings-2.npy"), "not the file"),
    ],
)
def test_an_export_that_does_not_hold_together_is_refused(tmp_path: Path, file: str, change: tuple[str, str], said: str) -> None:
    with open_store(tmp_path / "a.sqlite") as store:
        fill(store, [1, 2, 3])
        export_rows(store, ALL, tmp_path / "export")
    tampered(tmp_path / "export", file, change)
    with open_store(tmp_path / "b.sqlite") as store:
        with pytest.raises(HaechiError, match=said):
            import_rows(store, tmp_path / "export")
        assert content(store) == [[]] * len(ALL)


def test_an_export_of_the_first_version_is_read(tmp_path: Path) -> None:
    """It lacks a kind of row, and what it holds is as it was."""
    with open_store(tmp_path / "a.sqlite") as store:
        fill(store, [1, 2, 3])
        export_rows(store, ALL[:-1], tmp_path / "export")
        rows = content(store)
    tampered(tmp_path / "export", MANIFEST, (f'"schema": {VERSION}', '"schema": 1'))
    with open_store(tmp_path / "b.sqlite") as store:
        import_rows(store, tmp_path / "export")
        assert content(store) == rows


def test_a_folder_of_something_else_is_neither_read_nor_overwritten(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("x")
    with open_store(tmp_path / "a.sqlite") as store:
        with pytest.raises(HaechiError, match="no export"):
            import_rows(store, tmp_path / "photos")
        with pytest.raises(HaechiError, match="something else"):
            export_rows(store, ALL, tmp_path / "photos")
    assert (tmp_path / "photos" / "cat.jpg").exists()
