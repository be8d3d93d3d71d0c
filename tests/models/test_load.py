"""A BERT of two layers made on the spot stands for the models of the hub."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from haechi.inference import fixed_shapes
from haechi.inference.model_key import model_key
from haechi.models.load import (
    POINTER,
    folder_hash,
    load_base,
    load_encoder,
    save_encoder,
    save_pointer,
    weight_hash,
)
from haechi.models.registry import ALIASES
from haechi.retrieval.dense import encode_passages, encode_queries
from haechi.runtime.errors import HaechiError, ModelUnreachable
from haechi.runtime.files import read_json, sha256_folder, write_json

TEXTS = ["우물을 고치는 비용", "나무를 옮기는 값과 그 책임", "우물"]


def tiny(folder: Path, pooling: str = "mean", seed: int = 1) -> Path:
    """A sentence-transformers folder around a BERT from a config."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    marks = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    letters = [*sorted(set("".join(TEXTS) + "querypassage: ")), *marks.values()]
    vocabulary = {letter: i for i, letter in enumerate(letters)}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token=marks["unk_token"], continuing_subword_prefix=""))
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit()])
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    )
    torch.manual_seed(seed)
    bert = BertModel(
        BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=64,
        )
    )
    bare = folder.with_name(folder.name + "_bare")
    bert.save_pretrained(bare)
    PreTrainedTokenizerFast(tokenizer_object=made, **marks).save_pretrained(bare)
    transformer = Transformer(str(bare))
    modules = [transformer, Pooling(transformer.get_embedding_dimension(), pooling_mode=pooling)]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder), create_model_card=False)
    return folder


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("hub")
    return {pooling: tiny(root / pooling, pooling) for pooling in ("mean", "cls")}


