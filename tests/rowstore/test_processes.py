"""Several processes write to one store and lose nothing; kill -9 takes the open batch at most."""

import os
from pathlib import Path

import pytest
from pipeline.checkout import ROOT, python
from rowstore.writers import BATCH, forked, key, write_batch

from haechi.rowstore import maintenance
from haechi.rowstore.namespaces import QUESTIONS, TOKENS
from haechi.rowstore.store import connect


def test_two_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    """20,000 rows each; benchmarks/rows.py does it with 100,000."""
    path, batches = tmp_path / "rows.sqlite", 400

    def writer(number: int) -> None:
        store = connect(path)
        for batch in range(batches):
            write_batch(store, number, batch, TOKENS)
        store.close()

    children = [forked(lambda number=number: writer(number)) for number in (1, 2)]  # type: ignore[misc]
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    store = connect(path)
    assert store.count(TOKENS) == 2 * batches * BATCH
    for number in (1, 2):
        found = store.get(TOKENS, [key(number, n) for n in range(batches * BATCH)])
        assert [found[key(number, n)]["number"] for n in range(batches * BATCH)] == list(range(batches * BATCH))
    assert list(maintenance.problems(store)) == []
    store.close()


def test_processes_that_make_the_store_at_once_make_one(tmp_path: Path) -> None:
    for turn in range(10):
        path = tmp_path / f"{turn}.sqlite"
        children = [forked(lambda n=n: write_batch(connect(path), n, 0)) for n in range(6)]  # type: ignore[misc]  # noqa: B023
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 6
        store = connect(path)
        assert store.count(QUESTIONS) == 6 * BATCH
        store.close()


@pytest.mark.slow
def test_five_hundred_kills_lose_no_committed_batch(tmp_path: Path) -> None:
    """From a process of its own: the tests' is so large that each fork of it takes longer than the writing."""
    path = tmp_path / "rows.sqlite"
    done = python("-m", "rowstore.writers", path, 500, 2, PYTHONPATH=f"{ROOT / 'src'}:{ROOT / 'tests'}")
    assert done.returncode == 0, done.stderr
    store = connect(path)
    assert store.count(QUESTIONS) == int(done.stdout) * BATCH >= 500 * BATCH
    assert list(maintenance.problems(store)) == []
    store.close()
