"""From row numbers to a loss of scores: each query of a step is read together with its positive and its negatives."""

from collections.abc import Sequence
from typing import Any

import torch
from sentence_transformers import CrossEncoder
from torch import Tensor

from haechi.models.tokenize import Reader
from haechi.reranking import losses
from haechi.reranking.params import RerankerParams
from haechi.reranking.recipe import course, loss_of
from haechi.training.examples import PADDING, Rows
from haechi.training.objective import CachedObjective, by_length


class PairObjective(CachedObjective):
    """The cached objective of encoders, with scores of pairs in place of vectors of texts."""

    def __init__(self, model: CrossEncoder, rows: Rows, params: RerankerParams) -> None:
        super().__init__(model, rows, loss_of(params), course(params))  # type: ignore[arg-type]
        self._reader, self._kind = Reader(model), params
        model.register_forward_hook(_as_vectors)

    def forward(self, features: Sequence[Any], labels: Tensor, prompt: str | None = None, task: str | None = None) -> Tensor:
        """labels: (batch,) row numbers; nothing else is needed."""
        rows = labels.tolist()
        documents = self.rows.documents[rows]
        pairs = [
            (self.rows.queries[row], self.rows.texts[number])
            for row, own in zip(rows, documents.tolist(), strict=True)
            for number in own
            if number != PADDING
        ]
        read = {key: value for key, value in self._reader(pairs).items() if isinstance(value, Tensor)}
        moved, places = by_length({key: value.to(self.model.device) for key, value in read.items()})
        self._batch = rows, torch.from_numpy(documents != PADDING), [places]
        if self.mini_batch_size:
            return self.forward_cached([moved])
        return self.calculate_loss([self._groups(moved)])

    def calculate_loss(self, reps: list[list[Tensor]], labels: Tensor | None = None, *, with_backward: bool = False) -> Tensor:
        """The loss of all scores together; called by the mixin."""
        rows, there, (places,) = self._batch
        said = torch.cat(reps[0])[places].float().view(-1)
        there = there.to(said.device)
        scores = said.new_zeros(there.shape).masked_scatter(there, said)
        loss = self._of(scores, there, torch.from_numpy(self.rows.teacher[list(rows)]).to(said.device).masked_fill(~there, 0.0))
        if with_backward:
            loss.backward()  # type: ignore[no-untyped-call]
            loss = loss.detach()
        return loss

    def _of(self, scores: Tensor, there: Tensor, teacher: Tensor) -> Tensor:
        kind = self._kind
        match kind.loss:
            case "bce":
                return losses.bce(scores, there, kind.positive_weight)
            case "softmax":
                return losses.softmax(scores, there)
            case "listnet":
                return losses.listnet(scores, there)
            case "ranknet":
                return losses.ranknet(scores, there)
            case "lambda":
                return losses.lambda_rank(scores, there)
            case "margin_mse":
                return losses.margin_mse(scores, there, teacher)
            case "kl":
                return losses.kl(scores, there, teacher, kind.teacher_temperature)


def _as_vectors(model: Any, inputs: Any, output: dict[str, Tensor]) -> dict[str, Tensor]:
    """Scores under the name by which the mixin asks for vectors."""
    return {**output, "sentence_embedding": output["scores"]}
