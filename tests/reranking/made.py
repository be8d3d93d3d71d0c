"""What the tests of rerankers share: a BERT of two layers that reads pairs, parameters, and lists to validate on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from small_law import PASSAGES, pair
from small_params import small
from training.made import GUARDS, examples, transformer

from haechi.evaluation.searcher import Asked, Searcher
from haechi.records.mined import MinedExample
from haechi.reranking.engine import train_reranker
from haechi.reranking.params import RerankerParams
from haechi.reranking.recipe import recipe_of
from haechi.reranking.validation import RerankValidation
from haechi.retrieval.params import RetrievalParams
from haechi.training.session import Listeners, TrainingInputs

PARAMS = small(RerankerParams, base="tiny", question_share=0.5)
PAIRS = [pair(f"v{i}", e.query, article_keys=e.pos_ids) for i, e in enumerate(examples())]
ASKED = [Asked(p.query_id, p.query_text, "") for p in PAIRS]


def encoder(folder: Path, dropout: float = 0.1) -> Path:
    """The folder of an encoder, which has no head for scores."""
    transformer(folder, dropout=dropout)
    return folder


def validation() -> RerankValidation:
    """The first five articles by the letters that query and passage share."""
    searcher = Searcher(PASSAGES, [list(p.text) for p in PASSAGES], small(RetrievalParams), 5)
    return RerankValidation(PAIRS, PASSAGES, searcher, searcher.bm25(ASKED, [list(q.text) for q in ASKED]))


def train(model: Any, folder: Path, params: RerankerParams = PARAMS, mined: Sequence[MinedExample] = (), **more: Any) -> Any:
    """The engine's counts."""
    recipe = recipe_of(params, more.pop("guards", GUARDS))
    inputs = TrainingInputs(model, mined or examples(), validation(), recipe, params.base, more.pop("held_out", ()))
    return train_reranker(inputs, recipe, folder, listeners=Listeners(), **more)
