"""Several processes write to one store and lose nothing; kill -9 takes the open batch at most."""

import os
import random
from pathlib import Path

import pytest
from rowstore.writers import BATCH, batches_there, forked, key, write_batch, written_until_killed

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


def killed_again_and_again(path: Path, kills: int, seed: int) -> None:
    """Every batch that was said to be committed is whole; of the open one all rows are there or none."""
    moments = random.Random(seed)  # noqa: S311  # no secret
    first = 0
    for kill in range(kills):
        said = written_until_killed(path, writer=1, first=first, after=moments.uniform(0, 0.02))
        store = connect(path)
        there = batches_there(store, 1, range(first, first + said + 1))
        assert there[:said] == [BATCH] * said, f"kill {kill}: a committed batch is not whole"
        assert there[said] in (0, BATCH), f"kill {kill}: half a batch"
        first += said + (there[said] == BATCH)
        store.close()
    store = connect(path)
    assert store.count(QUESTIONS) == first * BATCH
    assert list(maintenance.problems(store)) == []
    store.close()


@pytest.mark.slow
def test_five_hundred_kills_lose_no_committed_batch(tmp_path: Path) -> None:
    killed_again_and_again(tmp_path / "rows.sqlite", 500, seed=2)
