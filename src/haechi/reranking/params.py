"""Parameters of the train_reranker stage."""

from dataclasses import dataclass
from typing import Literal

from haechi.runtime.param_types import Count, NonNegativeFloat, Positive, PositiveFloat, Seed, Share

LISTWISE = ("softmax", "listnet", "lambda", "ranknet")
"""Losses that look at differences of scores alone: nothing keeps a score near any number."""
FOLLOWS = ("margin_mse", "kl")
"""Losses that follow the scores of the mined file."""


@dataclass(frozen=True)
class RerankerParams:
    """How a cross-encoder is tuned to rerank; its guards are those of `train`."""

    base: str
    """What is tuned: a cross-encoder or an encoder (which gets a new head), by alias, hub id or folder; empty trains none."""
    seed: Seed
    """Order of the batches, a new head, adapters."""
    lr: PositiveFloat
    """Peak learning rate."""
    epochs: Positive
    """Passes over the examples."""
    batch_size: Positive
    """Queries of a step, each with one positive and its negatives."""
    negatives: Positive
    """Mined negatives of a query in a step; queries without any are left out."""
    loss: Literal["bce", "softmax", "listnet", "lambda", "ranknet", "margin_mse", "kl"]
    """Each pair by itself; the positive's share of its list (as FlagEmbedding has it), the list's order in three other ways;
    or the scores of the mined file, by leads over the positive or as a whole list."""
    positive_weight: PositiveFloat
    """Of bce: what a positive counts; there is one to `negatives` others."""
    teacher_temperature: PositiveFloat
    """Of kl: scores of the mined file are divided by it before the softmax."""
    max_length: Positive
    """Longest (query, passage) that is read, in tokens."""
    mini_batch: Count
    """Pairs that go through the model at once, with cached gradients; 0 takes the whole step."""
    question_share: Share
    """Most of the examples that may be synthetic questions; the surplus is left out, seeded."""
    max_samples: Count
    """Train on this many examples only; 0 takes all."""
    weight_decay: NonNegativeFloat
    """AdamW's decay."""
    precision: Literal["fp32", "bf16", "fp16"]
    """Number format of the forward pass; fp16 needs a GPU."""
    freeze: tuple[str, ...]
    """Patterns of the names of weights that stay as they are."""
    lora_rank: Count
    """Rank of adapters that are trained, with the head, instead of the weights; 0 trains the weights."""
    evaluations: Positive
    """Validations during training, evenly spread."""
    depth: Positive
    """Articles that a validation reranks: the first of BM25 and the tuned model fused."""
    valid_queries: Count
    """Queries of a validation, drawn by their ids; 0 takes all."""
