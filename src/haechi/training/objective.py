"""From row numbers to a loss: embed the texts of a batch and hand the vectors to one of the pure losses.

Only row numbers travel through the trainer; texts become tokens here. So a passage that stands in several rows of a batch is
embedded once, tokens of a static model are cut once for the whole run, and negatives can change between steps.
Under several processes each embeds its share of the batch and the shares are gathered: the softmax, and the result, stay
those of one process.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.losses.gradcache import CachedLossMixin
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from sentence_transformers.util.distributed import all_gather_with_grad, get_rank, get_world_size
from torch import Tensor, nn

from haechi.retrieval.dense import encode_passages, encode_queries
from haechi.training.examples import PADDING, Rows
from haechi.training.loss_params import LossParams
from haechi.training.losses import info_nce, kl, margin_mse, matryoshka, too_near, triplet
from haechi.training.params import TrainParams

Features = dict[str, Tensor]
T = TypeVar("T")
GROUP = 8
"""Texts of like length that go through a transformer together on a CPU."""


class Objective(nn.Module):
    """The loss of a batch of rows; `rows` may be exchanged between steps."""

    def __init__(
        self, model: SentenceTransformer, rows: Rows, loss: LossParams, params: TrainParams, guide: "Guide | None" = None
    ) -> None:
        super().__init__()
        self.model, self.rows, self.guide = model, rows, guide
        self._loss, self._params = loss, params
        self._texts = Texts(model, params.token_dropout)
        self._active: list[float] = []  # shares of active triplets
        self._counted = 0

    def measured(self) -> dict[str, float]:
        """What is worth a line in the history beside the loss, since it was last asked for."""
        measures = {"active_triplets": sum(self._active) / len(self._active)} if self._active else {}
        self._active.clear()
        return measures

    def begin(self) -> None:
        """A step begins."""
        self._counted = len(self._active)

    def redo(self) -> None:
        """It is made again: forget what was counted in it."""
        del self._active[self._counted :]

    def forward(self, features: Sequence[Features], labels: Tensor) -> Tensor:
        """labels: (batch,) row numbers; nothing else is needed."""
        rows = labels.tolist()
        columns = self.rows.columns(rows)
        needed = np.unique(columns[columns != PADDING])
        queries = self._texts.features([self.rows.queries[row] for row in rows], "query", self.training)
        documents = self._texts.features([self.rows.texts[number] for number in needed], "document", self.training)
        where = torch.from_numpy(np.searchsorted(needed, np.where(columns == PADDING, needed[0], columns)))
        return self._embedded(queries, documents, rows, where)

    def _embedded(self, queries: Features, documents: Features, rows: Sequence[int], where: Tensor) -> Tensor:
        vectors = self.model(queries)["sentence_embedding"], self.model(documents)["sentence_embedding"]
        return self._of_vectors(*vectors, rows, where)

    def _of_vectors(self, queries: Tensor, documents: Tensor, rows: Sequence[int], where: Tensor) -> Tensor:
        """The loss, once everything is embedded: documents are the different ones, `where` puts them into columns."""
        queries, documents = gathered(queries)[: len(rows)], gathered(documents)
        if self._params.precision != "fp32":
            queries, documents = queries.float(), documents.float()
        columns = documents.index_select(0, where.to(documents.device))
        return self.scored(rows)(queries, columns)

    def scored(self, rows: Sequence[int]) -> Callable[[Tensor, Tensor], Tensor]:
        """The loss of these rows as a function of their vectors."""
        loss, temperature = self._loss, self._params.temperature
        forbidden, teacher = self.rows.forbidden(rows), torch.from_numpy(self.rows.teacher[list(rows)])
        if self.guide:
            forbidden = forbidden | self.guide.forbids(self.rows, rows)

        def one(queries: Tensor, documents: Tensor) -> Tensor:
            if loss.name == "margin_mse":
                return margin_mse(queries, documents, teacher.to(queries.device))
            if loss.name == "kl":
                return kl(queries, documents, teacher.to(queries.device), temperature, loss.teacher_temperature)
            if loss.name == "triplet":
                triplets = triplet(queries, documents, forbidden.to(queries.device), loss.margin)
                self._active.append(triplets.active)
                return triplets.loss
            return info_nce(queries, documents, forbidden.to(queries.device), temperature)

        return matryoshka(one, loss.dims) if loss.dims else one


class CachedObjective(CachedLossMixin, Objective):
    """Caches gradients: small groups of texts go through the model, twice, and one group's activations live at a time.

    A `mini_batch_size` of 0 embeds the batch whole, like any other loss; it may change between steps.
    """

    def __init__(
        self, model: SentenceTransformer, rows: Rows, loss: LossParams, params: TrainParams, guide: "Guide | None" = None
    ) -> None:
        Objective.__init__(self, model, rows, loss, params, guide)
        self.mini_batch_size = loss.mini_batch
        self._batch: tuple[Sequence[int], Tensor, list[Tensor]] = ((), torch.empty(0), [])

    def _embedded(self, queries: Features, documents: Features, rows: Sequence[int], where: Tensor) -> Tensor:
        texts = [by_length(queries), by_length(documents)]
        moved = [features for features, _ in texts]
        self._batch = rows, where, [places for _, places in texts]
        if self.mini_batch_size:
            return self.forward_cached(moved)
        return self.calculate_loss([self._groups(features) for features in moved])

    def _groups(self, features: Features) -> list[Tensor]:
        """The vectors of texts of like length together, so that little is computed for padding; on a GPU of all at once."""
        number = len(features["attention_mask"])
        size = GROUP if self.model.device.type == "cpu" else number
        return [self.embed_minibatch(features, begin, begin + size, True, False)[0] for begin in range(0, number, size)]

    def calculate_loss(self, reps: list[list[Tensor]], labels: Tensor | None = None, *, with_backward: bool = False) -> Tensor:
        """The loss of all groups together; called by the mixin."""
        rows, where, places = self._batch
        queries, documents = (torch.cat(groups)[place] for groups, place in zip(reps, places, strict=True))
        loss = self._of_vectors(queries, documents, rows, where)
        if with_backward:
            loss.backward()  # type: ignore[no-untyped-call]
            loss = loss.detach()
        return loss


class Guide:
    """What another model, which doesn't learn, takes for an answer too."""

    def __init__(self, model: SentenceTransformer, rows: Rows, margin: float) -> None:
        queries = sorted(set(rows.queries))
        self._query_row = {query: i for i, query in enumerate(queries)}
        self._queries = torch.from_numpy(encode_queries(model, queries))
        self._documents = torch.from_numpy(encode_passages(model, rows.texts))
        self._margin = margin

    def forbids(self, rows: Rows, batch: Sequence[int]) -> Tensor:
        """(batch, documents): True where the guide finds a document about as near as the positive."""
        queries = self._queries[[self._query_row[rows.queries[row]] for row in batch]]
        return too_near(queries, self._documents[torch.from_numpy(rows.columns(batch))], self._margin)


