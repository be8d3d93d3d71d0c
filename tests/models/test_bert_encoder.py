"""The encoder without torch against sentence-transformers: the same vectors, prompts, lengths and hash of the weights."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import WORDS

from haechi.inference.cached_encoder import Encoder
from haechi.models.bert_encoder import BertEncoder, load_bert
from haechi.models.load import load_encoder, open_base, open_encoder, save_encoder, weight_hash
from haechi.retrieval.dense import encode
from haechi.rowstore.store import open_store
from haechi.runtime.errors import HaechiError

NEAR = 2e-6
TEXTS = st.lists(st.text(st.sampled_from([*"".join(WORDS), " ", "\n", "가"]), max_size=60) | st.just(""), min_size=1, max_size=5)


@pytest.fixture(scope="module", params=["bert", "xlm-roberta"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model of each kind, as sentence-transformers saves it."""
    return made(request.param, tmp_path_factory.mktemp(request.param))


def made(kind: str, folder: Path, pooling: str = "", **options: object) -> Path:
    """BERT with the mean and XLM-RoBERTa with the first token, whose positions begin behind the pad."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from tiny_models import bare
    from transformers import XLMRobertaConfig, XLMRobertaModel

    place = bare(1)
    if kind == "xlm-roberta":
        torch.manual_seed(2)
        sizes = {"hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 80}
        config = XLMRobertaConfig(
            vocab_size=40, max_position_embeddings=60, pad_token_id=0, initializer_range=0.4, **{**sizes, **options}
        )
        XLMRobertaModel(config).save_pretrained(place)
    network = Transformer(str(place))
    pool = Pooling(network.get_embedding_dimension(), pooling_mode=pooling or ("mean" if kind == "bert" else "cls"))
    prompts = {"query": "query: ", "passage": "passage: "} if kind == "bert" else {}
    model = SentenceTransformer(modules=[network, pool, Normalize()], device="cpu", prompts=prompts)
    model.max_seq_length = 20
    save_encoder(model, folder / "model")
    return folder / "model"


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS)
def test_vectors_are_those_of_the_library(folder: Path, texts: list[str]) -> None:
    light, theirs = load_bert(folder), load_encoder(folder)
    assert light is not None
    for task in ("query", "document"):
        assert np.abs(encode(light, texts, task) - encode(theirs, texts, task)).max() < NEAR


def test_a_vector_depends_on_its_own_text_alone(folder: Path) -> None:
    light = load_bert(folder)
    texts = [" ".join(WORDS[:length]) for length in range(1, len(WORDS))]
    together, alone = light.encode_document(texts), np.concatenate([light.encode_document([text]) for text in texts])
    assert together.tobytes() == alone.tobytes()
    assert light.encode_document(texts[::-1])[::-1].tobytes() == together.tobytes()


def test_the_weights_have_the_hash_that_the_base_recorded(folder: Path) -> None:
    assert load_bert(folder).weight_hash() == weight_hash(load_encoder(folder))


def test_no_texts_give_no_vectors(folder: Path) -> None:
    assert load_bert(folder).encode_query([]).shape == (0, load_bert(folder).get_embedding_dimension())


def test_queries_may_be_read_shorter_and_the_end_mark_stays(tmp_path: Path) -> None:
    place, text = made("bert", tmp_path), " ".join(WORDS)
    model = load_encoder(place)
    model[0].query_length = 6
    save_encoder(model, tmp_path / "short")
    light = load_bert(tmp_path / "short")
    assert light.lengths == (6, 20)
    for task in ("query", "document"):
        assert np.abs(encode(light, [text], task) - encode(model, [text], task)).max() < NEAR
    assert np.allclose(load_bert(place).read_to(50, 6).encode_query([text]), light.encode_query([text]), atol=NEAR)


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("config.json", {"hidden_act": "relu"}),
        ("config.json", {"model_type": "deberta-v2"}),
        ("config.json", {"position_embedding_type": "relative_key"}),
        ("1_Pooling/config.json", {"pooling_mode": "max"}),
        ("1_Pooling/config.json", {"include_prompt": False}),
        ("config_sentence_transformers.json", {"truncate_dim": 8}),
        ("sentence_bert_config.json", {"do_lower_case": True}),
    ],
)
def test_what_it_does_not_compute_is_left_to_the_library(tmp_path: Path, file: str, change: dict[str, object]) -> None:
    place = made("bert", tmp_path)
    assert load_bert(place) is not None
    (place / file).write_text(json.dumps(json.loads((place / file).read_text()) | change), encoding="utf-8")
    assert load_bert(place) is None


def test_half_precision_and_static_tables_are_left_to_others(tmp_path: Path) -> None:
    from tiny_models import static

    model = load_encoder(made("bert", tmp_path)).half()
    save_encoder(model, tmp_path / "half")
    save_encoder(static(), tmp_path / "static")
    assert load_bert(tmp_path / "half") is None
    assert load_bert(tmp_path / "static") is None


def test_a_gpu_or_another_precision_takes_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = made("bert", tmp_path)
    monkeypatch.setenv("HAECHI_DEVICE", "cpu")
    assert isinstance(open_encoder(place), BertEncoder)
    assert isinstance(open_base(str(place), 12), BertEncoder)
    assert not isinstance(open_encoder(place, "bf16"), BertEncoder)
    with open_store(tmp_path / "rows.sqlite") as store:
        assert Encoder(open_encoder(place, "bf16"), store, "bf16").queries(["우물"]).shape == (1, 32)
        with pytest.raises(HaechiError, match="gives fp32 alone, not bf16"):
            Encoder(open_encoder(place), store, "bf16")
    monkeypatch.setenv("HAECHI_DEVICE", "meta")
    assert not isinstance(open_encoder(place), BertEncoder)
