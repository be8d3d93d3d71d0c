"""A reranker's scores: the model's own, each pair once, whatever the order; and a judge that is worse than none is named."""

import random
from pathlib import Path

import numpy as np
import pytest
import tiny_models

from haechi.inference import fixed_shapes
from haechi.inference.cached_reranker import Reranker, gate, rerank
from haechi.inference.openvino import Bits
from haechi.models.load import load_reranker
from haechi.retrieval.run import Run
from haechi.rowstore.namespaces import SCORES
from haechi.rowstore.store import open_store
from haechi.runtime.errors import HaechiError, RerankerUnreachable

rng = random.Random(3)  # noqa: S311  (no secret)
PAIRS = [
    (
        tiny_models.text_of(number, number // 3),
        tiny_models.text_of(*(rng.randrange(99) for _ in range(rng.choice((2, 9, 30, 97))))),
    )
    for number in range(40)
]


def test_scores_are_the_library_s_and_each_pair_is_scored_once(tmp_path: Path) -> None:
    model = tiny_models.cross_encoder()
    with open_store(tmp_path / "rows.sqlite") as store:
        found = Reranker(model, store).scores(PAIRS + PAIRS[:7])
        assert store.count(SCORES) == store.tally["scores"].computed == len(PAIRS)
        Reranker(tiny_models.cross_encoder(2), store).scores(PAIRS)
        assert store.count(SCORES) == 2 * len(PAIRS), "another model's scores are others"

    assert np.allclose(found[:40], model.predict(PAIRS), atol=1e-5)
    assert (found[40:] == found[:7]).all()


def test_a_killed_run_goes_on_and_gives_the_same_bits_in_any_order(tmp_path: Path) -> None:
    model = tiny_models.cross_encoder()
    with open_store(tmp_path / "one.sqlite") as store:
        whole = Reranker(model, store).scores(PAIRS)
    with open_store(tmp_path / "two.sqlite") as store:
        Reranker(model, store).scores(PAIRS[1::2])
    with open_store(tmp_path / "two.sqlite") as store:
        resumed = Reranker(model, store).scores(PAIRS[::-1])
        assert store.tally["scores"].computed == len(PAIRS) // 2

    assert (whole == resumed[::-1]).all()


def test_a_score_that_is_no_number_is_refused_and_not_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed_shapes, "run", lambda model, pairs, *_, **__: np.full((len(pairs), 1), np.nan, np.float32))
    with open_store(tmp_path / "rows.sqlite") as store:
        with pytest.raises(HaechiError, match="not a finite number"):
            Reranker(tiny_models.cross_encoder(), store).scores(PAIRS)
        assert store.count(SCORES) == 0


def test_a_reranker_is_loaded_cut_to_its_length_and_scores_as_before(tmp_path: Path) -> None:
    tiny_models.cross_encoder().save_pretrained(str(tmp_path / "model"), create_model_card=False)
    model = load_reranker(str(tmp_path / "model"), 50)

    assert model.max_seq_length == 50
    assert np.allclose(model.predict(PAIRS[:1]), tiny_models.cross_encoder().predict(PAIRS[:1]), atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: str(tiny_models.bare(1, cross=True, outputs=2)), "2 outputs"),
        (lambda: str(tiny_models.bare(1)), "saved as BertModel"),
        (lambda: "nobody/nothing", "looked for it in folder nobody/nothing"),
    ],
)
def test_what_is_no_reranker_is_one_sentence(make, message: str) -> None:
    name = make()
    with pytest.raises(RerankerUnreachable, match=message) as caught:
        load_reranker(name, 100)

    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_flag_embedding_s_rerankers_give_the_same_scores_here(tmp_path: Path) -> None:
    from FlagEmbedding import FlagReranker

    folder = tiny_models.bare(4, cross=True)
    theirs = FlagReranker(str(folder), use_fp16=False, devices="cpu", max_length=100).compute_score(PAIRS[:12], normalize=True)
    with open_store(tmp_path / "rows.sqlite") as store:
        ours = Reranker(load_reranker(str(folder), 100), store).scores(PAIRS[:12])

    assert np.allclose(ours, theirs, atol=1e-5)


def test_reranking_orders_the_head_of_a_list_by_score(tmp_path: Path) -> None:
    texts = {f"p{i}": pair[1] for i, pair in enumerate(PAIRS)}
    run = Run({"q": [(id, -rank) for rank, id in enumerate(texts)]})
    with open_store(tmp_path / "rows.sqlite") as store:
        made = rerank(run, Reranker(tiny_models.cross_encoder(), store), {"q": "나무"}, texts, 10)
    scores = tiny_models.cross_encoder().predict([("나무", texts[f"p{i}"]) for i in range(10)])

    assert [s.id for s in made["q"]] == [f"p{i}" for i in np.argsort(-scores)]


def test_a_judge_that_ranks_positives_worse_than_before_does_not_pass() -> None:
    gold = {"q": frozenset({"b"}), "r": frozenset({"a", "c"})}
    good = Run({"q": [("b", 2.0), ("a", 1.0)], "r": [("b", 2.0), ("a", 1.0)]})
    bad = Run({"q": [("a", 2.0), ("b", 1.0)], "r": [("b", 2.0), ("a", 1.0)]})

    assert gate(bad, good, gold).passed
    assert gate(good, good, gold).passed
    assert not gate(good, bad, gold).passed
    assert (gate(good, bad, gold).before, gate(good, bad, gold).after) == (0.75, 0.5)
    assert not gate(good, good, {}).passed, "without labels nothing speaks for it"


@pytest.mark.parametrize("bits", ["bf16", "int8"])
def test_fewer_bits_stay_near_keep_to_themselves_and_have_rows_of_their_own(bits: Bits, tmp_path: Path) -> None:
    pytest.importorskip("openvino", reason="an extra")
    model = tiny_models.cross_encoder()
    with open_store(tmp_path / "rows.sqlite") as store:
        exact = Reranker(model, store).scores(PAIRS)
        if bits == "bf16":
            Reranker(model, store, "bf16").scores(PAIRS)  # torch's, which are others
        before = store.count(SCORES)
        cheap = Reranker(model, store, compiled_to=bits).scores(PAIRS)
        assert store.count(SCORES) == before + len(PAIRS)
    with open_store(tmp_path / "other.sqlite") as store:
        alone = [Reranker(model, store, compiled_to=bits).scores(PAIRS[start : start + 13]) for start in range(0, len(PAIRS), 13)]

    assert (np.concatenate(alone) == cheap).all()
    assert (cheap != exact).any()
    assert np.corrcoef(cheap, exact)[0, 1] > 0.98
