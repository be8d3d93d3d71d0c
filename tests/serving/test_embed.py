"""Texts become vectors in their order, as sentence-transformers has them, and nothing is done twice after a kill."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import faiss
import numpy as np
import orjson
import pytest
import tiny_models
from serving.village import CORPUS, QUESTIONS, model_folder

from haechi.models.load import folder_hash, open_encoder, save_encoder
from haechi.retrieval.dense import Task, Vectors, encode_queries, search
from haechi.runtime.errors import BadRecord, HaechiError, UsageError
from haechi.runtime.files import read_json, write_jsonl
from haechi.serving import embed as embedding
from haechi.serving.embed import Model, Source, embed, open_model
from haechi.serving.texts import read_texts


class Counting:
    """A cheap encoder that counts, and falls where it is told to."""

    def __init__(self, dies_at: int = 1 << 60) -> None:
        self.seen: list[str] = []
        self._dies_at = dies_at

    def encode_query(self, texts: Sequence[str], **_: object) -> Vectors:
        return self._encode(texts, "query")

    def encode_document(self, texts: Sequence[str], **_: object) -> Vectors:
        return self._encode(texts, "document")

    def _encode(self, texts: Sequence[str], task: Task) -> Vectors:
        if len(texts) > 1:
            if len(self.seen) >= self._dies_at:
                raise KeyboardInterrupt
            self.seen += texts
        made = np.array([[len(text), sum(map(ord, text)) % 97, task == "query"] for text in texts], dtype=np.float32)
        return made / np.linalg.norm(made, axis=1, keepdims=True)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setattr(embedding, "BLOCK", 4)
    return tmp_path


@pytest.fixture
def texts(home: Path) -> Path:
    write_jsonl(home / "texts.jsonl", CORPUS)
    return home / "texts.jsonl"


def made(texts: Path, out: Path, encoder: object, task: Task = "document", with_faiss: bool = False, hash: str = "m") -> bytes:
    embed(Source(texts), lambda: Model(encoder, hash), task, out, with_faiss)  # type: ignore[arg-type]
    return (out / "vectors.npy").read_bytes()


@pytest.mark.parametrize("task", ["document", "query"])
@pytest.mark.parametrize("kind", ["static", "transformer"])
def test_vectors_are_those_of_sentence_transformers(texts: Path, home: Path, kind: str, task: Task) -> None:
    """With the prompt of the task, in the order of the file."""
    model = tiny_models.static() if kind == "static" else tiny_models.transformer()
    model.prompts = {"query": "나무 ", "document": "우물 "}
    save_encoder(model, home / kind)
    embed(Source(texts), lambda: open_model(str(home / kind)), task, home / "out", with_faiss=False)

    encode = model.encode_query if task == "query" else model.encode_document
    theirs = encode([p.text for p in CORPUS], normalize_embeddings=True)
    np.testing.assert_allclose(np.load(home / "out" / "vectors.npy"), theirs, atol=2e-6)
    assert (home / "out" / "ids.txt").read_text().splitlines() == [p.id for p in CORPUS]
    facts = read_json(home / "out" / "embed.json")
    assert (facts["rows"], facts["model"], facts["task"]) == (len(CORPUS), folder_hash(home / kind), task)


def test_the_index_finds_what_exact_search_finds(texts: Path, home: Path) -> None:
    encoder = open_encoder(model_folder())
    vectors = np.load(__import__("io").BytesIO(made(texts, home / "out", encoder, with_faiss=True)))
    ids = (home / "out" / "ids.txt").read_text().splitlines()
    asked = encode_queries(encoder, QUESTIONS)
    scores, rows = faiss.read_index(str(home / "out" / "index.faiss")).search(asked, 3)

    ours = search(QUESTIONS, asked, ids, vectors, 3)
    for question, some, places in zip(QUESTIONS, scores, rows, strict=True):
        np.testing.assert_allclose(some, [s.score for s in ours[question]], atol=1e-5)
        assert {ids[place] for place in places} == {s.id for s in ours[question]} or len(set(some.round(5))) < 3


def test_lines_of_a_text_file_are_texts_too(home: Path) -> None:
    (home / "lines.txt").write_text("\ufeff우물\n\n  다리 \n", encoding="utf-8")
    assert [tuple(row) for row in read_texts(home / "lines.txt", "id", "text")] == [("1", "우물"), ("3", "다리")]


def test_fields_may_have_other_names(home: Path) -> None:
    write_jsonl(home / "q.jsonl", [{"qid": 7, "question": "우물?"}])
    assert [tuple(row) for row in read_texts(home / "q.jsonl", "qid", "question")] == [("7", "우물?")]


# Killed and gone on


@pytest.mark.parametrize("dies_at", [0, 4, 8, 16])
def test_a_run_goes_on_where_it_ended(texts: Path, home: Path, dies_at: int) -> None:
    whole = Counting()
    expected = made(texts, home / "whole", whole)
    first, second = Counting(dies_at), Counting()
    with pytest.raises(KeyboardInterrupt):
        made(texts, home / "out", first)
    assert not (home / "out").exists()
    assert made(texts, home / "out", second) == expected
    assert first.seen + second.seen == whole.seen, "each text once"
    assert {p.name for p in home.iterdir() if p.name.startswith(".out")} == set()


@pytest.mark.slow
def test_a_killed_process_loses_one_block_at_most(texts: Path, home: Path) -> None:
    code = f"""
