"""Parameters of the mine stage."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from haechi.runtime.param_types import Count, NonNegativeFloat, Positive, PositiveFloat, Seed


@dataclass(frozen=True)
class MineParams:
    """How negatives are found, checked and chosen."""

    seed: Seed
    """Turns of the queries, draws of negatives and of random ones."""
    encoder: str
    """Folder of the model that finds and scores candidates: the base, or an earlier encoder to mine again with."""
    questions: bool
    """Whether synthetic questions are mined beside pairs."""
    bm25_top: Count
    """BM25 candidates of a query."""
    dense_top: Count
    """Candidates of the encoder."""
    structural: bool
    """Whether the siblings that make_pairs names are candidates too."""
    precision: Literal["fp32", "fp16", "bf16"]
    """In which numbers encoder and reranker compute; the halves are for hardware that is fast at them."""
    reranker: str
    """Alias, hub id or folder of a cross-encoder that scores candidates; empty for none, and the encoder's cosine counts."""
    reranker_length: Positive
    """Longest (query, passage) that the reranker reads, in tokens."""
    reranker_forced: bool
    """Whether the reranker judges even if it ranks the labelled validation positives worse than BM25 and encoder together."""
    reranker_block: Count
    """The reranker sees so many candidates of a query at a time, those that BM25 and encoder rank best first, and stops when a
    block brings no better negative; 0 shows it all. What it didn't see is no negative."""
    cited_together: Count
    """Candidates that at least so many decisions cite together with a positive are dropped; 0 drops none."""
    near_duplicate: PositiveFloat
    """Candidates with at least this character 5-gram Jaccard to a positive are dropped; above 1 drops none."""
    skip_top: Count
    """Candidates among the first so many of BM25's or of the encoder's list are left out, as the likeliest to be right."""
    margin: PositiveFloat
    """A candidate stays only if its score is below margin x the lowest positive score."""
    absolute_margin: NonNegativeFloat
    """A candidate stays only if its score is this far below the lowest positive score; 0 asks for no distance."""
    max_uses: Positive
    """Most examples that one passage serves as a negative."""
    num_negatives: Positive
    """Negatives wanted for an example."""
    sampling_strategy: Literal["top", "sampled", "spread"]
    """Which of the candidates left are taken: the hardest, a draw that favours hard ones, or evenly from hard to easy."""
    sampling_temperature: PositiveFloat
    """Scores are divided by it in a draw: the larger, the more even."""
    too_few: Literal["fewer", "random"]
    """What an example with too few gets: what there is, or random passages that pass every filter (counted)."""
    empty: Literal["keep", "drop"]
    """What becomes of an example without any negative; FlagEmbedding can't train on one."""
    promote: Literal["none", "agreement", "llm"]
    """Who may make a positive of a candidate above the worst positive: nobody, reranker and citations where they agree, or
    the language model of `llm` (`judge_model`, else `model`), which is asked about each and whose answers are kept."""
    promote_threshold: Annotated[int, Meta(ge=0, le=10)]
    """What the language model must rate a candidate, of 10, to promote it."""
    promote_most: Positive
    """Most candidates of a query that are shown to the judge, the best scored first."""
    reranker_prescore: Literal["none", "bf16", "int8"] = "none"
    """Whether the reranker in fewer bits scores first (extra `openvino`), and the reranker proper only where that can matter."""
    reranker_certainty: NonNegativeFloat = 1.5
    """Standard errors of such a first score that count as near the margin or a place that decides; 1.5 keeps 98 % of choices."""

    def __post_init__(self) -> None:
        whole = (
            self.sampling_strategy != "sampled"
            and not self.absolute_margin
            and self.promote == "none"
            and not self.reranker_block
        )
        if self.reranker_prescore != "none" and not whole:
            raise ValueError(
                "reranker_prescore is for sampling_strategy top or spread, absolute_margin 0, promote none and reranker_block 0"
            )
        if self.reranker.rstrip("/") == "models/reranker":
            raise ValueError(
                "reranker models/reranker is trained on what mine writes; let a copy mine again: "
                "cp -r models/reranker models/judge && dvc add models/judge"
            )
        if self.promote == "agreement" and not self.reranker:
            raise ValueError("promote agreement is between the reranker and citations, and reranker is empty")
