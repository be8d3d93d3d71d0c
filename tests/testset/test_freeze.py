import hashlib
import shutil
from dataclasses import fields, replace
from pathlib import Path

import orjson
import pytest

from haechi.parsing.ingest import RawCorpus, preprocess, read_corpus
from haechi.parsing.params import PreprocessParams
from haechi.runtime.errors import HaechiError, TestSetChanged
from haechi.runtime.files import read_json, write_json
from haechi.runtime.params import load_section
from haechi.testset.freeze import freeze
from haechi.testset.manifest import MANIFEST, QRELS, QUERIES, TREC, fingerprint, held_out, load_testset
from haechi.testset.params import TestsetParams

ROOT = Path(__file__).parents[2]
PARAMS = load_section(ROOT / "params.yaml", "testset", TestsetParams)


@pytest.fixture(scope="module")
def raw() -> RawCorpus:
    return read_corpus(ROOT / "data/raw")


@pytest.fixture(scope="module")
def frozen(raw: RawCorpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("frozen")
    freeze(raw, PARAMS, folder)
    return folder


@pytest.fixture
def copy(frozen: Path, tmp_path: Path) -> Path:
    shutil.copytree(frozen, tmp_path / "testset")
    return tmp_path / "testset"


def test_the_manifest_holds_the_sha256_of_every_file(frozen: Path) -> None:
    manifest = read_json(frozen / MANIFEST)

    assert {path.name for path in frozen.iterdir()} == {MANIFEST, *manifest["files"]}
    for name, sha in manifest["files"].items():
        assert hashlib.sha256((frozen / name).read_bytes()).hexdigest() == sha


def test_what_was_frozen_loads_with_one_qrel_a_gold_article(frozen: Path) -> None:
    testset = load_testset(frozen)
    qrels = [orjson.loads(line) for line in (frozen / QRELS).read_text().splitlines()]

    assert sum(testset.manifest.counts[s] for s in ("precedent", "title", "synthetic")) <= len(testset.queries)
    assert [(q["query_id"], q["article_key"]) for q in qrels] == [(q.query_id, k) for q in testset.queries for k in q.gold]
    assert len({q.query_id for q in testset.queries}) == len(testset.queries)
    assert held_out(testset).gold == {q["article_key"] for q in qrels}
    assert testset.manifest.counts["unseen"] >= PARAMS.unseen_queries


def test_the_granularity_of_passages_does_not_change_the_test_set(raw: RawCorpus, frozen: Path, tmp_path: Path) -> None:
    """Passages were cut twice in between, by item and by window: freeze looks at raw documents only."""
    for granularity in ("item", "window"):
        preprocess(raw, PreprocessParams(granularity, 200, annexes=True, addenda=False, max_bad_share=1.0))
        freeze(raw, PARAMS, tmp_path / granularity)
        for name in (QUERIES, QRELS, MANIFEST):
            assert (tmp_path / granularity / name).read_bytes() == (frozen / name).read_bytes()


def test_files_read_in_another_order_give_the_same_test_set(raw: RawCorpus, frozen: Path, tmp_path: Path) -> None:
    turned = replace(
        raw,
        statutes=raw.statutes[::-1],
        decisions=raw.decisions[::-1],
        documents=raw.documents[::-1],
        queries=raw.queries[::-1],
    )
    freeze(turned, PARAMS, tmp_path)

    assert (tmp_path / MANIFEST).read_bytes() == (frozen / MANIFEST).read_bytes()


@pytest.mark.parametrize("name", [QUERIES, QRELS])
def test_an_edited_file_is_refused(copy: Path, name: str) -> None:
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)

    with pytest.raises(TestSetChanged, match=name):
        load_testset(copy)


@pytest.mark.parametrize("name", [QUERIES, QRELS, MANIFEST])
def test_a_missing_file_is_refused_by_name(copy: Path, name: str) -> None:
    (copy / name).unlink()

    with pytest.raises(HaechiError, match=name):
        load_testset(copy)


@pytest.mark.parametrize("text", ["{}", "[1]", "{"])
def test_a_manifest_that_is_none_is_one_sentence(copy: Path, text: str) -> None:
    (copy / MANIFEST).write_text(text)

    with pytest.raises(HaechiError, match=MANIFEST) as caught:
        load_testset(copy)
    assert "\n" not in str(caught.value)


def test_a_manifest_that_names_no_files_is_refused(copy: Path) -> None:
    """Else an editor could drop the hashes together with the check."""
    manifest = read_json(copy / MANIFEST)
    (copy / MANIFEST).write_bytes(orjson.dumps(manifest | {"files": {}}))

    with pytest.raises(HaechiError):
        load_testset(copy)


@pytest.mark.parametrize("name", [QUERIES, QRELS, TREC])
@pytest.mark.parametrize("place", [0, 1000, -1])
def test_an_edited_byte_of_any_file_is_refused(frozen: Path, tmp_path: Path, name: str, place: int) -> None:
    copy = shutil.copytree(frozen, tmp_path / "copy")
    data = bytearray((copy / name).read_bytes())
    data[place] ^= 1
    (copy / name).write_bytes(data)

    with pytest.raises(TestSetChanged, match=name):
        load_testset(copy)


@pytest.mark.parametrize(
    "edit",
    [{"reserved_articles": []}, {"cutoff": "20991231"}, {"held_out_keys": []}, {"near_duplicate": 1.0}, {"fingerprint": "0"}],
)
def test_an_edited_manifest_is_refused(frozen: Path, tmp_path: Path, edit: dict[str, object]) -> None:
    """What the manifest keeps away from training can't be loosened by hand."""
    copy = shutil.copytree(frozen, tmp_path / "copy")
    write_json(copy / MANIFEST, {**read_json(copy / MANIFEST), **edit})

    with pytest.raises(TestSetChanged, match=MANIFEST):
        load_testset(copy)


def test_the_fingerprint_covers_everything_but_itself(frozen: Path) -> None:
    manifest = load_testset(frozen).manifest

    assert fingerprint(replace(manifest, fingerprint="other")) == manifest.fingerprint
    for field in fields(manifest):
        if field.name != "fingerprint":
            assert fingerprint(replace(manifest, **{field.name: "changed"})) != manifest.fingerprint
