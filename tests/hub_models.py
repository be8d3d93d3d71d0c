"""The registry's models as the hub holds them, made small: same architecture and kind of tokenizer, random weights in shards.

A repository is a dict of files; `laid_out` puts it where the hub's client keeps what it has downloaded.
"""

import hashlib
import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from small_law import PASSAGES

from haechi.models.registry import ALIASES, HEADS

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ROBERTA = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
BERT = ("[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]")
KIND = {
    "bge-m3": ("XLMRoberta", "Unigram"),
    "bge-m3-ko": ("XLMRoberta", "Unigram"),
    "kure-v1": ("XLMRoberta", "Unigram"),
    "ko-simcse": ("Roberta", "WordPiece"),
    "multilingual-minilm": ("Bert", "Unigram"),
    "multilingual-e5-small": ("Bert", "Unigram"),
    "arctic-ko": ("XLMRoberta", "Unigram"),
}
"""Architecture and tokenizer, from the models' own configs."""
NORMALISED = ("bge-m3", "bge-m3-ko", "kure-v1", "multilingual-e5-small", "arctic-ko")
WIDTH = 32


def repository(alias: str) -> dict[str, bytes]:
    """The files of a registered model, by their paths."""
    files = dict(_network(*KIND[alias]))
    entry = ALIASES[alias]
    names = ["", "1_Pooling", *(["2_Normalize"] if alias in NORMALISED else [])]
    kinds = ("Transformer", "Pooling", "Normalize")
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(zip(names, kinds, strict=False))
    ]
    modes = {f"pooling_mode_{mode}": entry.pooling in mode for mode in ("cls_token", "mean_tokens", "max_tokens")}
    settings = {
        "modules.json": modules,
        "1_Pooling/config.json": {"word_embedding_dimension": WIDTH, **modes},
        "sentence_bert_config.json": {"max_seq_length": min(entry.max_length, 200), "do_lower_case": False},
        "config_sentence_transformers.json": {
            "__version__": {"sentence_transformers": "2.2.2", "transformers": "4.33.0", "pytorch": "2.1.2+cu121"},
            "prompts": {"query": "not the registry's: "},
        },
    }
    files |= {name: json.dumps(value).encode() for name, value in settings.items()}
    return files | (_heads() if alias == "bge-m3" else {}) | {"README.md": b"a card", "onnx/model.onnx": b"not wanted"}


def laid_out(alias: str, cache_folder: Path) -> Path:
    """A cache as the hub's client leaves it: blobs, a snapshot of links to them, and the name of its commit."""
    place = cache_folder / f"models--{ALIASES[alias].id.replace('/', '--')}"
    for name, content in repository(alias).items():
        blob, link = place / "blobs" / hashlib.sha256(content).hexdigest(), place / "snapshots" / COMMIT / name
        for file in (blob, link, place / "refs/main"):
            file.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(content)
        link.symlink_to(blob)
    (place / "refs/main").write_text(COMMIT, encoding="utf-8")
    return place / "snapshots" / COMMIT


@cache
def _network(architecture: str, words: str) -> dict[str, bytes]:
    """Two layers from a config, in at least two shards, with a tokenizer of the texts of a small law."""
    import torch
    import transformers

    tokenizer = _tokenizer(words)
    torch.manual_seed(5)
    shape = {"vocab_size": len(tokenizer), "hidden_size": WIDTH, "intermediate_size": 64, "num_hidden_layers": 2}
    shape |= {"num_attention_heads": 2, "max_position_embeddings": 258, "pad_token_id": 1, "initializer_range": 0.2}
    config = getattr(transformers, f"{architecture}Config")(**shape)
    with TemporaryDirectory() as scratch:
        getattr(transformers, f"{architecture}Model")(config).save_pretrained(scratch, max_shard_size="40KB")
        tokenizer.save_pretrained(scratch)
        files = {file.name: file.read_bytes() for file in Path(scratch).iterdir()}
    told = json.loads(files["tokenizer_config.json"])
    told |= (
        {"tokenizer_class": "XLMRobertaTokenizer"}
        if words == "Unigram"
        else {"tokenizer_class": "BertTokenizer", "do_lower_case": False}
    )
    return files | {"tokenizer_config.json": json.dumps(told).encode()}


def _tokenizer(words: str):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    names = ROBERTA if words == "Unigram" else BERT
    texts = [p.text for p in PASSAGES]
    if words == "Unigram":
        made = Tokenizer(models.Unigram())
        made.pre_tokenizer = pre_tokenizers.Metaspace()
        made.train_from_iterator(
            texts, trainers.UnigramTrainer(vocab_size=300, special_tokens=[*names], unk_token="<unk>", show_progress=False)
        )
    else:
        made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        made.train_from_iterator(texts, trainers.WordPieceTrainer(vocab_size=300, special_tokens=[*names], show_progress=False))
    made.post_processor = processors.TemplateProcessing(
        single=f"{names[0]} $A {names[2]}",
        pair=f"{names[0]} $A {names[2]} $B {names[2]}",
        special_tokens=[(names[0], 0), (names[2], 2)],
    )
    marks = dict(zip(("cls_token", "pad_token", "sep_token", "unk_token", "mask_token"), names, strict=True))
    marks |= {"bos_token": "<s>", "eos_token": "</s>"} if words == "Unigram" else {}
    return PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=256, **marks)


@cache
def _heads() -> dict[str, bytes]:
    import io

    import torch

    files = {}
    torch.manual_seed(3)
    for name, width in zip(HEADS, (WIDTH, 1), strict=True):
        torch.save(torch.nn.Linear(WIDTH, width).state_dict(), made := io.BytesIO())
        files[name] = made.getvalue()
    return files
