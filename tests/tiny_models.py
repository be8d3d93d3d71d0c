"""Models of the kinds that the hub has, tiny and random, made once; every test has a copy, which it may change."""

from collections.abc import Callable
from copy import deepcopy
from functools import cache, wraps
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from strategies import WORDS

MARKS = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}


def made_once(make: Callable[..., Any]) -> Callable[..., Any]:
    """A function that makes each model once and hands out copies."""
    kept = cache(make)
    return wraps(make)(lambda *arguments, **options: deepcopy(kept(*arguments, **options)))


def text_of(*numbers: int) -> str:
    """A text of that many words."""
    return " ".join(WORDS[number % len(WORDS)] for number in numbers)


def bare(seed: int, cross: bool = False, outputs: int = 1, left: bool = False) -> Path:
    """A BERT of two layers with one token a word, in the format of transformers."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, BertModel, PreTrainedTokenizerFast

    vocabulary = {word: number for number, word in enumerate([*MARKS.values(), *WORDS, "query:", "passage:"])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    marks = [(mark, vocabulary[mark]) for mark in ("[CLS]", "[SEP]")]
    words.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", marks)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=100,
        num_labels=outputs,
        initializer_range=0.3,
    )
    folder = Path(mkdtemp(prefix="tiny"))
    (BertForSequenceClassification if cross else BertModel)(config).save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=words, model_max_length=100, padding_side="left" if left else "right", **MARKS
    ).save_pretrained(folder)
    return folder


@made_once
def transformer(seed: int = 1, left: bool = False):
    """A transformer encoder that reads 100 tokens."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    network = Transformer(str(bare(seed, left=left)))
    modules = [network, Pooling(network.get_embedding_dimension(), pooling_mode="mean")]
    return SentenceTransformer(modules=modules, device="cpu", prompts={"query": "query: ", "document": "passage: "})


@made_once
def static(seed: int = 1):
    """A static table."""
    import numpy as np
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = Tokenizer(models.WordLevel({word: number for number, word in enumerate(["[UNK]", *WORDS])}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    words.enable_truncation(100)
    table = np.random.default_rng(seed).standard_normal((1 + len(WORDS), 40)).astype(np.float32)
    return SentenceTransformer(modules=[StaticEmbedding(words, embedding_weights=table)], device="cpu")


@made_once
def cross_encoder(seed: int = 1, outputs: int = 1):
    """A cross-encoder that reads 100 tokens."""
    from sentence_transformers import CrossEncoder

    return CrossEncoder(str(bare(seed, cross=True, outputs=outputs)), device="cpu")
