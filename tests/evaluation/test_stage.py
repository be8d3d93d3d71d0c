"""The whole evaluation with real, tiny models: further models, run files, a reranker and the heads of a BGE-M3."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from small_law import PASSAGES, pair
from small_params import small
from tiny_models import cross_encoder
from training.made import TEXTS, examples, static, transformer

from haechi.evaluation.forgetting import GENERAL, Probe, ProbePassage, ProbeQuery
from haechi.evaluation.inputs import Inputs, heads_of, load_others
from haechi.evaluation.params import EvaluateParams
from haechi.evaluation.searcher import Source
from haechi.evaluation.stage import Evaluated, evaluate
from haechi.fusion.params import FusionParams
from haechi.inference.cached import Stored
from haechi.inference.cached_reranker import Reranker
from haechi.models.load import AnyEncoder, folder_hash, load_encoder
from haechi.models.registry import HEADS
from haechi.records.query import TestQuery
from haechi.report import checks
from haechi.retrieval.dense import Vectors
from haechi.retrieval.params import RetrievalParams
from haechi.rowstore.store import Store, open_store
from haechi.runtime.errors import HaechiError
from haechi.scoring.names import BASE, COMBINED, HYBRID, MULTI_VECTOR, RERANKED, SPARSE, TUNED
from haechi.training.static_learner import plain

PARAMS = small(EvaluateParams, k_values=(1, 3, 5, 10), depth=20, rerank_depth=8, rerank_length=100)
KEYS = {p.id: p.article_key for p in PASSAGES}
TESTS = tuple(
    TestQuery(f"q{i}", e.query, (KEYS[e.pos_ids[0]],), "precedent", f"g{i}", "20240101", f"s{i}", False, False)
    for i, e in enumerate(examples())
)
ASKED = [(f"v{i}", e.query, [KEYS[e.pos_ids[0]]]) for i, e in enumerate(examples())]
PAIRS = [pair(id, f"{text}?", article_keys=keys) for id, text, keys in ASKED]
PROBE = Probe(
    tuple(ProbePassage(f"g{i}", f"울타리 {i}") for i in range(4)),
    tuple(ProbeQuery(f"g{i}", f"울타리 뜻 {i}", (f"g{i}",)) for i in range(4)),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`tuned` is an XLM-R with the heads of a BGE-M3, `base` a static table."""
    import torch

    place = tmp_path_factory.mktemp("models")
    transformer(place / "tuned", "xlm-r", "cls")
    torch.manual_seed(3)
    for name, width in zip(HEADS, (16, 1), strict=True):
        torch.save(torch.nn.Linear(16, width).state_dict(), place / "tuned" / name)
    plain(static()).save(str(place / "base"), create_model_card=False)
    return place


def scored(
    folder: Path, store: Store, others: Sequence[str] = (), judge: Any = None, source_of: Callable[[Store], Source] = Stored
) -> Evaluated:
    """What the stage's script does between reading and writing."""
    testset: Any = SimpleNamespace(queries=TESTS, fingerprint="made-up", primary="precedent")
    inputs = Inputs(
        load_encoder(folder / "tuned"),
        load_encoder(folder / "base"),
        folder_hash(folder / "tuned"),
        list(PASSAGES),
        PAIRS,
        PAIRS,
        testset,
        {GENERAL: PROBE},
        load_others(others),
        judge(store) if judge else None,
        "made-up",
        heads_of(folder / "tuned"),
    )
    return evaluate(inputs, PARAMS, RetrievalParams(1.2, 0.75), small(FusionParams), source_of(store))


def guessing(store: Store) -> Any:
    """A cross-encoder that knows nothing."""
    return Reranker(cross_encoder(), store).logits


def knowing(store: Store) -> Any:
    """The same, told what answers the validation queries."""
    right = {(p.query_text, text.text) for p in PAIRS for text in PASSAGES if text.article_key in p.meta.article_keys}
    return lambda pairs: [said + 50.0 * (pair in right) for said, pair in zip(guessing(store)(pairs), pairs, strict=True)]


