"""The reranker in a search: the first articles of the hybrid in its order, as many as the time allows."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from haechi.evaluation.params import EvaluateParams
from haechi.inference import openvino
from haechi.models.load import load_reranker, weight_hash
from haechi.models.tokenize import Reader
from haechi.reranking.gate import sentence
from haechi.retrieval.run import Scored
from haechi.runtime.errors import UsageError
from haechi.scoring.evaluation import read_evaluation

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

Bits = Literal["fp32", "bf16", "int8"]
BLOCK = 4
"""Articles that are scored between two looks at the clock."""


@dataclass(frozen=True)
class Reranking:
    """What a search was asked for."""

    bits: Bits = "fp32"
    """bf16 and int8 are computed by OpenVINO."""
    budget_ms: int = 0
    """Most that reranking may take, about; 0 takes the time it needs."""


class LiveReranker:
    """A cross-encoder that was let into search; may be asked by several threads."""

    def __init__(self, model: "CrossEncoder", texts: Mapping[str, Sequence[str]], depth: int, asked: Reranking) -> None:
        self._model, self._texts, self._depth, self._budget = model.eval(), texts, depth, asked.budget_ms / 1000
        self._network: Any = model if asked.bits == "fp32" else openvino.compiled(model, asked.bits)
        self._read, self._lock = Reader(model), threading.Lock()
        some = [text for own in islice(texts.values(), BLOCK) for text in own]
        self._scores("", some)  # the first pass is slower than any other
        self._each = self._timed("", some)[1] / max(1, len(some))

    def order(self, query: str, ranked: Sequence[Scored]) -> tuple[list[Scored], dict[str, float]]:
        """The list with its first articles in the order of what the model says of them, and what it says."""
        said: dict[str, float] = {}
        ends = time.monotonic() + self._budget
        with self._lock:
            for block in _blocks(ranked[: self._depth]):
                texts = [(one.id, text) for one in block for text in self._texts[one.id]]
                if self._budget and time.monotonic() + self._each * len(texts) > ends:
                    break
                scores, seconds = self._timed(query, [text for _, text in texts])
                self._each = 0.5 * self._each + 0.5 * seconds / max(1, len(texts))
                for (id, _), score in zip(texts, scores, strict=True):
                    said[id] = max(score, said.get(id, score))
        head = sorted((one for one in ranked if one.id in said), key=lambda one: (-said[one.id], one.id))
        return [*head, *(one for one in ranked if one.id not in said)], said

    def _timed(self, query: str, texts: Sequence[str]) -> tuple[list[float], float]:
        began = time.monotonic()
        return self._scores(query, texts), time.monotonic() - began

    def _scores(self, query: str, texts: Sequence[str]) -> list[float]:
        import torch

        with torch.inference_mode():
            read, device = self._read([(query, text) for text in texts]), self._model.device
            features = {key: value.to(device) if hasattr(value, "to") else value for key, value in read.items()}
            return [float(value) for value in self._network(features)["scores"].reshape(-1)]


def open_reranker(asked: Reranking, texts: Mapping[str, Sequence[str]], details: Path, params: EvaluateParams) -> LiveReranker:
    """The reranker that evaluate judged, if it was let in."""
    found = read_evaluation(details).reranker if details.is_file() else {}
    if not found:
        raise UsageError(f"--rerank: {details} judges no reranker; set reranker.base and `dvc repro` (docs/reranker.md)")
    if not found["better"]:
        raise UsageError(f"--rerank: {sentence(found).en}")
    model = load_reranker(found["name"], params.rerank_length)
    if weight_hash(model)[:16] != found["hash"]:
        raise UsageError(f"--rerank: {found['name']} is another model than evaluate judged; run `dvc repro evaluate`")
    return LiveReranker(model, texts, params.rerank_depth, asked)


def _blocks(items: Sequence[Scored]) -> Iterator[Sequence[Scored]]:
    for start in range(0, len(items), BLOCK):
        yield items[start : start + BLOCK]
