"""Files are whole or not there, and what was written is what is read."""

import hashlib
import importlib
import json
import math
import os
import pkgutil
import shutil
import signal
from collections.abc import Iterator
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pipeline.checkout import ROOT, python

import haechi.records
from haechi.records.decision import Decision
from haechi.records.dropped import Dropped
from haechi.records.held_out import KeptApart
from haechi.records.mined import MinedExample
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.records.query import Qrel, TestQuery
from haechi.records.question import DroppedQuestion, Question
from haechi.records.result import QueryResult
from haechi.records.validated import ValidatedQuery
from haechi.runtime.errors import BadRecord, HaechiError
from haechi.runtime.files import (
    atomic_file,
    atomic_folder,
    ensure_writable,
    read_json,
    read_records,
    read_text,
    sha256_file,
    sha256_folder,
    write_json,
    write_jsonl,
    write_text,
)

KINDS = [Decision, Dropped, DroppedQuestion, MinedExample, Pair, Passage, Qrel, QueryResult, Question, TestQuery, ValidatedQuery]

in_one_folder = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

st.register_type_strategy(int, st.integers(-(2**63), 2**63 - 1))
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Atomic


def test_a_file_replaces_the_old_one_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    for text in ("old", "new"):
        write_text(tmp_path / "a" / "b.txt", text)
        assert (tmp_path / "a" / "b.txt").read_text(encoding="utf-8") == text
        assert names(tmp_path / "a") == ["b.txt"]
    assert (tmp_path / "a" / "b.txt").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_in_mid_write_leaves_the_old_file_and_nothing_else(error: type[BaseException], tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_text(path, "old")

    def rows() -> Iterator[dict[str, int]]:
        yield {"n": 1}
        raise error

    with pytest.raises(error):
        write_jsonl(path, rows())
    assert path.read_text(encoding="utf-8") == "old"
    assert names(tmp_path) == ["rows.jsonl"]


def test_an_exception_leaves_the_old_folder_and_nothing_else(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "model") as folder:
        write_text(folder / "weights", "old")

    def stopped() -> None:
        with atomic_folder(tmp_path / "model") as folder:
            write_text(folder / "weights", "new")
            assert (tmp_path / "model" / "weights").read_text(encoding="utf-8") == "old", "the old one stands until the end"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert (tmp_path / "model" / "weights").read_text(encoding="utf-8") == "old"
    assert names(tmp_path) == ["model"]


def test_a_folder_that_is_replaced_keeps_nothing_of_the_old_one(tmp_path: Path) -> None:
    for name in ("old", "new"):
        with atomic_folder(tmp_path / "model") as folder:
            write_text(folder / name, name)
    assert names(tmp_path / "model") == ["new"]
    assert (tmp_path / "model").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize("death", ["os._exit(3)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_process_killed_in_mid_write_leaves_the_old_file_or_none(old: bool, death: str, tmp_path: Path) -> None:
    """What it leaves is a hidden temporary file; never half a file under the name that others read."""
    path, model = tmp_path / "rows.jsonl", tmp_path / "model"
    if old:
        write_text(path, "old")
        write_text(model / "weights", "old")
    program = f"""
import os, signal, sys
from pathlib import Path
from haechi.runtime.files import atomic_folder, write_jsonl
def rows():
    for n in range(1000):
        yield {{"n": n, "text": "가" * 1000}}
    {death}
with atomic_folder(Path({str(model)!r})) as folder:
    (folder / "weights").write_text("new")
    write_jsonl(Path({str(path)!r}), rows())
"""
    done = python("-c", program, PYTHONPATH=str(ROOT / "src"))
    assert done.returncode == (3 if "_exit" in death else -signal.SIGKILL), done.stderr
    assert [path.exists(), model.exists()] == [old, old]
    if old:
        assert path.read_text(encoding="utf-8") == "old"
        assert (model / "weights").read_text(encoding="utf-8") == "old"
    assert all(name.startswith(".") for name in {*names(tmp_path)} - {"rows.jsonl", "model"})


# Where nothing can be written


@pytest.mark.parametrize("write", [write_text, write_json, lambda path, rows: write_jsonl(path, [rows])])
def test_an_impossible_place_is_one_sentence(write: Any, tmp_path: Path) -> None:
    """Under a regular file, where root can't write either."""
    write_text(tmp_path / "file", "")
    path = tmp_path / "file" / "sub" / "out.json"
    with pytest.raises(HaechiError, match=rf"^{path}: can't write here \(.+\)$"):
        write(path, "x")
    with pytest.raises(HaechiError, match=rf"^{path}: can't write here \(.+\)$"), atomic_folder(path):
        pass


def test_outputs_are_tried_before_the_work_and_the_trial_leaves_no_trace(tmp_path: Path) -> None:
    write_text(tmp_path / "a.json", "old")
    ensure_writable(tmp_path / "a.json", tmp_path / "new" / "b.json")
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == "old"
    assert names(tmp_path / "new") == []
    with pytest.raises(HaechiError, match="can't write here"):
        ensure_writable(tmp_path / "a.json", tmp_path / "a.json" / "b.json")


# Records


def test_every_record_that_is_written_is_tried_here() -> None:
    """A new record must join the round trip; `Section` and `PairMeta` travel inside others, `HeldOut` is never written."""
    modules = [importlib.import_module(f"haechi.records.{m.name}") for m in pkgutil.iter_modules(haechi.records.__path__)]
    kinds = [value for module in modules for value in vars(module).values() if is_dataclass(value)]
    assert {kind.__name__ for kind in kinds} - {"Section", "PairMeta", "HeldOut"} == {
        kind.__name__ for kind in (*KINDS, KeptApart)
    }


@pytest.mark.parametrize("kind", [*KINDS, KeptApart])  # of that one every key may be missing
@in_one_folder
@given(data=st.data())
def test_records_come_back_as_they_were(kind: type[Any], data: st.DataObject, tmp_path: Path) -> None:
    """Also with newlines, quotes, NUL and line separators in their texts; and counts and hash are those of the file."""
    rows = data.draw(st.lists(st.from_type(kind), max_size=4))
    facts = write_jsonl(tmp_path / "rows.jsonl", rows)
    written = (tmp_path / "rows.jsonl").read_bytes()
    assert list(read_records(tmp_path / "rows.jsonl", kind)) == rows
    assert facts.rows == len(rows) == written.count(b"\n")
    assert facts.sha256 == hashlib.sha256(written).hexdigest() == sha256_file(tmp_path / "rows.jsonl")
    assert [json.loads(line) for line in written.splitlines()] == [json.loads(json.dumps(asdict(row))) for row in rows]


@pytest.mark.parametrize("kind", KINDS)
@in_one_folder
@given(data=st.data())
def test_a_record_without_one_of_its_keys_is_refused(kind: type[Any], data: st.DataObject, tmp_path: Path) -> None:
    """The sentence names the file, the line, the record and the key."""
    good = asdict(data.draw(st.from_type(kind)))
    required = [field.name for field in fields(kind) if field.default is field.default_factory]
    gone = data.draw(st.sampled_from(required))
    path = tmp_path / "rows.jsonl"
    write_jsonl(path, [good, good, {key: value for key, value in good.items() if key != gone}])
    with pytest.raises(BadRecord) as caught:
        list(read_records(path, kind))
    assert (caught.value.path, caught.value.line) == (path, 3)
    assert str(caught.value).startswith(f"{path}:3: expected a {kind.__name__}, found ")
    assert f"`{gone}`" in str(caught.value)


@pytest.mark.parametrize("line", ["", "{", "null", "[]", '{"query_id": 1}', '"text"', '{"query_id": "q"', "\x00", "{'a': 1}"])
def test_a_line_that_holds_no_record_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "qrels.jsonl"
    write_text(path, '{"query_id":"q","article_key":"a"}\n' + line + "\n")
    rows = read_records(path, Qrel)
    assert next(rows) == Qrel("q", "a")
    with pytest.raises(BadRecord, match=rf"^{path}:2: expected a Qrel, found "):
        next(rows)


def test_half_a_file_is_named_at_its_last_line(tmp_path: Path) -> None:
    """As a full disk or a killed copy leaves it."""
    path = tmp_path / "qrels.jsonl"
    write_jsonl(path, [Qrel("q", "가"), Qrel("q", "나")])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadRecord, match=r"qrels\.jsonl:2: expected a Qrel"):
        list(read_records(path, Qrel))


def test_records_are_streamed(tmp_path: Path) -> None:
    """The first row is read before the third is known to be bad, and written before the second is made."""
    path = tmp_path / "rows.jsonl"
    write_text(path, '{"query_id":"q","article_key":"a"}\n' * 2 + "bad\n")
    assert next(read_records(path, Qrel)).query_id == "q"
    sizes = []

    def rows() -> Iterator[dict[str, str]]:
        for _ in range(3):
            yield {"text": "x" * 100_000}
            (temporary,) = tmp_path.glob(".big.jsonl.*")
            sizes.append(temporary.stat().st_size)

    write_jsonl(tmp_path / "big.jsonl", rows())
    assert 0 < sizes[0] < sizes[1] < sizes[2]


def test_missing_files_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(HaechiError, match=r"a\.jsonl: no such file$"):
        list(read_records(tmp_path / "a.jsonl", Qrel))
    with pytest.raises(HaechiError, match=r"a\.json: no such file$"):
        read_json(tmp_path / "a.json")
    with pytest.raises(HaechiError, match=r"a\.txt: no such file$"):
        read_text(tmp_path / "a.txt")


def test_text_that_is_no_utf8_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("a가".encode("cp949"))
    with pytest.raises(HaechiError, match=r"a\.txt: not UTF-8 \(byte 1\)$"):
        read_text(tmp_path / "a.txt")


@in_one_folder
@given(text=st.text())
def test_text_comes_back_with_unix_lines(text: str, tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", text)
    assert read_text(tmp_path / "a.txt") == text.replace("\r\n", "\n").replace("\r", "\n")


# JSON


@pytest.mark.parametrize("garbage", [b"", b"{", b"{'a': 1}", b"\xff\xfe", b"NaN", b"{} {}", b"\x00"])
def test_garbage_is_named(garbage: bytes, tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    path.write_bytes(garbage)
    with pytest.raises(HaechiError, match=rf"^{path}: not JSON \(.+\)$"):
        read_json(path)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@in_one_folder
@given(value=VALUES)
def test_json_comes_back_and_has_one_form(value: Any, tmp_path: Path) -> None:
    """Sorted keys and a newline at the end: the same value gives the same bytes, in whatever order it was built."""
    path = tmp_path / "a.json"
    write_json(path, value)
    assert read_json(path) == value
    first = path.read_bytes()
    assert first.endswith(b"\n")
    write_json(path, dict(reversed(value.items())) if isinstance(value, dict) else value)
    assert path.read_bytes() == first


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_null_in_json(value: float, tmp_path: Path) -> None:
    """JSON has no NaN, and a reader must not choke on ours."""
    write_json(tmp_path / "a.json", {"x": value})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"x": None}


# Hashes

NAMES = st.text("abc가", min_size=1, max_size=3)
TREES = st.dictionaries(NAMES | st.tuples(NAMES.map("d{}".format), NAMES).map("/".join), st.binary(max_size=5), max_size=4)


def planted(folder: Path, tree: dict[str, bytes]) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in tree.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@in_one_folder
@given(first=TREES, second=TREES)
def test_the_hash_of_a_folder_is_that_of_its_names_and_bytes(
    first: dict[str, bytes], second: dict[str, bytes], tmp_path: Path
) -> None:
    """Equal where both are equal and only there; order, times and modes don't count."""
    left, right = planted(tmp_path / "left", first), planted(tmp_path / "right", second)
    assert (sha256_folder(left) == sha256_folder(right)) == (first == second)
    again = planted(tmp_path / "elsewhere", dict(reversed(first.items())))
    for file in again.rglob("*"):
        os.utime(file, (1, 1))
        file.chmod(0o700)
    (again / "empty").mkdir()
    assert sha256_folder(again) == sha256_folder(left)


def test_a_file_moved_or_renamed_changes_the_hash(tmp_path: Path) -> None:
    trees = [{"a": b"x"}, {"b": b"x"}, {"d/a": b"x"}, {"a": b"xx"}, {"a": b"x", "b": b""}, {}]
    assert len({sha256_folder(planted(tmp_path / "tree", tree)) for tree in trees}) == len(trees)


def test_an_open_file_is_not_there_yet(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "a") as stream:
        stream.write(b"x")
        assert not (tmp_path / "a").exists()
    assert (tmp_path / "a").read_bytes() == b"x"
