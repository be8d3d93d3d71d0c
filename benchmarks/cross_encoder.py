"""A small cross-encoder for benchmarks of rerankers: four layers, trained on the folder's own pairs within minutes."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from haechi.models.load import load_encoder
from haechi.records.pair import Pair
from haechi.retrieval.dense import encode_passages, encode_queries, search

LAYERS, LENGTH, SEED = 4, 512, 7
READ = 128  # tokens of a pair in training
NEGATIVES = 2  # of each pair, from ranks 3 to 50 of the dense model


def train_cross_encoder(folder: Path, width: int, kept: Path, pairs: Sequence[Pair], texts: Mapping[str, str]) -> None:
    """Train on these pairs and negatives of the folder's base, and keep the model."""
    import torch
    from datasets import Dataset
    from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
    from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss

    base = load_encoder(folder / "models/base")
    model = _untrained(base, folder / "models/base", width)
    rows = _rows(base, pairs, texts)
    with tempfile.TemporaryDirectory() as scratch:
        settings = CrossEncoderTrainingArguments(
            output_dir=scratch,
            num_train_epochs=1,
            per_device_train_batch_size=32,
            learning_rate=5e-4,
            warmup_steps=0.1,
            seed=SEED,
            use_cpu=True,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            logging_steps=50,
        )
        model.max_seq_length = READ
        loss = BinaryCrossEntropyLoss(model, pos_weight=torch.tensor(float(NEGATIVES)))
        CrossEncoderTrainer(model, args=settings, train_dataset=Dataset.from_list(rows), loss=loss).train()
        model.max_seq_length = LENGTH
    model.save_pretrained(str(kept))


def _rows(base: Any, pairs: Sequence[Pair], texts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Query, passage, and 1.0 for a positive."""
    ids = sorted(texts)
    known = [pair for pair in pairs if any(id in texts for id in pair.positive_passages)]
    asked = [pair.query_text for pair in known]
    names = [str(place) for place in range(len(known))]
    found = search(names, encode_queries(base, asked), ids, encode_passages(base, [texts[id] for id in ids]), 50)
    rng = np.random.default_rng(SEED)
    rows = []
    for name, pair in zip(names, known, strict=True):
        right = next(id for id in pair.positive_passages if id in texts)
        wrong = [scored.id for scored in found[name][2:] if scored.id not in {*pair.positive_passages, *pair.meta.cocited}]
        drawn = [right, *rng.choice(wrong, NEGATIVES, replace=False)]
        rows += [{"query": pair.query_text, "passage": texts[id], "label": float(id == right)} for id in drawn]
    return rows


def _untrained(base: Any, folder: Path, width: int) -> Any:
    """A BERT that reads the base's words, its table (the first `width` numbers) for a start."""
    import torch
    from sentence_transformers import CrossEncoder
    from tokenizers import Tokenizer, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    words = Tokenizer.from_file(str(next(folder.rglob("tokenizer.json"))))
    words.no_truncation()
    words.add_special_tokens(["[CLS]", "[SEP]"])
    marks = [(mark, words.token_to_id(mark)) for mark in ("[CLS]", "[SEP]")]
    words.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", marks)
    torch.manual_seed(SEED)
    config = BertConfig(
        vocab_size=words.get_vocab_size(),
        hidden_size=width,
        num_hidden_layers=LAYERS,
        num_attention_heads=width // 32,
        intermediate_size=4 * width,
        max_position_embeddings=LENGTH,
        num_labels=1,
    )
    network = BertForSequenceClassification(config)
    table = base[0].embedding.weight.detach()[:, :width]
    with torch.no_grad():
        network.bert.embeddings.word_embeddings.weight[: len(table)] = 0.05 * table / table.std()
    with tempfile.TemporaryDirectory() as place:
        network.save_pretrained(place)
        PreTrainedTokenizerFast(
            tokenizer_object=words,
            model_max_length=LENGTH,
            pad_token="[PAD]",
            unk_token="[UNK]",
            cls_token="[CLS]",
            sep_token="[SEP]",
        ).save_pretrained(place)
        return CrossEncoder(place, device="cpu")
