"""Parameters of the train stage."""

from dataclasses import dataclass
from typing import Literal

from haechi.params.types import Count, NonNegativeFloat, Positive, PositiveFloat, Seed, Share


@dataclass(frozen=True)
class TrainParams:
    """How the base is tuned."""

    seed: Seed
    """Order of the batches."""
    lr: PositiveFloat
    """Peak learning rate."""
    epochs: Positive
    """Passes over the examples."""
    batch_size: Positive
    """Examples that share one softmax; always explicit, since it changes the result."""
    temperature: PositiveFloat
    """Cosines are divided by it before the softmax."""
    negatives: Count
    """Mined negatives of an example that enter its batch."""
    question_share: Share
    """Most of the training examples that may be synthetic questions; the surplus is left out, seeded."""
    scheduler: Literal["linear", "cosine", "constant_with_warmup"]
    """Shape of the learning rate after warm-up."""
    warmup_ratio: Share
    """Share of the steps in which the rate rises."""
    weight_decay: NonNegativeFloat
    """AdamW's decay."""
    max_grad_norm: PositiveFloat
    """Gradients are clipped to this norm."""
    evaluations: Positive
    """Validations during training, evenly spread; each leaves a checkpoint."""
    keep: Positive
    """Checkpoints kept, best on validation first."""
    max_samples: Count
    """Train on this many examples only; 0 takes all."""
    shuffle_labels: bool
    """Control: give every query another query's passages. What still improves was not learned from the labels."""