import os, signal, sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from pathlib import Path
from serving.test_embed import Counting, made
from haechi.serving import embed
embed.BLOCK = 4
class Killed(Counting):
    def _encode(self, texts, task):
        if len(self.seen) >= 8: os.kill(os.getpid(), signal.SIGKILL)
        return super()._encode(texts, task)
made(Path({str(texts)!r}), Path({str(home / "out")!r}), Killed())
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    rest = Counting()
    assert made(texts, home / "out", rest) == made(texts, home / "whole", Counting())
    assert rest.seen == [p.text for p in CORPUS[8:]]


@pytest.mark.parametrize("change", ["text", "model", "task"])
def test_other_work_starts_anew(texts: Path, home: Path, change: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        made(texts, home / "out", Counting(8))
    if change == "text":
        write_jsonl(texts, [{"id": "x", "text": "다른 글"}, *({"id": p.id, "text": p.text} for p in CORPUS)])
    task: Task = "query" if change == "task" else "document"
    hash = "other" if change == "model" else "m"
    again = Counting()
    assert made(texts, home / "out", again, task, hash=hash) == made(texts, home / "fresh", Counting(), task, hash=hash)
    assert len(again.seen) == read_json(home / "out" / "embed.json")["rows"]


def test_what_is_there_is_not_made_again(texts: Path, home: Path) -> None:
    made(texts, home / "out", Counting())
    again = Counting()
    made(texts, home / "out", again)
    assert again.seen == []


# Bad input


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"id": "a", "text": "x"}\n{', "2: expected a JSON object, found no JSON"),
        ("[1]", "1: expected a JSON object, found list"),
        ('{"id": "a", "body": "x"}', "1: expected a text under 'text', found only id, body"),
        ('{"text": "x"}', "1: expected an id of one line under 'id', found only text"),
        ('{"id": "a\\nb", "text": "x"}', "1: expected an id of one line under 'id'"),
        ('{"id": "", "text": "x"}', "1: expected an id of one line under 'id'"),
        ('{"id": "a", "text": 5}', "1: expected a text under 'text', found 5"),
    ],
)
def test_a_bad_line_is_named(home: Path, content: str, sentence: str) -> None:
    (home / "bad.jsonl").write_text(content, encoding="utf-8")
    with pytest.raises(BadRecord) as error:
        made(home / "bad.jsonl", home / "out", Counting())
    assert str(error.value).startswith(f"{home / 'bad.jsonl'}:{sentence}")
    assert not (home / "out").exists()


def test_what_can_not_be_embedded_is_one_sentence(texts: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "latin.txt").write_bytes(b"\xff\xfe")
    (home / "empty.txt").write_text("\n\n")
    write_jsonl(home / "twice.jsonl", [{"id": "a", "text": "x"}, {"id": "b", "text": "x"}, {"id": "a", "text": "y"}])
    (home / "full").mkdir()
    (home / "full" / "thesis.txt").write_text("years of work")
    for name, out, sentence in (
        ("none.txt", "out", "can't be read"),
        ("latin.txt", "out", "1: expected UTF-8"),
        ("empty.txt", "out", "holds no text"),
        ("twice.jsonl", "out", "id a occurs twice, as text 1 and as text 3"),
        ("texts.jsonl", "full", "holds something else than vectors"),
    ):
        with pytest.raises(HaechiError, match=sentence):
            made(home / name, home / out, Counting())
    assert (home / "full" / "thesis.txt").exists()
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(UsageError, match="FAISS is not installed; `pip install faiss-cpu`, or do without with --no-faiss"):
        made(texts, home / "out", Counting(), with_faiss=True)


def test_the_corpus_of_the_pipeline_can_be_embedded_as_it_is(texts: Path, home: Path) -> None:
    """Whoever has FAISS needs nothing of ours to read it."""
    made(texts, home / "out", open_encoder(model_folder()), with_faiss=True)
    index = faiss.read_index(str(home / "out" / "index.faiss"))
    assert (index.ntotal, index.metric_type) == (len(CORPUS), faiss.METRIC_INNER_PRODUCT)
    assert orjson.loads((home / "out" / "embed.json").read_bytes())["dim"] == index.d
