"""Questions for test and validation by a language model: prompts that training's writer never uses, if wanted another model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from haechi.llm.params import LlmParams, Style
from haechi.questions import filters
from haechi.questions.llm import LlmSetup, write_with_llm
from haechi.questions.prompts.writing import HELD_OUT
from haechi.records.passage import Passage
from haechi.records.question import Question
from haechi.rowstore.store import Store
from haechi.text.language import language

SHORTEST, LONGEST = 5, 200


@dataclass(frozen=True)
class Amount:
    """How many questions, and which of them by lot."""

    seed: int
    questions_per_passage: int


def held_out_writer(
    amount: Amount, llm: LlmParams, store: Store, environ: Mapping[str, str]
) -> Callable[[Sequence[Passage]], Sequence[Question]]:
    """Asks `llm.test_model`, and keeps what a person could have asked."""
    asking = replace(llm, model=llm.test_model or llm.model, styles=cast("dict[Style, float]", {HELD_OUT: 1.0}), examples=0)

    def write(passages: Sequence[Passage]) -> Sequence[Question]:
        written = write_with_llm(passages, LlmSetup(amount, asking, store, (), environ)).questions
        checks = [
            filters.not_empty,
            filters.plain_text,
            filters.length_between(SHORTEST, LONGEST),
            filters.in_language({passage.id: language(passage.text) for passage in passages}),
            filters.about_this_document,
        ]
        return filters.apply(written, checks)[0]

    return write
