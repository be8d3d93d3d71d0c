"""Parameters of answering: which steps run, and what a wrong silence and a wrong search cost."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from haechi.runtime.param_types import Count, NonNegativeFloat, Positive, PositiveFloat, Seed, Share

Fuse = Literal["learned", "rrf", "weights", "votes"]


@dataclass(frozen=True)
class AnswerParams:
    """The steps of an answer; each can be switched off."""

    language_model: bool
    """Ask the language model of the section `llm` to rewrite, to write queries and to answer; without it all is done plainly."""
    rewrite: bool
    """Make a question of a later turn stand alone."""
    carry: Positive
    """Without a language model: most nouns of earlier turns that are put before such a question."""
    gate: bool
    """Tell talk from questions, and questions that the corpus can't answer from others."""
    hyde: bool
    """With a language model: search for an imagined passage too, of 200 characters at most; nobody else sees it."""
    queries: Annotated[int, Meta(ge=1, le=6)]
    """How many ways a question is searched in: as it stands, as keywords, and as the language model puts it."""
    fuse: Fuse
    """How lists become one: the fitted hybrid, reciprocal rank, weights of the searches, or votes by rank."""
    rrf_k: PositiveFloat
    """Constant of reciprocal rank."""
    weights: dict[Literal["bm25", "tuned"], NonNegativeFloat]
    """What each search counts where `fuse` is `weights`."""
    votes: tuple[NonNegativeFloat, ...]
    """What the first ranks of a list count where `fuse` is `votes`."""
    lower_vote: NonNegativeFloat
    """What any rank below counts."""
    depth: Annotated[int, Meta(ge=1, le=50)]
    """Passages of each list that are fused."""
    passages: Annotated[int, Meta(ge=1, le=5)]
    """Passages of a submission."""
    read: Annotated[int, Meta(ge=1, le=5)]
    """Passages that an answer is taken from."""


@dataclass(frozen=True)
class GateParams:
    """How the gate is fitted and used."""

    false_skip: PositiveFloat
    """Cost of taking a question for talk."""
    false_refusal: PositiveFloat
    """Cost of finding nothing where the corpus has an answer."""
    false_search: PositiveFloat
    """Cost of searching for talk, and of an answer where there is none."""
    talk_share: Share
    """Share of talk among what users say; probabilities are calibrated for it."""
    absent_share: Share
    """Share of questions that the corpus can't answer."""
    questions: Count
    """Most validation questions that it is fitted on."""
    fewest: Positive
    """Words and pairs of word classes in fewer texts are left out."""
    penalty: PositiveFloat
    """How strongly weights are held near 0."""
    seed: Seed
    """Of folds."""
