"""A search answers as evaluate ranks, keeps its index, and says in one sentence what doesn't fit."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from hypothesis import given
from hypothesis import strategies as st
from serving.village import CITED, CORPUS, MIXTURE, PARAMS, QUESTIONS, model_folder, opened, settle

from haechi.evaluation.params import EvaluateParams
from haechi.evaluation.searcher import Asked, Searcher
from haechi.fusion.mixture import EVEN, mixed, read_mixture, write_mixture
from haechi.fusion.signals import known_of
from haechi.inference.cached import Stored
from haechi.models.load import folder_hash, load_encoder, open_encoder, save_encoder
from haechi.models.released import RECORD, WEIGHTS, Released
from haechi.models.static_encoder import StaticEncoder
from haechi.retrieval.params import RetrievalParams
from haechi.rowstore.store import open_store
from haechi.runtime.errors import HaechiError, UsageError
from haechi.runtime.files import read_json, write_json, write_jsonl
from haechi.runtime.params import load_section
from haechi.scoring.names import BM25, HYBRID, TUNED
from haechi.serving import index
from haechi.serving.embed import Model, Source, embed
from haechi.serving.engine import ANY, LONGEST, MOST, SYSTEMS, Engine, Only, name_of, open_engine

LAWS = sorted({p.law_name for p in CORPUS if p.law_name})
TYPES = sorted({p.type for p in CORPUS})


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    folder = tmp_path_factory.mktemp("village")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_ROOT", str(folder))
        return opened(folder)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return tmp_path


def ranked(engine: Engine, query: str, only: Only = ANY) -> dict[str, list[tuple[str, float]]]:
    return {
        system: [(hit.article_key, hit.score) for hit in hits] for system, hits in engine.ask(query, MOST, only).lists.items()
    }


# As evaluate ranks


def test_lists_are_those_of_evaluate(engine: Engine, home: Path) -> None:
    """Same folding, same fusion, same order; vectors there come from sentence-transformers and the row store."""
    corpus = list(reversed(CORPUS))
    depth = load_section(PARAMS, "evaluate", EvaluateParams).depth
    asked = [Asked(text, text, "") for text in QUESTIONS]
    with open_store() as store:
        source, model = Stored(store), load_encoder(model_folder())
        texts = [p.text for p in corpus]
        searcher = Searcher(corpus, source.tokens(texts), load_section(PARAMS, "retrieval", RetrievalParams), depth)
        lexical = searcher.bm25(asked, source.tokens(QUESTIONS))
        dense = searcher.dense(asked, source.queries(model, QUESTIONS), source.passages(model, texts))
    known = known_of(corpus, searcher.name, CITED)
    hybrid = mixed(MIXTURE, {text: text for text in QUESTIONS}, {BM25: lexical, TUNED: dense}, known, depth)
    theirs = {BM25: lexical, TUNED: dense, HYBRID: hybrid}

    for text in QUESTIONS:
        answer = engine.ask(text, MOST)
        for system in SYSTEMS:
            found = [(hit.key, hit.score) for hit in answer.lists[system]]
            expected = [(key, score) for key, score in theirs[system][text][:MOST]]
            assert [key for key, _ in found] == [key for key, _ in expected], (text, system)
            np.testing.assert_allclose([s for _, s in found], [s for _, s in expected], atol=2e-5)


def test_an_article_is_shown_once_by_its_best_passage(engine: Engine) -> None:
    answer = engine.ask("물길을 막은 사람", 10)
    for system in SYSTEMS:
        hits = [hit for hit in answer.lists[system] if hit.article_key == "LAW_000003_제1조"]
        assert [hit.id for hit in hits] == ["LAW_000003_제1조_제2항"], system
        assert "막은 사람" in hits[0].text
        assert hits[0].name == "물길법 제1조(물길)"


def test_hits_say_where_the_others_rank_them(engine: Engine) -> None:
    answer = engine.ask("담의 높이", MOST)
    for system in SYSTEMS:
        for hit in answer.lists[system]:
            assert hit.ranks[system] == hit.rank
            for other in SYSTEMS:
                place = next((h.rank for h in answer.lists[other] if h.key == hit.key), None)
                assert hit.ranks.get(other) == place


@given(
    query=st.sampled_from(QUESTIONS),
    laws=st.sets(st.sampled_from(LAWS), max_size=2),
    types=st.sets(st.sampled_from(TYPES), max_size=2),
)
def test_a_filter_takes_out_the_others_and_moves_nothing(engine: Engine, query: str, laws: set[str], types: set[str]) -> None:
    """A passage's own score doesn't depend on the filter; only the hybrid scales anew."""
    only = Only(tuple(sorted(laws)), tuple(sorted(types)))
    fits = {p.id for p in CORPUS if (not laws or p.law_name in laws) and (not types or p.type in types)}
    free, bound = engine.ask(query, MOST), engine.ask(query, MOST, only)
    for system in SYSTEMS:
        assert {hit.id for hit in bound.lists[system]} <= fits
    for system in (TUNED, BM25):
        own = [(hit.id, hit.score) for hit in free.lists[system] if hit.id in fits]
        found = [(hit.id, hit.score) for hit in bound.lists[system]]
        assert {id for id, _ in own} <= {id for id, _ in found}, "a twin of another law may stand for it only without the filter"
        assert dict(own).items() <= dict(found).items()


def test_an_article_that_repeats_another_is_found_under_the_law_that_is_asked_for(engine: Engine) -> None:
    """Articles that say the same are judged as one; a filter must not name the one that it leaves out."""
    pair = {"물길법": ("LAW_000003_제2조", "물길법 제2조(담)"), "담장 고시": ("ADM_000004_제2조", "담장 고시 제2조(담)")}
    for law, (key, name) in pair.items():
        first = engine.ask("담은 두 걸음", 5, Only((law,))).lists[BM25][0]
        assert (first.article_key, first.name) == (key, name)
        assert first.same == tuple(other for _, other in pair.values() if other != name)


def test_words_that_nobody_knows_find_nothing(engine: Engine) -> None:
    """Not the first passages by id, as cosines of a vector of zeros would have it."""
    assert ranked(engine, "ψψψ") == {TUNED: [], BM25: [], HYBRID: []}


def test_no_passage_is_of_that_law_and_that_type(engine: Engine) -> None:
    assert ranked(engine, "우물", Only(("마을법",), ("doc",))) == {TUNED: [], BM25: [], HYBRID: []}


def test_a_strange_question_is_called_doubtful(engine: Engine, home: Path) -> None:
    place = settle(home)
    write_json(place["details"], read_json(place["details"]) | {"gating": {"threshold": 0.999}})
    assert not engine.ask(QUESTIONS[0], 5).doubtful
    assert open_engine(**place).ask(QUESTIONS[0], 5).doubtful


@pytest.mark.parametrize(
    ("query", "only", "sentence"),
    [
        ("", Only(), "the query is empty"),
        (" \n\t", Only(), "the query is empty"),
        ("가" * (LONGEST + 1), Only(), f"the query has {LONGEST + 1} characters; {LONGEST} are read at most"),
        ("우물", Only(("마을볍",)), "no passage has the law '마을볍'; there are 마을법"),
        ("우물", Only((), ("laws",)), "no passage has the type 'laws'; there are law"),
    ],
)
def test_what_can_not_be_asked_is_one_sentence(engine: Engine, query: str, only: Only, sentence: str) -> None:
    with pytest.raises(UsageError) as error:
        engine.ask(query, 5, only)
    assert str(error.value).startswith(sentence)
    assert "\n" not in str(error.value)


@given(query=st.text(min_size=1, max_size=80).filter(str.strip))
def test_any_text_may_be_asked(engine: Engine, query: str) -> None:
    """Half of a surrogate pair too, as a terminal in another encoding may send it."""
    engine.ask(query + "\udcec", 3)


def test_people_s_names_of_passages() -> None:
    names = {p.id: name_of(p) for p in CORPUS}
    assert names["LAW_000001_제4조"] == "마을법 제4조(우물의 이용)"
    assert names["PREC_9_1"] == "마을법원 20100101 9다1 | 손해배상"
    assert names["DOC_b_1"] == "축제 준비"
    annex = replace(CORPUS[0], article="별표1", title="")
    assert name_of(annex) == "마을법 별표1"


def test_a_hit_of_a_document_has_its_headings_and_its_page(engine: Engine) -> None:
    """The name of the document alone stays what the document is called."""
    (hit,) = [hit for hit in engine.ask("다리 위의 등", MOST).lists[BM25] if hit.id == "DOC_b_1"]
    assert (hit.name, hit.page) == ("축제 준비 > 등 달기", 3)
    assert hit.text.startswith("가을 축제에는")
    assert {hit.page for hit in engine.ask("우물", MOST).lists[BM25] if hit.type == "law"} == {0}


def test_a_hit_of_the_hybrid_says_which_signals_carried_it(engine: Engine) -> None:
    """What they gave sums up to its score; a look-up of a title is carried by title and law."""
    answer = engine.ask("마을법 우물의 이용", MOST)
    for hit in answer.lists[HYBRID]:
        assert sum(hit.signals.values()) == pytest.approx(hit.score, abs=0.005)
        assert list(hit.signals.values()) == sorted(hit.signals.values(), reverse=True)
    assert answer.lists[HYBRID][0].signals["title"] == 2.0
    assert all(not hit.signals for system in (TUNED, BM25) for hit in answer.lists[system])


def test_an_encoder_of_the_hybrid_that_is_not_there_is_one_sentence_and_the_search_goes_on(home: Path) -> None:
    place = settle(home)
    shutil.copytree(model_folder(2), home / "base")
    mixture = read_mixture(place["mixture"])
    made_of = {**mixture.made_of, "base": folder_hash(model_folder(2))}
    both = replace(mixture, weights={**mixture.weights, "base": 0.3}, made_of=made_of, places={"base": str(home / "base")})
    write_mixture(place["mixture"], both)
    whole = open_engine(**place)
    assert (whole.fusion.note, whole.systems) == ("", (BM25, TUNED, "base"))
    assert any("base" in hit.signals for hit in whole.ask("우물", 5).lists[HYBRID])

    write_mixture(place["mixture"], replace(both, made_of={**made_of, "base": "0" * 16}))
    other = open_engine(**place)
    assert "another model than the weights were fitted with); it uses BM25 (Kiwi), tuned" in other.fusion.note
    shutil.rmtree(home / "base")
    gone = open_engine(**place)
    assert gone.fusion.note.startswith("the hybrid searches without untuned base (")
    write_mixture(place["mixture"], mixture)
    assert ranked(gone, "우물") == ranked(other, "우물") == ranked(open_engine(**place), "우물")


def test_a_mixture_of_another_encoder_is_one_sentence_and_both_count_half(home: Path) -> None:
    place = settle(home)
    write_mixture(place["mixture"], replace(MIXTURE, made_of={TUNED: "f" * 16}))
    engine = open_engine(**place)
    assert engine.fusion.mixture == EVEN
    assert "fusion.json was made with model ffffffffffffffff, and this is" in engine.fusion.note
    write_json(place["mixture"], {"form": "scores", "weights": {"bm25": 1.0}})
    with pytest.raises(HaechiError, match="names no encoder that it was fitted with; make it with `dvc repro evaluate`"):
        open_engine(**place)


# The kept index


def test_an_index_is_made_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = settle(home)
    first = {q: ranked(open_engine(**place), q) for q in QUESTIONS}
    monkeypatch.setattr(index, "_make", lambda *_: pytest.fail("made again"))
    again = open_engine(**place)
    assert {q: ranked(again, q) for q in QUESTIONS} == first


def test_another_model_or_corpus_gets_an_index_of_its_own(home: Path) -> None:
    place = settle(home)
    assert open_engine(**place).fusion.note == ""
    write_jsonl(place["corpus"], CORPUS[:-1])
    assert len(open_engine(**place).index.passages) == len(CORPUS) - 1

    shutil.rmtree(place["model"])
    shutil.copytree(model_folder(2), place["model"])
    engine = open_engine(**place)
    assert engine.index.model == folder_hash(model_folder(2))
    assert "the hybrid weighs BM25 and the model equally" in engine.fusion.note, "evaluate spoke of the other model"
    assert engine.fusion.mixture == EVEN
    assert len(list((home / ".haechi" / "index").iterdir())) == 3


def test_only_the_last_few_are_kept(home: Path) -> None:
    place = settle(home)
    for rows in range(2, 14):
        write_jsonl(place["corpus"], CORPUS[:rows])
        open_engine(**place)
    kept = [read_json(folder / index.FACTS)["corpus"] for folder in (home / ".haechi" / "index").iterdir()]
    assert len(kept) == index.KEPT
    assert index.sha256_file(place["corpus"]) in kept


@pytest.mark.parametrize("damage", ["gone", "cut", "other"])
def test_a_damaged_index_is_one_sentence(home: Path, damage: str) -> None:
    place = settle(home)
    open_engine(**place)
    (folder,) = (home / ".haechi" / "index").iterdir()
    file = folder / index.VECTORS
    if damage == "gone":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:-40])
    else:
        np.save(file, np.load(file)[:-1])
    with pytest.raises(HaechiError, match="remove this folder and it is made again"):
        open_engine(**place)


def test_vectors_of_another_width_are_refused(home: Path) -> None:
    place = settle(home)
    open_engine(**place)
    (folder,) = (home / ".haechi" / "index").iterdir()
    np.save(folder / index.VECTORS, np.load(folder / index.VECTORS)[:, :5])
    with pytest.raises(HaechiError, match="gives vectors of 32 numbers, but the index holds vectors of 5"):
        open_engine(**place)


def test_what_is_missing_is_said_with_how_to_make_it(home: Path) -> None:
    place = settle(home)
    with pytest.raises(HaechiError, match="no such file; make it with `dvc repro merge_corpus`"):
        open_engine(**place | {"corpus": home / "none.jsonl"})
    with pytest.raises(HaechiError, match="no such model folder; make it with `dvc repro`"):
        open_engine(**place | {"model": home / "none"})
    assert "no such file" in open_engine(**place | {"details": home / "none.json"}).fusion.note
    write_jsonl(home / "empty.jsonl", [])
    with pytest.raises(HaechiError, match="holds no passage"):
        open_engine(**place | {"corpus": home / "empty.jsonl"})
    write_json(home / "odd.json", {"encoder": "x"})
    with pytest.raises(HaechiError, match=r"names no encoder and gating\.threshold"):
        open_engine(**place | {"details": home / "odd.json"})


def test_vectors_of_haechi_embed_serve_as_well(home: Path) -> None:
    place = settle(home)
    model = Model(open_encoder(place["model"]), folder_hash(place["model"]))
    embed(Source(place["corpus"]), lambda: model, "document", home / "vectors", with_faiss=False)
    given = open_engine(**place, vectors=home / "vectors")
    shutil.rmtree(home / ".haechi" / "index")
    assert {q: ranked(given, q) for q in QUESTIONS} == {q: ranked(open_engine(**place), q) for q in QUESTIONS}


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        ("model", "vectors of model .*, and this is model"),
        ("texts", "vectors of other texts than those of this corpus"),
        ("task", "vectors of queries; passages are embedded with"),
        ("none", "holds no embed.json; make it with `haechi embed"),
        ("cut", "not a whole folder of vectors"),
    ],
)
def test_vectors_that_belong_to_something_else_are_refused(home: Path, spoil: str, sentence: str) -> None:
    place = settle(home)
    hash = folder_hash(place["model"]) if spoil != "model" else "0" * 16
    model = Model(open_encoder(place["model"]), hash)
    if spoil == "texts":
        write_jsonl(place["corpus"], [*CORPUS[:-1], replace(CORPUS[-1], text="다른 글")])
    if spoil != "none":
        embed(Source(place["corpus"]), lambda: model, "query" if spoil == "task" else "document", home / "v", with_faiss=False)
    if spoil == "cut":
        (home / "v" / "vectors.npy").write_bytes(b"")
    write_jsonl(place["corpus"], CORPUS)
    with pytest.raises(HaechiError, match=sentence):
        open_engine(**place, vectors=home / "v")


# Other models


def test_a_transformer_takes_its_vectors_from_the_row_store(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What evaluate made isn't made again."""
    place = settle(home)
    shutil.rmtree(place["model"])
    save_encoder(tiny_models.transformer(), place["model"])
    with open_store() as store:
        Stored(store).passages(load_encoder(place["model"]), [p.text for p in CORPUS])
    monkeypatch.setattr("haechi.inference.fixed_shapes.run", lambda *_: pytest.fail("encoded again"))
    engine = open_engine(**place)
    assert not isinstance(engine._encoders[TUNED].encoder, StaticEncoder)
    assert len(engine.ask("우물", 3).lists[TUNED]) == 3


