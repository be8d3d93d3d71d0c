"""Parameters of the testset stage."""

from dataclasses import dataclass
from typing import Literal

from haechi.runtime.param_types import Count, QuestionsPerText, Seed, Share


@dataclass(frozen=True)
class TestsetParams:
    """What the frozen test set holds."""

    __test__ = False

    seed: Seed
    """Draws the reserved articles, the held-out documents and the title queries."""
    test_share: Share
    """Share of the decisions with usable citations, newest first, that become test."""
    unseen_queries: Count
    """Reserve cited articles until this many test queries have only reserved gold."""
    title_queries: Count
    """Number of title look-up queries, on articles that no training text is made from."""
    document_share: Share
    """Share of the documents held out for the synthetic suite, 400 of them at most. Without decisions articles count as
    documents, and half as many are held out for validation."""
    questions_per_document: QuestionsPerText
    """Synthetic test questions for each held-out document."""
    user_share: Share
    """Share of the user's labelled queries that go to the test set; the rest train. Those that say their `use` don't count."""
    near_duplicate: Share
    """Character 5-gram Jaccard at or above which a training query counts as a leak of a test query, and two documents as one."""
    primary: Literal["auto", "precedent", "user", "synthetic"]
    """What the headline is measured on: issues of decisions, labelled user queries, or questions that haechi writes about
    held-out documents; `auto` takes the first of these that the folder can bear."""
    writer: Literal["offline", "openai"]
    """Who writes the questions on held-out documents: templates, or a language model (section `llm`); in either case others than
    training's."""
    min_user_queries: Count
    """Labelled user queries from which on `auto` takes them, where no decision cites anything."""
