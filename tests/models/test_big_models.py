"""Every registered model, small but laid out as the hub's client lays it out, goes through the pipeline without the hub."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import hub_models
import numpy as np
import pytest
from mining.cases import PARAMS as MINING
from selection.made import SELECT
from serving.village import PARAMS as MINI
from small_law import PASSAGES
from training.made import MODEL, VALIDATION, examples, recipe, train

from haechi.evaluation.m3_systems import load_heads
from haechi.export.formats import add_forms
from haechi.export.trace import trace
from haechi.mining.relevance import Query
from haechi.mining.stage import Models, ToMine, mine_all
from haechi.models.hub import cached
from haechi.models.load import folder_hash, folder_of, load_base, load_encoder
from haechi.models.registry import ALIASES, HEADS
from haechi.records.mined import MinedExample
from haechi.retrieval.params import RetrievalParams
from haechi.rowstore.store import open_store
from haechi.runtime.errors import ModelUnreachable
from haechi.runtime.files import read_json, write_json, write_jsonl
from haechi.scoring.names import TUNED
from haechi.selection.stage import select
from haechi.serving.embed import Source, embed, open_model
from haechi.serving.engine import open_engine
from haechi.static_model.make_base import make_base
from haechi.training.m3 import train_m3
from haechi.training.session import TrainingInputs

pytestmark = pytest.mark.slow

TEXTS = [p.text for p in PASSAGES]
LENGTH = 100
LEARNED = recipe(epochs=2, lr=3e-3, batch_size=4, evaluations=2, negatives=2, ema_decay=0.0)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache, and nobody who may be asked."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setattr("haechi.models.hub.http_status", lambda address: pytest.fail(f"asked {address}"))
    return tmp_path / "cache"


def mined(encoder: Any, folder: Path) -> list[MinedExample]:
    asked = [Query(e.query_id, e.query, e.pos_ids, (), frozenset(), "precedent") for e in examples()]
    params = replace(MINING, margin=99.0, near_duplicate=2.0, reranker_forced=True)
    with open_store(folder / "rows.sqlite") as store:
        made = mine_all(
            ToMine(asked[:8], asked[8:], list(PASSAGES), frozenset()), Models(encoder), params, RetrievalParams(1.2, 0.75), store
        )
    return list(made.train.examples)


@pytest.mark.parametrize("alias", ALIASES)
def test_a_cached_model_is_a_base_with_the_registrys_prompts_and_its_own_tokenizer(alias: str, cache: Path) -> None:
    snapshot = hub_models.laid_out(alias, cache)
    model = load_base(alias, LENGTH)

    assert cached(ALIASES[alias].id, {"HF_HUB_CACHE": str(cache)}) == folder_of(alias) == snapshot
    assert len(list(snapshot.glob("model-*.safetensors"))) > 1
    assert type(model[0].model).__name__ == f"{hub_models.KIND[alias][0]}Model"
    assert type(model.tokenizer).__name__ == read_json(snapshot / "tokenizer_config.json")["tokenizer_class"]
    assert model.tokenizer.unk_token_id not in model.tokenizer(PASSAGES[0].text)["input_ids"]
    assert model.prompts["query"] == ALIASES[alias].query_prompt
    assert model[1].pooling_mode == ALIASES[alias].pooling


@pytest.mark.parametrize(
    ("alias", "engine"),
    [
        ("bge-m3", "flagembedding"),
        *((alias, "sentence-transformers") for alias in ("bge-m3", "ko-simcse", "multilingual-e5-small")),
    ],
)
def test_it_goes_through_base_mine_train_select_export_embed_and_search(
    alias: str, engine: str, cache: Path, tmp_path: Path
) -> None:
    """One architecture and tokenizer each; BGE-M3 with its two heads too, by FlagEmbedding's trainer."""
    m3 = engine == "flagembedding"
    snapshot = hub_models.laid_out(alias, cache)
    base, run, encoder = tmp_path / "base", tmp_path / "run", tmp_path / "encoder"
    facts = make_base(TEXTS, replace(MODEL, base=alias, max_length=LENGTH), base)
    assert facts["dim"] == hub_models.WIDTH

    chosen = mined(load_encoder(base), tmp_path)
    assert sum(bool(example.neg) for example in chosen) >= 4
    wanted = replace(LEARNED, params=replace(LEARNED.params, engine=engine))
    if m3:
        train_m3(TrainingInputs(load_encoder(base), chosen, VALIDATION, wanted, alias), run)
    else:
        train(load_encoder(base), chosen, VALIDATION, run, wanted, base=alias)

    forced = replace(SELECT, min_gain=0.0, soups=("uniform",), interpolations=(0.5,), errors=1e9)
    done = select(run, base, VALIDATION, encoder, forced)
    assert {"base", "checkpoint"} < {candidate.kind for candidate in done.candidates}
    model = load_encoder(encoder)
    assert type(model[0].model) is type(load_base(alias, LENGTH)[0].model)
    if alias == "bge-m3":  # tuned heads go along; of another tuned model the old ones would be none
        kept = [name for name in HEADS if (encoder / name).is_file()]
        assert kept == (list(HEADS) if m3 or done.choice.name == "base" else [])
        assert [(encoder / name).read_bytes() == (snapshot / name).read_bytes() for name in kept] == [
            done.choice.name == "base"
        ] * len(kept)

    if m3:
        vectors = load_heads(encoder, "cpu")([TEXTS[0], TEXTS[0] * 20]).vectors
        assert [len(one) for one in vectors] == [len(model.tokenizer(TEXTS[0])["input_ids"]) - 1, LENGTH - 1]

    graph = trace(model)  # what both exports are written from
    assert "input_ids" in graph.inputs
    for form, package in (("onnx", "onnxruntime"), ("openvino", "openvino")):
        try:
            __import__(package)
        except ImportError:
            continue
        add_forms(encoder, (form,), TEXTS, 7)

    write_jsonl(tmp_path / "corpus.jsonl", PASSAGES)
    embed(Source(tmp_path / "corpus.jsonl"), lambda: open_model(str(encoder)), "document", tmp_path / "vectors", with_faiss=False)
    expected = model.encode_document(TEXTS, normalize_embeddings=True)
    np.testing.assert_allclose(np.load(tmp_path / "vectors/vectors.npy"), expected, atol=2e-5)
    said = {"encoder": folder_hash(encoder), "hybrid_weight": 0.5, "gating": {"threshold": 0.2}}
    write_json(tmp_path / "evaluate.json", said)
    engine_of = open_engine(encoder, tmp_path / "corpus.jsonl", MINI, tmp_path / "evaluate.json", tmp_path / "vectors")
    assert engine_of.ask("우물을 고칠 책임", 3).lists[TUNED]


def test_a_shard_that_is_missing_is_one_sentence(cache: Path) -> None:
    snapshot = hub_models.laid_out("bge-m3", cache)
    next(snapshot.glob("model-00002*")).resolve().unlink()

    with pytest.raises(ModelUnreachable, match=r"the local hub cache \(which lacks weights of it in safetensors; pickles"):
        load_base("bge-m3", LENGTH)


def test_a_shard_that_is_cut_short_is_one_sentence(cache: Path) -> None:
    snapshot = hub_models.laid_out("kure-v1", cache)
    shard = next(snapshot.glob("model-00001*")).resolve()
    shard.write_bytes(shard.read_bytes()[:1000])

    with pytest.raises(ModelUnreachable) as caught:
        load_base("kure-v1", LENGTH)
    assert "\n" not in str(caught.value)
    assert "looked for it in folder" in str(caught.value)
