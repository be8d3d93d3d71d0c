"""Parameters of the select stage."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from haechi.runtime.param_types import Count, NonNegativeFloat, Seed, Share

Metric = Literal[
    "ndcg@1", "ndcg@10", "ndcg@100", "recall@1", "recall@10", "recall@100", "success@1", "success@10", "success@100", "mrr@10"
]
Voter = Literal["plateau", "criteria", "change", "optimum"]
Criterion = Literal["loss", "accuracy", "stability", "gradient"]


@dataclass(frozen=True)
class SelectParams:
    """Which of the checkpoints and their merges becomes the model."""

    metric: Metric
    """Validation metric that ranks the candidates; training keeps the checkpoints with the best ndcg@10."""
    unseen_weight: Share
    """What validation queries on articles and laws that training never names count in every figure that chooses a model (looks
    of training, guards, selection, sweeps, rank), each kind alike: the figure is (1 - w) * seen + w * unseen."""
    min_gain: Annotated[float, Meta(ge=-1.0, le=1.0)]
    """The base itself is kept unless the best candidate beats it by this much. Below 0, as `haechi update` sets it, the last
    checkpoint is taken that costs less than this, and no merge: validation sees nothing of what new documents taught."""
    soups: tuple[Literal["uniform", "greedy"], ...]
    """Means of checkpoints to try: of all, or of those that each made the mean better, the best first."""
    interpolations: tuple[Share, ...]
    """Points between base and best checkpoint to try, as the checkpoint's share: less of it forgets less."""
    crossover: Count
    """Blocks that the layers are cut into, each to be taken from the checkpoint where it does best; costs a validation for every
    block and checkpoint. 0: none."""
    errors: NonNegativeFloat
    """A merge is taken only if it beats the best single checkpoint by more standard errors of their paired difference."""
    voters: dict[Voter, NonNegativeFloat]
    """Who votes on the sweet spot of the history, with which weight; {} for no vote. The checkpoint voted for is taken instead
    of the best one unless that is better by more than `errors`."""
    criteria: dict[Criterion, NonNegativeFloat]
    """Weights of the voter `criteria`."""
    tolerance: Count
    """Votes that differ by so many validations are one."""
    agreement: Share
    """The vote counts only if so much of the voters' weight agrees."""
    export: tuple[Literal["onnx", "openvino"], ...]
    """Forms of the model to add to its folder for other runtimes, in single precision (extras `onnx`, `openvino`). Vectors are
    compared with the model's own on texts of the corpus; a form that differs by more than rounding is an error."""
    seed: Seed
    """Draws the texts that exports are compared on, bootstrap samples and sign flips."""
    resamples: Annotated[int, Meta(ge=100)]
    """Bootstrap samples and sign flips."""
    confidence: Annotated[float, Meta(gt=0.5, lt=1.0)]
    """Coverage of the intervals."""

    def __post_init__(self) -> None:
        if len(set(self.export)) != len(self.export):
            raise ValueError(f"export must name each form once, found {list(self.export)}")
        if self.voters and not sum(self.voters.values()) > 0:
            raise ValueError(f"voters need a weight above 0, found {self.voters}")
        if self.voters.get("criteria") and not sum(self.criteria.values()) > 0:
            raise ValueError(f"criteria need a weight above 0 where they vote, found {self.criteria}")
        if len(set(self.interpolations)) != len(self.interpolations) or not all(0 < share < 1 for share in self.interpolations):
            raise ValueError(f"interpolations must be different shares between 0 and 1, found {list(self.interpolations)}")
