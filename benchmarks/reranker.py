"""What a reranker costs to train: this stage beside the library's trainer alone, on the same lists, in turns; tokens a second.

    python benchmarks/reranker.py --turns 3

A BERT of four layers from a config, 24 lists of five pairs of unequal length, processor time; no figures of quality.
"""

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import numpy as np
import torch
from datasets import Dataset
from reranking.made import PARAMS
from sentence_transformers import CrossEncoder, CrossEncoderTrainer, CrossEncoderTrainingArguments
from sentence_transformers.cross_encoder.losses import RankNetLoss
from strategies import WORDS
from tiny_models import bare
from transformers import BertConfig, BertForSequenceClassification, logging

from haechi.records.mined import MinedExample
from haechi.reranking.engine import PairTrainer
from haechi.reranking.objective import PairObjective
from haechi.training.examples import make_rows
from haechi.training.memory import MiniBatch
from haechi.training.retry import StepRecord

LISTS, NEGATIVES, BATCH = 24, 4, 8


def text(rng: np.random.Generator, longest: int) -> str:
    """Some words."""
    return " ".join(rng.choice(WORDS, int(rng.integers(longest // 8, longest))))


def mined() -> list[MinedExample]:
    """Lists of passages whose lengths differ as those of articles do."""
    rng = np.random.default_rng(7)
    made = []
    for i in range(LISTS):
        texts = tuple(text(rng, 200) for _ in range(1 + NEGATIVES))
        ids = tuple(f"p{i}-{j}" for j in range(1 + NEGATIVES))
        scores = (0.1,) * NEGATIVES
        made.append(
            MinedExample(
                text(rng, 40),
                texts[:1],
                texts[1:],
                (0.9,),
                scores,
                f"q{i}",
                ids[:1],
                ids[1:],
                ("bm25",) * NEGATIVES,
                (),
                "precedent",
            )
        )
    return made


def model() -> CrossEncoder:
    """The same each time."""
    made = CrossEncoder(str(bare(1, cross=True)), device="cpu")
    torch.manual_seed(1)
    shape: dict[str, Any] = {"hidden_size": 192, "num_hidden_layers": 4, "num_attention_heads": 6, "intermediate_size": 768}
    config = BertConfig(vocab_size=len(made.tokenizer), max_position_embeddings=260, num_labels=1, **shape)
    made[0].model = BertForSequenceClassification(config)
    made.max_seq_length = 250
    return made


def arguments(place: str) -> CrossEncoderTrainingArguments:
    """What both are told."""
    return CrossEncoderTrainingArguments(
        output_dir=place, num_train_epochs=1, per_device_train_batch_size=BATCH, learning_rate=1e-4, seed=7, save_strategy="no",
        report_to="none", disable_tqdm=True, use_cpu=True, logging_steps=1000, dataloader_pin_memory=False,
    )  # fmt: skip


def theirs(examples: list[MinedExample], place: str) -> float:
    """Processor seconds of the library alone."""
    columns = {
        "query": [e.query for e in examples],
        "docs": [[*e.pos, *e.neg] for e in examples],
        "labels": [[1.0] + [0.0] * len(e.neg) for e in examples],
    }
    learner = model()
    trainer = CrossEncoderTrainer(
        model=learner, args=arguments(place), train_dataset=Dataset.from_dict(columns), loss=RankNetLoss(learner)
    )
    began = time.process_time()
    trainer.train()
    return time.process_time() - began


def ours(examples: list[MinedExample], place: str) -> float:
    """Processor seconds of the same trainer with our lists, batches and retry."""
    learner, rows = model(), make_rows(examples, NEGATIVES)
    objective = PairObjective(learner, rows, replace(PARAMS, loss="ranknet", batch_size=BATCH, negatives=NEGATIVES))
    order = np.random.default_rng(7).permutation(LISTS).reshape(-1, BATCH)
    trainer = PairTrainer(
        model=learner, args=arguments(place), train_dataset=Dataset.from_dict({"label": list(range(LISTS))}), loss=objective,
        batches=[tuple(map(int, batch)) for batch in order], state=None, resumables=[], record=StepRecord(),
        mini_batch=MiniBatch(0, BATCH, None),
    )  # fmt: skip
    began = time.process_time()
    trainer.train()
    return time.process_time() - began


def main() -> None:
    """In turns, so that whatever else runs here meets both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3)
    turns = parser.parse_args().turns
    logging.set_verbosity_error()
    examples, learner = mined(), model()
    pairs = [(e.query, t) for e in examples for t in (*e.pos, *e.neg)]
    tokens = int(learner.preprocess(pairs)["attention_mask"].sum())
    ratios = []
    with tempfile.TemporaryDirectory() as place:
        for turn in range(turns):
            first = ours if turn % 2 else theirs
            a, b = first(examples, place), (theirs if turn % 2 else ours)(examples, place)
            library, here = (b, a) if turn % 2 else (a, b)
            ratios.append(library / here)
            print(f"library {tokens / library:,.0f} tokens a processor second, here {tokens / here:,.0f}, {ratios[-1]:.2f} times")
    print(f"median {median(ratios):.2f} times the library")


if __name__ == "__main__":
    main()
