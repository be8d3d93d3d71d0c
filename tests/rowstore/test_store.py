"""What goes into the row store comes out, is made once, and reads the same fresh and cached."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.rowstore.encoding import Keys
from haechi.rowstore.namespaces import EMBEDDINGS, QUESTIONS, SCORES, TOKENS, Namespace
from haechi.rowstore.store import Row, connect, log_of, open_store, store_path
from haechi.runtime.errors import HaechiError

KEYS = Keys({"model": "m", "schema": 1})
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), inner, max_size=4)
    ),
    max_leaves=8,
)


def key(name: object) -> bytes:
    return KEYS.of(text=str(name))


@given(st.lists(JSON, max_size=8))
def test_any_json_comes_back_as_it_was(values: list[object]) -> None:
    with open_store(Path(":memory:")) as store:
        store.put(QUESTIONS, [Row(key(place), value) for place, value in enumerate(values)])
        assert store.get(QUESTIONS, [key(place) for place in range(len(values))]) == {key(p): v for p, v in enumerate(values)}


@given(st.lists(st.floats(-6e4, 6e4, width=16), min_size=1, max_size=20))
def test_float16_vectors_come_back_bit_by_bit(numbers: list[float]) -> None:
    vector = np.array(numbers, dtype=np.float16)
    with open_store(Path(":memory:")) as store:
        store.put(EMBEDDINGS, [Row(key("a"), vector)])
        assert store.get(EMBEDDINGS, [key("a")])[key("a")].tobytes() == vector.tobytes()


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), JSON, min_size=1, max_size=5), st.randoms())
def test_a_key_does_not_depend_on_the_order_of_its_parts(parts: dict[str, object], random: object) -> None:
    items = list(parts.items())
    random.shuffle(items)  # type: ignore[attr-defined]
    half = len(items) // 2
    assert Keys(dict(items[:half])).of(**dict(items[half:])) == Keys(parts).of()


@pytest.mark.parametrize(
    "other",
    [
        {"model": "n", "text": "t"},
        {"model": "m", "text": "u"},
        {"model": "m", "text": "t", "more": 1},
        {"model": "mt", "text": ""},
    ],
)
def test_whatever_differs_has_another_key(other: dict[str, object]) -> None:
    assert Keys({"model": "m"}).of(text="t") != Keys({}).of(**other)


def test_a_part_named_twice_is_a_mistake_of_the_programmer() -> None:
    with pytest.raises(ValueError, match="twice: model"):
        KEYS.of(model="other")


@pytest.mark.parametrize("namespace", [TOKENS, SCORES, EMBEDDINGS])
def test_a_run_through_the_store_reads_the_same_fresh_cached_and_mixed(tmp_path: Path, namespace: Namespace) -> None:
    def compute(places: list[int]) -> list[object]:
        made.extend(places)
        return [np.array([place / 3, 1 / 3]) if namespace is EMBEDDINGS else [place / 3, "가"] for place in places]

    def read(first: int, last: int) -> list[str]:
        with open_store(tmp_path / "rows.sqlite") as store:
            return [str(value) for value in store.through(namespace, [key(n) for n in range(first, last)], compute, batch=3)]

    made: list[int] = []
    half = read(0, 5)
    assert made == [0, 1, 2, 3, 4]
    made.clear()
    full = read(0, 10)
    assert made == [5, 6, 7, 8, 9]
    assert full[:5] == half
    made.clear()
    assert read(0, 10) == full
    assert made == []


def test_a_text_that_occurs_twice_is_made_once(tmp_path: Path) -> None:
    calls: list[int] = []
    with open_store(tmp_path / "rows.sqlite") as store:
        values = store.through(
            TOKENS, [key("a"), key("b"), key("a")], lambda places: (calls.extend(places), [["x", str(p)] for p in places])[1]
        )
    assert calls == [0, 1]
    assert values == [["x", "0"], ["x", "1"], ["x", "0"]]


def test_each_batch_is_in_the_store_before_the_next_is_made(tmp_path: Path) -> None:
    path = tmp_path / "rows.sqlite"

    def compute(places: list[int]) -> list[object]:
        with open_store(path) as other:
            seen.append(other.count(TOKENS))
        return [[str(place)] for place in places]

    seen: list[int] = []
    with open_store(path) as store:
        store.through(TOKENS, [key(n) for n in range(7)], compute, batch=3)
    assert seen == [0, 3, 6]


def test_who_comes_second_reads_what_the_first_wrote(tmp_path: Path) -> None:
    path = tmp_path / "rows.sqlite"

    def slow(places: list[int]) -> list[object]:
        with open_store(path) as other:
            other.put(TOKENS, [Row(key("a"), ["first"])])
        return [["second"] for _ in places]

    with open_store(path) as store:
        assert store.through(TOKENS, [key("a"), key("b")], slow) == [["first"], ["second"]]
        assert store.put(TOKENS, [Row(key("a"), ["third"])]) == 0
        assert store.get(TOKENS, [key("a")]) == {key("a"): ["first"]}


def test_each_walks_in_the_order_asked_and_names_what_is_missing(tmp_path: Path) -> None:
    with open_store(tmp_path / "rows.sqlite") as store:
        store.put(TOKENS, [Row(key(n), [str(n)]) for n in range(12_000)])
        asked = [11_999, 3, 20_000, 3, 0]
        assert list(store.each(TOKENS, (key(n) for n in asked))) == [(key(n), [str(n)] if n < 12_000 else None) for n in asked]
        assert sum(value is not None for _, value in store.each(TOKENS, map(key, range(12_500)))) == 12_000


@pytest.mark.parametrize("vector", [[1.0, float("nan")], [1e9], [[1.0], [2.0]]])
def test_a_vector_that_float16_cannot_hold_is_refused(tmp_path: Path, vector: list[float]) -> None:
    with open_store(tmp_path / "rows.sqlite") as store, pytest.raises(HaechiError, match="finite"):
        store.put(EMBEDDINGS, [Row(key("a"), np.array(vector))])


def test_a_store_is_not_carried_over_a_fork(tmp_path: Path) -> None:
    with open_store(tmp_path / "rows.sqlite") as store:
        store._owner = os.getpid() + 1
        with pytest.raises(RuntimeError, match="fork"):
            store.get(TOKENS, [key("a")])


def test_what_was_found_and_made_is_said_and_logged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rows.sqlite"
    for _ in range(2):
        with open_store(path) as store:
            store.through(TOKENS, [key("a"), key("b")], lambda places: [["x"] for _ in places])
    assert "tokens 0 from the store, 2 made" in capsys.readouterr().out
    assert log_of(path).read_text().count('"computed":2') == 1


def test_the_store_lies_where_the_environment_says_else_with_the_main_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".dvc").mkdir()
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    monkeypatch.delenv("HAECHI_STORE", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    assert store_path() == tmp_path / ".haechi" / "rows.sqlite"
    monkeypatch.setenv("DVC_ROOT", "/main")
    assert store_path() == Path("/main/.haechi/rows.sqlite")
    monkeypatch.setenv("HAECHI_STORE", "/else/rows")
    assert store_path() == Path("/else/rows")


def test_connecting_twice_makes_one_store(tmp_path: Path) -> None:
    first, second = connect(tmp_path / "rows.sqlite"), connect(tmp_path / "rows.sqlite")
    first.put(TOKENS, [Row(key("a"), ["x"])])
    assert second.get(TOKENS, [key("a")]) == {key("a"): ["x"]}
    first.close()
    second.close()