class Texts:
    """Texts as features of the model, with its own prompts; a static model's tokens are kept, and thinned out while it learns."""

    def __init__(self, model: SentenceTransformer, token_dropout: float) -> None:
        self._model, self._dropout = model, token_dropout
        self._static = isinstance(model[0], StaticEmbedding)
        self._tokens: dict[tuple[str, str], Tensor] = {}

    def features(self, texts: Sequence[str], side: str, training: bool) -> Features:
        """What the model takes, on its device."""
        prompt = self._model.prompts.get(side) or None
        if self._static:
            features = self._cut(texts, prompt, training)
        else:
            features = self._model.preprocess(own_share(texts), prompt=prompt, task=side)
        return {key: value.to(self._model.device) if isinstance(value, Tensor) else value for key, value in features.items()}

    def _cut(self, texts: Sequence[str], prompt: str | None, training: bool) -> Features:
        new = [text for text in dict.fromkeys(texts) if (prompt or "", text) not in self._tokens]
        if new:
            made: Any = self._model.preprocess(new, prompt=prompt)
            parts = torch.tensor_split(made["input_ids"], made["offsets"][1:])
            self._tokens |= {(prompt or "", text): part for text, part in zip(new, parts, strict=True)}
        tokens = [self._tokens[prompt or "", text] for text in texts]
        if training and self._dropout:
            tokens = token_dropout(tokens, self._dropout)
        tokens = own_share(tokens)
        lengths = torch.tensor([0, *map(len, tokens[:-1])])
        return {"input_ids": torch.cat(tokens), "offsets": lengths.cumsum(0)}


def by_length(features: Features) -> tuple[Features, Tensor]:
    """The same texts from short to long, and where each has gone."""
    order = features["attention_mask"].sum(dim=1).argsort(stable=True)
    moved = {
        key: value[order] if isinstance(value, Tensor) and len(value) == len(order) else value for key, value in features.items()
    }
    return moved, order.argsort()


def own_share(items: Sequence[T]) -> list[T]:
    """The part of a batch that this process embeds: as long as everybody else's, filled up with the last item."""
    each = -(-len(items) // get_world_size())
    filled = [*items, *[items[-1]] * (each * get_world_size() - len(items))]
    return filled[get_rank() * each : (get_rank() + 1) * each]


def gathered(vectors: Tensor) -> Tensor:
    """The vectors of all processes, in the order of the batch."""
    return all_gather_with_grad(vectors) if get_world_size() > 1 else vectors


def token_dropout(tokens: Sequence[Tensor], share: float) -> list[Tensor]:
    """Each text without a random share of its tokens; a text that would lose more than half stays whole."""
    drawn = torch.rand(sum(map(len, tokens)))
    kept = []
    start = 0
    for text in tokens:
        stays = drawn[start : start + len(text)] >= share
        kept.append(text[stays] if 2 * int(stays.sum()) >= len(text) else text)
        start += len(text)
    return kept