@pytest.fixture(scope="module")
def found(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    place = tmp_path_factory.mktemp("scored")
    with open_store(place / "rows.sqlite") as store:
        first = scored(folder, store)
        first.runs[TUNED].write_trec(place / "kept.trec", "kept")
        names = [f"again={folder / 'tuned'}", f"plain={folder / 'base'}", f"kept={place / 'kept.trec'}"]
        return scored(folder, store, names, knowing)


def test_a_model_named_once_more_gets_the_ranks_of_the_tuned_one_and_a_name_of_its_own(found: Evaluated) -> None:
    for same, system in (("again", TUNED), ("plain", BASE)):
        assert [found.runs[same][q.query_id] for q in TESTS] == [found.runs[system][q.query_id] for q in TESTS]
        assert found.evaluation.primary[same] == found.evaluation.primary[system]
    assert found.evaluation.primary[TUNED] != found.evaluation.primary[BASE]
    assert set(found.evaluation.others) == {"again", "plain", "kept"}


def test_a_run_file_of_the_tuned_model_scores_as_the_tuned_model(found: Evaluated) -> None:
    for query in TESTS:
        assert [s.id for s in found.runs["kept"][query.query_id]] == [s.id for s in found.runs[TUNED][query.query_id]]
    assert found.evaluation.primary["kept"] == found.evaluation.primary[TUNED]


def test_reranked_is_the_head_of_the_hybrid_in_the_order_of_the_cross_encoder(found: Evaluated) -> None:
    """Where validation has let it in."""
    from torch.nn import Identity

    assert found.evaluation.reranker["better"]
    text_of = {key: [p.text for p in PASSAGES if found.name[p.article_key] == key] for key in found.name.values()}
    told = {p.query_text for p in PAIRS}
    for query in TESTS:
        head = [s.id for s in found.runs[HYBRID][query.query_id]][: PARAMS.rerank_depth]
        ranked = found.runs[RERANKED][query.query_id]
        assert {s.id for s in ranked} == set(head)
        if query.query_text not in told:
            said = {key: [(query.query_text, text) for text in text_of[key]] for key in head}
            best = {key: max(cross_encoder().predict(pairs, activation_fn=Identity())) for key, pairs in said.items()}
            assert [s.score for s in ranked] == pytest.approx(sorted(map(float, best.values()), reverse=True), abs=1e-3)


def test_a_reranker_that_is_not_better_is_kept_out_and_the_report_says_so(folder: Path, tmp_path: Path) -> None:
    with open_store(tmp_path / "rows.sqlite") as store:
        kept_out = scored(folder, store, judge=guessing)

    said = kept_out.evaluation.reranker
    assert not said["better"]
    assert said["low"] <= 0
    assert RERANKED not in kept_out.runs
    (check,) = checks._reranker(kept_out.evaluation)
    assert check.said.en.startswith("Reranker models/reranker is kept out of search: on ")
    assert list(said["depths"]) == ["0", "1", "2", "3", "5", "8"]
    assert said["depths"]["0"] == said["before"]
    assert said["depths"]["8"] == said["after"]


def test_the_heads_say_what_flagembedding_says(found: Evaluated, folder: Path) -> None:
    """Its own scorer of pairs, which does sparse and multi-vector by other code than ours."""
    from FlagEmbedding import BGEM3FlagModel

    model = BGEM3FlagModel(str(folder / "tuned"), use_fp16=False, devices=["cpu"])
    for query in TESTS[:4]:
        pairs = [(query.query_text, p.text) for p in PASSAGES]
        theirs = model.compute_score(pairs, weights_for_different_modes=[0.4, 0.2, 0.4])
        for system, name in ((SPARSE, "sparse"), (MULTI_VECTOR, "colbert"), (COMBINED, "colbert+sparse+dense")):
            best: dict[str, float] = {}
            for passage, value in zip(PASSAGES, theirs[name], strict=True):
                key = found.name[passage.article_key]
                best[key] = max(best.get(key, -np.inf), float(value))
            ours = {s.id: s.score for s in found.runs[system][query.query_id]}
            assert ours, system
            assert ours == pytest.approx({key: best[key] for key in ours}, abs=2e-3)


def test_once_more_nothing_is_encoded_scored_or_tokenised(folder: Path, tmp_path: Path) -> None:
    for turn in range(2):
        with open_store(tmp_path / "rows.sqlite") as store:
            metrics = scored(folder, store, judge=guessing).evaluation
            made = sum(tally.computed for tally in store.tally.values())
        if turn == 0:
            first, worked = metrics, made
    assert worked > 0
    assert made == 0
    assert metrics == first


def test_no_texts_are_asked_for_twice(folder: Path, tmp_path: Path) -> None:
    questions: list[tuple[object, ...]] = []

    class Noting(Stored):
        def tokens(self, texts: Sequence[str]) -> list[list[str]]:
            questions.append(("tokens", *texts))
            return super().tokens(texts)

        def queries(self, model: AnyEncoder, texts: Sequence[str]) -> Vectors:
            questions.append((model, "queries", *texts))
            return super().queries(model, texts)

        def passages(self, model: AnyEncoder, texts: Sequence[str]) -> Vectors:
            questions.append((model, "passages", *texts))
            return super().passages(model, texts)

    with open_store(tmp_path / "rows.sqlite") as store:
        scored(folder, store, source_of=Noting)

    assert len(questions) >= 10
    assert len(questions) == len(set(questions))


@pytest.mark.parametrize("entry", [f"{TUNED}=models/base", f"{HYBRID}=runs/x.trec"])
def test_a_further_system_may_not_take_the_name_of_one_that_is_always_scored(entry: str) -> None:
    with pytest.raises(HaechiError, match="choose another"):
        load_others([entry])


def test_every_text_is_in_the_corpus() -> None:
    """Or the tests above would compare empty lists."""
    assert len(TESTS) == 10
    assert {p.text for p in PASSAGES} == set(TEXTS.values())
