"""`haechi rows` as people type it."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from haechi.cli.main import main
from haechi.rowstore.encoding import Keys
from haechi.rowstore.namespaces import QUESTIONS, TOKENS
from haechi.rowstore.store import Row, open_store


def rows(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["rows", *arguments])


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "rows.sqlite"
    monkeypatch.setenv("HAECHI_STORE", str(path))
    with open_store(path) as opened:
        opened.put(QUESTIONS, [Row(Keys({}).of(n=n), f"answer {n}", 0.25) for n in range(4)], {"model": "solar"})
        opened.put(TOKENS, [Row(Keys({}).of(n=n), ["t"]) for n in range(3)])
    return path


def test_stats_names_rows_makers_and_cost(store: Path) -> None:
    said = rows("stats").output
    assert "model=solar" in said
    assert "1.0000" in said
    assert "questions" in said


def test_export_writes_what_was_paid_and_a_new_store_takes_it_over(store: Path, tmp_path: Path) -> None:
    assert rows("export", str(tmp_path / "out")).exit_code == 0
    assert not (tmp_path / "out" / "tokens.jsonl").exists()
    other = str(tmp_path / "other.sqlite")
    assert rows("--store", other, "import", str(tmp_path / "out")).exit_code == 0
    with open_store(Path(other)) as opened:
        assert (opened.count(QUESTIONS), opened.count(TOKENS)) == (4, 0)


def test_verify_and_prune(store: Path) -> None:
    assert "every row is whole" in rows("verify").output
    assert "3 rows of tokens deleted" in rows("prune", "--namespace", "tokens").output
    assert "--paid" in str(rows("prune", "--namespace", "questions").exception)
    with open_store(store) as opened:
        opened.db.execute("UPDATE questions SET value = x'31' WHERE rowid = 1")
    broken = rows("verify")
    assert "checksum" in broken.output
    assert "1 problems" in str(broken.exception)


def test_no_store_yet_is_one_sentence(tmp_path: Path) -> None:
    for command in (["stats"], ["verify"], ["export", str(tmp_path / "x")], ["prune", "--namespace", "tokens"]):
        assert "no row store yet" in str(rows("--store", str(tmp_path / "none.sqlite"), *command).exception)
    assert not (tmp_path / "none.sqlite").exists()
