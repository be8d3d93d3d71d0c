"""A store that can't be used is named in one sentence, and its bytes stay as they were."""

import sqlite3
from pathlib import Path

import pytest

from haechi.rowstore import maintenance, schema
from haechi.rowstore.encoding import Keys
from haechi.rowstore.namespaces import DOCUMENTS, EMBEDDINGS, QUESTIONS, TOKENS
from haechi.rowstore.store import Row, connect, open_store
from haechi.runtime.errors import HaechiError

KEY = Keys({}).of(text="a")


def filled(path: Path, rows: int = 500) -> Path:
    with open_store(path) as store:
        store.put(TOKENS, [Row(Keys({}).of(text=n), [str(n) * 50]) for n in range(rows)])
        store.put(EMBEDDINGS, [Row(KEY, [1.0, 2.0])], {"model": "m"})
    return path


def read_all(path: Path) -> None:
    with open_store(path) as store:
        list(store.rows("SELECT * FROM tokens"))


def refusal(path: Path) -> str:
    before = path.read_bytes()
    with pytest.raises(HaechiError) as error:
        read_all(path)
    assert path.read_bytes() == before
    assert str(path) in str(error.value)
    return str(error.value)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "rows.sqlite"
    path.write_text("{}" * 1000)
    assert "damaged" in refusal(path)


def test_a_database_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "rows.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE tokens (word)")
    assert "no row store" in refusal(path)


def test_a_torn_database(tmp_path: Path) -> None:
    path = filled(tmp_path / "rows.sqlite")
    data = bytearray(path.read_bytes())
    data[4096:-4096] = b"\xff" * (len(data) - 8192)
    path.write_bytes(data)
    assert "damaged" in refusal(path)


def test_a_store_of_a_newer_haechi(tmp_path: Path) -> None:
    path = filled(tmp_path / "rows.sqlite")
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    assert "newer haechi" in refusal(path)


def test_a_folder_that_cannot_be_written() -> None:
    with pytest.raises(HaechiError, match="HAECHI_STORE"):
        connect(Path("/proc/haechi/rows.sqlite"))


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(HaechiError, match="can't be opened"):
        connect(tmp_path)


def test_a_read_only_store(tmp_path: Path) -> None:
    path = filled(tmp_path / "rows.sqlite")
    with open_store(path) as store:
        store.db.execute("PRAGMA query_only = 1")  # root may write read-only files; this is the same answer of SQLite
        with pytest.raises(HaechiError, match="read-only"):
            store.put(TOKENS, [Row(KEY, ["x"])])
        assert store.count(TOKENS) == 500


def test_a_full_disk_loses_the_open_batch_alone(tmp_path: Path) -> None:
    with open_store(filled(tmp_path / "rows.sqlite")) as store:
        pages = next(store.rows("PRAGMA page_count"))[0]
        store.db.execute(f"PRAGMA max_page_count = {pages + 10}")
        with pytest.raises(HaechiError, match="disk is full"):
            store.put(TOKENS, [Row(Keys({}).of(more=n), ["x" * 500]) for n in range(1000)])
        assert store.count(TOKENS) == 500
        assert list(maintenance.problems(store)) == []
        store.put(QUESTIONS, [Row(KEY, "small")])  # and goes on once there is room
        assert store.count(QUESTIONS) == 1


def test_an_older_store_is_upgraded_by_name_and_keeps_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = filled(tmp_path / "rows.sqlite")
    step = schema.Upgrade("a column for the mood of a row", lambda db: db.execute("ALTER TABLE tokens ADD COLUMN mood") and None)
    monkeypatch.setattr(schema, "UPGRADES", {**schema.UPGRADES, schema.VERSION: step})
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    for _ in range(2):
        with open_store(path) as store:
            assert store.count(TOKENS) == 500
            assert next(store.rows("SELECT mood FROM tokens LIMIT 1")) == (None,)
    assert capsys.readouterr().out.count("a column for the mood of a row") == 1


def test_a_store_of_the_first_version_gets_a_table_for_documents(tmp_path: Path) -> None:
    path = filled(tmp_path / "rows.sqlite")
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE documents")
        db.execute("PRAGMA user_version = 1")
    db.close()
    with open_store(path) as store:
        assert store.count(TOKENS) == 500
        store.put(DOCUMENTS, [Row(KEY, {"title": "", "blocks": []})])
        assert store.count(DOCUMENTS) == 1


def test_an_upgrade_that_fails_leaves_the_old_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(db: sqlite3.Connection) -> None:
        db.execute("DROP TABLE tokens")
        db.execute("SELECT * FROM nowhere")

    path = filled(tmp_path / "rows.sqlite")
    with monkeypatch.context() as newer:
        newer.setattr(schema, "UPGRADES", {schema.VERSION: schema.Upgrade("broken", broken)})
        newer.setattr(schema, "VERSION", schema.VERSION + 1)
        with pytest.raises(HaechiError):
            connect(path)
    with open_store(path) as store:
        assert store.count(TOKENS) == 500


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("UPDATE tokens SET value = x'5b5d'", "checksum"),
        ("UPDATE tokens SET key = x'00' WHERE rowid = 1", "32 bytes"),
        ("UPDATE tokens SET value = 'text' WHERE rowid = 1", "no bytes"),
        ("DELETE FROM origins", "provenance"),
    ],
)
def test_every_harmed_row_is_found(tmp_path: Path, harm: str, said: str) -> None:
    with open_store(filled(tmp_path / "rows.sqlite")) as store:
        assert list(maintenance.problems(store)) == []
        changed = store.db.execute(harm).rowcount
        found = [problem for problem in maintenance.problems(store) if said in problem]
        assert len(found) >= changed > 0


def test_pruning_leaves_paid_rows_unless_told(tmp_path: Path) -> None:
    with open_store(filled(tmp_path / "rows.sqlite")) as store:
        store.put(QUESTIONS, [Row(KEY, "answer", 0.1)])
        with pytest.raises(HaechiError, match="--paid"):
            maintenance.prune(store, QUESTIONS, 0, paid=False)
        assert maintenance.prune(store, TOKENS, 1, paid=False) == 0
        assert maintenance.prune(store, TOKENS, 0, paid=False) == 500
        assert store.count(QUESTIONS) == 1
        assert maintenance.prune(store, QUESTIONS, 0, paid=True) == 1
        assert [share.namespace for share in maintenance.shares(store)] == ["embeddings"]
        assert list(store.rows("SELECT facts FROM origins")) == [(b'{"model":"m"}',)]