@pytest.fixture
def e5(hub: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> str:
    """The registry's e5 entry, pointing to the tiny model."""
    monkeypatch.setitem(ALIASES, "tiny-e5", replace(ALIASES["multilingual-e5-small"], id=str(hub["mean"]), max_length=32))
    return "tiny-e5"


def test_a_registered_model_gets_its_prompts_on_the_right_sides(e5: str) -> None:
    """Encoding with the prompt equals encoding the text with the prompt written before it."""
    model = load_base(e5, 512)

    assert model.prompts["query"] == "query: "
    assert model.prompts["document"] == "passage: "
    plain = {p: model.encode([p + t for t in TEXTS], prompt="") for p in ("query: ", "passage: ", "")}
    for found, prompt in ((model.encode_query(TEXTS), "query: "), (model.encode_document(TEXTS), "passage: ")):
        assert np.allclose(found, plain[prompt], atol=1e-5)
        assert not np.allclose(found, plain[""], atol=1e-3)


def test_our_own_encoders_use_those_prompts(e5: str) -> None:
    model = load_base(e5, 512)
    queries, passages = encode_queries(model, TEXTS), encode_passages(model, TEXTS)

    assert np.allclose(np.linalg.norm(queries, axis=1), 1.0, atol=1e-5)
    assert not np.allclose(queries, passages, atol=1e-3)


def test_prompts_survive_saving_and_loading(e5: str, tmp_path: Path) -> None:
    model = load_base(e5, 512)
    save_encoder(model, tmp_path / "encoder")
    again = load_encoder(tmp_path / "encoder")

    assert np.allclose(encode_queries(model, TEXTS), encode_queries(again, TEXTS), atol=1e-6)
    assert np.allclose(encode_passages(model, TEXTS), encode_passages(again, TEXTS), atol=1e-6)
    assert again.max_seq_length == model.max_seq_length


@pytest.mark.parametrize(("asked", "got"), [(8, 8), (512, 32)])
def test_the_length_is_the_smaller_of_what_is_asked_and_what_the_model_bears(e5: str, asked: int, got: int) -> None:
    model = load_base(e5, asked)

    assert model.max_seq_length == got
    assert model.tokenize(["우" * 100])["input_ids"].shape[1] == got


def test_queries_may_be_read_shorter_than_passages_wherever_the_model_goes(e5: str, tmp_path: Path) -> None:
    """In a pointer, in a saved model, and through sentence-transformers alone."""
    from sentence_transformers import SentenceTransformer

    model = load_base(e5, 32, 14)
    long = ["우물을 고치는 비용과 그 책임"]
    save_pointer(model, e5, 32, tmp_path / "base", 14)
    save_encoder(model, tmp_path / "encoder")
    plain = SentenceTransformer(str(tmp_path / "encoder"), device="cpu")
    for again in (model, load_encoder(tmp_path / "base"), load_encoder(tmp_path / "encoder"), plain):
        assert np.allclose(again.encode_query(long), load_base(e5, 14).encode_query(long), atol=1e-5)
        assert np.allclose(again.encode_document(long), load_base(e5, 32).encode_document(long), atol=1e-5)
    kept = fixed_shapes.run(model, long, "sentence_embedding", prompt="query: ", task="query")
    assert np.allclose(kept, model.encode_query(long), atol=1e-5)
    assert not np.allclose(model.encode_query(long), load_base(e5, 32).encode_query(long), atol=1e-3)
    assert model_key(model, "fp32") != model_key(load_base(e5, 32), "fp32")


def test_a_table_reads_all_texts_alike(tmp_path: Path) -> None:
    from tiny_models import static

    static().save(str(tmp_path / "static"))
    with pytest.raises(HaechiError, match=r"only a transformer .* set model\.query_length to 0"):
        load_base(str(tmp_path / "static"), 32, 8)


def test_a_folder_outside_the_registry_keeps_its_own_prompts(hub: dict[str, Path]) -> None:
    model = load_base(str(hub["cls"]), 16)

    assert not any(model.prompts.values())
    assert model.max_seq_length == 16


def test_wrong_pooling_is_refused(hub: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ALIASES, "tiny-e5", replace(ALIASES["multilingual-e5-small"], id=str(hub["cls"])))

    with pytest.raises(HaechiError, match=r"pooling is cls.*trained with mean"):
        load_base("tiny-e5", 32)


@pytest.mark.parametrize("name", ["nobody/no-such-model", "bge-m3", "no/such/folder"])
def test_an_unreachable_model_is_one_sentence_with_both_ways_out(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    if name == "bge-m3":
        monkeypatch.setitem(ALIASES, name, replace(ALIASES[name], id="BAAI/bge-m3-that-is-not-there"))
    with pytest.raises(ModelUnreachable) as caught:
        load_base(name, 32)

    said = str(caught.value)
    assert "\n" not in said
    assert repr(name) in said
    assert "hf download" in said
    assert "static" in said


def test_a_model_folder_that_is_not_there_names_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(HaechiError, match="dvc repro"):
        load_encoder(tmp_path / "encoder")
    with pytest.raises(HaechiError, match="no model"):
        folder_hash(tmp_path)


def test_a_pointer_is_followed_and_other_weights_are_refused(e5: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_base(e5, 24)
    save_pointer(model, e5, 24, tmp_path / "base")
    followed = load_encoder(tmp_path / "base")

    assert {path.name for path in (tmp_path / "base").iterdir()} == {POINTER}
    assert weight_hash(followed) == weight_hash(model)
    assert followed.prompts["query"] == "query: "
    assert followed.max_seq_length == 24
    other = tiny(tmp_path / "other", seed=2)
    monkeypatch.setitem(ALIASES, e5, replace(ALIASES[e5], id=str(other)))
    with pytest.raises(HaechiError, match="other weights than recorded"):
        load_encoder(tmp_path / "base")


def test_saving_twice_gives_the_same_bytes_without_dates_or_versions(e5: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_encoder(load_base(e5, 32), tmp_path / name)

    assert sha256_folder(tmp_path / "one") == sha256_folder(tmp_path / "two")
    assert "__version__" not in read_json(tmp_path / "one/config_sentence_transformers.json")
    assert {path.suffix for path in (tmp_path / "one").rglob("*") if path.is_file()} == {".safetensors", ".json"}
    assert str(tmp_path) not in "".join(p.read_text() for p in (tmp_path / "one").rglob("*.json"))


def test_saving_over_an_old_model_leaves_nothing_of_it(e5: str, tmp_path: Path) -> None:
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder/old.safetensors").write_bytes(b"old")
    save_encoder(load_base(e5, 32), tmp_path / "encoder")

    assert not (tmp_path / "encoder/old.safetensors").exists()
    assert len(list(tmp_path.iterdir())) == 1


def test_the_hash_of_a_folder_depends_on_weights_and_tokenizer_and_not_on_its_place(e5: str, tmp_path: Path) -> None:
    model = load_base(e5, 32)
    save_encoder(model, tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "moved")
    before = folder_hash(tmp_path / "one")

    assert folder_hash(tmp_path / "moved") == before
    with torch.no_grad():
        next(model.parameters()).view(-1)[0] += 1
    save_encoder(model, tmp_path / "weights")
    assert folder_hash(tmp_path / "weights") != before
    file = tmp_path / "moved/tokenizer.json"
    write_json(file, read_json(file) | {"truncation": {"max_length": 5}})
    assert folder_hash(tmp_path / "moved") != before


def test_the_hash_of_weights_sees_names_shapes_and_values() -> None:
    class Fake:
        def __init__(self, **tensors: torch.Tensor) -> None:
            self.tensors = tensors

        def state_dict(self) -> dict[str, torch.Tensor]:
            return self.tensors

    one = torch.arange(6.0)
    hashes = [
        weight_hash(Fake(a=one)),
        weight_hash(Fake(b=one)),
        weight_hash(Fake(a=one.reshape(2, 3))),
        weight_hash(Fake(a=one + 1)),
        weight_hash(Fake(a=one.to(torch.bfloat16))),
    ]

    assert len(set(hashes)) == 5
    assert weight_hash(Fake(a=one, b=one + 1)) == weight_hash(Fake(b=one + 1, a=one))
    assert weight_hash(Fake(a=one.reshape(2, 3).T)) == weight_hash(
        Fake(a=one.reshape(2, 3).T.clone(memory_format=torch.contiguous_format))
    )


def test_a_static_model_in_a_folder_is_a_base_too_and_reads_as_far_as_told(tmp_path: Path) -> None:
    from tiny_models import static, text_of

    static().save(str(tmp_path / "static"))
    model = load_base(str(tmp_path / "static"), 3)
    long, short = model.encode([text_of(1, 2, 3, 4, 5), text_of(1, 2, 3)])
    assert (long == short).all()