@pytest.mark.slow
def test_a_search_with_the_embedded_model_imports_no_torch(home: Path) -> None:
    place = settle(home)
    code = f"""
import sys
from haechi.cli.main import main
main({["search", "우물", "--json", *(part for name in place for part in (f"--{name}", str(place[name])))]!r}, standalone_mode=False)
for name in ("torch", "transformers", "sentence_transformers", "matplotlib", "scipy", "bm25s"):
    assert name not in sys.modules, name
"""
    open_engine(**place)  # the first time it makes the index, with bm25s
    subprocess.run([sys.executable, "-c", code], check=True, cwd=home, stdout=subprocess.DEVNULL)


def test_a_release_brings_its_weights_and_threshold_along(home: Path) -> None:
    given = settle(home)
    model = given["model"]
    write_mixture(model / WEIGHTS, replace(MIXTURE, made_of={TUNED: folder_hash(model)}))
    write_json(model / RECORD, Released("frozen", "twin", "step-000004", 5, 6, 30, 10, 0.3, {}))
    for file in ("details", "mixture"):
        given[file].unlink()

    engine = open_engine(**given)

    assert engine.fusion.threshold == 0.3
    assert engine.fusion.mixture.weights == MIXTURE.weights
    assert not engine.fusion.note

    write_mixture(model / WEIGHTS, replace(MIXTURE, made_of={TUNED: "another"}))
    assert "was made with model another" in open_engine(**given).fusion.note
