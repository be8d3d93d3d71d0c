"""Negatives mined anew with the model as it is: what it finds nearest to a query and nobody calls an answer."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sentence_transformers import SentenceTransformer
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from haechi.files import read_records, write_jsonl
from haechi.progress import say
from haechi.records.passage import Passage
from haechi.retrieval.dense import encode_passages, encode_queries
from haechi.training.examples import PADDING, Numbers, Rows
from haechi.training.objective import Objective

BLOCK = 256
"""Queries that are searched at once."""
NEGATIVES, PASSAGES = "negatives.npy", "passages.jsonl"


class Refresh(TrainerCallback):
    """Gives the objective new negatives after the given steps, and remembers them in a state."""

    def __init__(self, model: SentenceTransformer, objective: Objective, corpus: Sequence[Passage], at: Collection[int]) -> None:
        self._model, self._objective, self._corpus, self._at = model, objective, corpus, frozenset(at)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Mine anew if it is time."""
        if state.global_step in self._at:
            self._model.eval()
            self._objective.rows = refreshed(self._model, self._objective.rows, self._corpus)
            self._model.train()
            say(f"train: step {state.global_step}, negatives mined anew")

    def save(self, folder: Path) -> None:
        """Put the negatives into the folder of a state."""
        if self._at:
            rows = self._objective.rows
            np.save(folder / NEGATIVES, rows.documents[:, 1:])
            write_jsonl(folder / PASSAGES, [rows.texts, rows.numbers])

    def load(self, folder: Path) -> None:
        """Bring them back."""
        if self._at:
            texts, numbers = read_records(folder / PASSAGES, object)
            negatives = np.load(folder / NEGATIVES, allow_pickle=False)
            self._objective.rows = self._objective.rows.with_negatives(negatives, texts, numbers)  # type: ignore[arg-type]


def refreshed(model: SentenceTransformer, rows: Rows, corpus: Sequence[Passage]) -> Rows:
    """The same rows with the nearest passages of the corpus as negatives, as many as before.

    Answers, articles cited beside them and passages with the text of one are no negatives; ties go to the earlier passage.
    A row that has the negatives of its batch alone stays so.
    """
    numbers, texts = dict(rows.numbers), list(rows.texts)
    by_text = {text: number for number, text in enumerate(texts) if text}
    for passage in corpus:
        number = numbers.get(passage.id)
        if number is None:
            number = numbers[passage.id] = by_text.setdefault(passage.text, len(texts))
            if number == len(texts):
                texts.append(passage.text)
        elif not texts[number]:
            texts[number] = passage.text  # so far only known as an answer
    pool = np.array(list(dict.fromkeys(numbers[passage.id] for passage in corpus)))
    vectors = encode_passages(model, [texts[number] for number in pool])
    wanted = rows.documents.shape[1] - 1
    found = np.full((len(rows), wanted), PADDING, dtype=np.int64)
    most = wanted + max(map(len, rows.allowed_not))
    for start in range(0, len(rows), BLOCK):
        queries = encode_queries(model, rows.queries[start : start + BLOCK])
        near = np.argsort(-(queries @ vectors.T), axis=1, kind="stable")[:, :most]
        for row, order in enumerate(near, start):
            if rows.hard[row]:
                found[row] = _first(pool[order], rows.allowed_not[row], wanted)
    return rows.with_negatives(found, texts, numbers)


def _first(candidates: Numbers, answers: Numbers, wanted: int) -> Numbers:
    kept = candidates[~np.isin(candidates, answers)][:wanted]
    return np.pad(kept, (0, wanted - len(kept)), constant_values=PADDING)
