"""What the tests of training share: ten examples, a static model of a few hundred pieces, a BERT and an XLM-R of two layers."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding
from small_law import PASSAGES, pair
from small_params import small

from haechi.guards.params import GuardsParams
from haechi.records.mined import MinedExample
from haechi.scoring.validation import Validation
from haechi.static_model import build
from haechi.static_model.params import ModelParams
from haechi.training import engine
from haechi.training.lora_params import LoraParams
from haechi.training.loss_params import LossParams
from haechi.training.params import TrainParams
from haechi.training.recipe import Recipe
from haechi.training.session import Listeners, TrainingInputs
from haechi.training.static_learner import learner

torch.set_num_threads(1)  # models this small are slower with more

MODEL = ModelParams("static", 64, 7, 400, 2, 3, 16, 0.001)
PARAMS = small(
    TrainParams,
    lr=5e-3,
    epochs=3,
    batch_size=4,
    temperature=0.05,
    question_share=0.5,
    warmup_ratio=0.1,
    evaluations=3,
    ema_decay=0.9,
    per_class=2,
)
LOSS = small(LossParams)
LORA = small(LoraParams, alpha=8, dropout=0.1, targets=("query", "value"))
GUARDS = GuardsParams(
    action={"non_finite": "stop"},
    patience={"non_finite": 3},
    tolerance={},
    bound={},
    metric={},
    lower_by=0.5,
    rollbacks=0,
    target=0.0,
    floor=0.0,
)
RECIPE = Recipe(PARAMS, LOSS, LORA, GUARDS)
TEXTS = {p.id: p.text for p in PASSAGES}


def recipe(rank: int = 0, loss: dict[str, Any] | None = None, guards: dict[str, Any] | None = None, **params: Any) -> Recipe:
    """The usual recipe with some of it changed."""
    return Recipe(
        replace(PARAMS, **params), replace(LOSS, **(loss or {})), replace(LORA, rank=rank), replace(GUARDS, **(guards or {}))
    )


def examples() -> list[MinedExample]:
    """Everyday words for each of ten articles; unequal numbers of negatives."""
    asked = ("뜻", "낱말", "숲", "물", "건너기", "울타리", "장터 뜻", "장터 낱말", "장터 숲", "장터 물")
    ids = [p.id for p in PASSAGES]
    found = []
    for i, words in enumerate(asked):
        negatives = tuple(ids[(i + 1 + j) % len(ids)] for j in range(i % 3))
        found.append(
            MinedExample(
                query=f"{words}에 대하여 알고 싶습니다",
                pos=(TEXTS[ids[i]],),
                neg=tuple(TEXTS[id] for id in negatives),
                pos_scores=(0.5,),
                neg_scores=(0.1,) * len(negatives),
                query_id=f"q{i}",
                pos_ids=(ids[i],),
                neg_ids=negatives,
                neg_reasons=("bm25",) * len(negatives),
                related=(),
                source="precedent",
            )
        )
    return found


VALIDATION = Validation([pair(f"v{i}", e.query, article_keys=e.pos_ids) for i, e in enumerate(examples())], PASSAGES)


@cache
def _static() -> Any:
    words, composition = build.compose(TEXTS.values(), MODEL)
    drawn = np.random.default_rng(7).standard_normal(composition.vectors.shape).astype(np.float32)
    composition = replace(composition, vectors=drawn * np.float32(MODEL.scale))  # knows nothing yet, so there is much to learn
    folded = [StaticEmbedding(words, embedding_weights=composition.table()), Normalize()]
    return learner(SentenceTransformer(modules=folded, device="cpu"), composition)


def train(
    model: Any, examples: Sequence[MinedExample], validation: Validation, folder: Path, recipe: Recipe, **more: Any
) -> dict[str, Any]:
    """The engine; `more` are further inputs, listeners, and what the engine itself takes."""
    inputs = {name: more.pop(name) for name in ("base", "held_out", "shares") if name in more}
    listeners = {name: more.pop(name) for name in ("report", "memory_file", "tracked") if name in more}
    wanted = TrainingInputs(model, examples, validation, recipe, **inputs)
    return engine.train(wanted, folder, listeners=Listeners(**listeners), **more).as_json()


def static() -> Any:
    """The static base, small, as it learns."""
    return deepcopy(_static())


def transformer(folder: Path, kind: str = "bert", pooling: str = "mean", dropout: float = 0.1, more: str = "") -> Any:
    """A transformer of two layers from a config, with a letter a token; saved into the folder and loaded from there.

    `kind` is bert, roberta or xlm-r; `more` are letters beside those of the texts.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import (
        BertConfig,
        BertModel,
        PreTrainedTokenizerFast,
        RobertaConfig,
        RobertaModel,
        XLMRobertaConfig,
        XLMRobertaModel,
    )

    made_of = {
        "bert": (BertConfig, BertModel),
        "roberta": (RobertaConfig, RobertaModel),
        "xlm-r": (XLMRobertaConfig, XLMRobertaModel),
    }
    configured, built = made_of[kind]
    xlm = kind != "bert"
    names = ("<s>", "<pad>", "</s>", "<unk>", "<mask>") if xlm else ("[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]")
    marks = dict(zip(("cls_token", "pad_token", "sep_token", "unk_token", "mask_token"), names, strict=True))
    if xlm:
        marks |= {"bos_token": "<s>", "eos_token": "</s>"}
    letters = sorted(set("".join([*TEXTS.values(), *(e.query for e in examples()), more])) - {" ", "\n"})
    vocabulary = {letter: i for i, letter in enumerate([*names, *letters])}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token=names[3], continuing_subword_prefix=""))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.post_processor = processors.TemplateProcessing(
        single=f"{names[0]} $A {names[2]}", special_tokens=[(names[0], 0), (names[2], 2)]
    )
    shape = {
        "vocab_size": len(vocabulary),
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 130,
        "pad_token_id": 1,
        "hidden_dropout_prob": dropout,
        "attention_probs_dropout_prob": dropout,
    }
    torch.manual_seed(1)
    bare = folder.with_name(folder.name + "_bare")
    built(configured(**shape)).save_pretrained(bare)
    PreTrainedTokenizerFast(tokenizer_object=made, **marks).save_pretrained(bare)
    inner = Transformer(str(bare))
    modules = [inner, Pooling(inner.get_embedding_dimension(), pooling_mode=pooling)]
    whole = SentenceTransformer(modules=modules, device="cpu")
    whole.max_seq_length = 64
    whole.save(str(folder), create_model_card=False)
    return SentenceTransformer(str(folder), device="cpu")
