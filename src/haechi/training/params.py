"""Parameters of the train stage."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from haechi.runtime.param_types import Count, NonNegativeFloat, Positive, PositiveFloat, Seed, Share


@dataclass(frozen=True)
class TrainParams:
    """How the base is tuned."""

    seed: Seed
    """Order of the batches."""
    lr: PositiveFloat
    """Peak learning rate."""
    unlabelled_lr_factor: PositiveFloat
    """Times lr, where no query of training was written by a person: questions that haechi made are soon learnt by heart."""
    epochs: Positive
    """Passes over the examples."""
    batch_size: Positive
    """Examples that share one softmax; always explicit, since it changes the result."""
    temperature: PositiveFloat
    """Cosines are divided by it before the softmax."""
    negatives: Count
    """Mined negatives of an example that enter its batch."""
    hard_negative_ratio: Share
    """Share of the examples with mined negatives that train with them; the others have those of their batch alone, seeded."""
    question_share: Share
    """Most of the training examples that may be synthetic questions; the surplus is left out, seeded."""
    replay_share: Annotated[float, Meta(ge=0.0, lt=1.0)]
    """Where the base was trained here before (`haechi update`): share of the examples that are old ones, seeded."""
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
    """Checkpoints kept, best on validation first; the last one is kept besides."""
    keep_every: Count
    """Besides, the checkpoint of every so many-th validation is kept; 0 keeps none for that."""
    pin: tuple[Positive, ...]
    """Steps that are validated and whose checkpoints are kept whatever their score."""
    ema_decay: Share
    """Decay of the exponential average of the weights that is kept beside the checkpoints, such as 0.99; 0 keeps none."""
    max_samples: Count
    """Train on this many examples only; 0 takes all."""
    shuffle_labels: bool
    """Control: give every query another query's passages. What still improves was not learned from the labels."""
    engine: Literal["sentence-transformers", "flagembedding"]
    """Whose trainer runs; flagembedding tunes BGE-M3 with its sparse and multi-vector heads."""
    resume_from: str
    """Folder of an earlier run with `keep_last`: trained for `epochs` more at `lr`, with its optimizer's memory;
    empty starts at the base."""
    keep_last: bool
    """Whether the run also keeps its last weights and the optimizer's memory, for `resume_from`."""
    sampler: Literal["shuffled", "no_duplicates", "classes"]
    """Which rows share a batch: any; as few as possible with one query or one positive; or `per_class` rows of each article."""
    per_class: Positive
    """Rows of one article in a batch of the sampler `classes`."""
    small_classes: Literal["refuse", "leave_out"]
    """What the sampler `classes` does about articles with fewer rows than `per_class`."""
    weights: dict[str, NonNegativeFloat]
    """Source of examples (precedent, holding, title, question, ...) and how often an epoch shows each;
    1 where not named, 0 leaves them out."""
    curriculum: tuple[tuple[str, ...], ...]
    """Sources that each stage of training draws from, stages of equal length in epochs; an empty stage draws from all."""
    refresh_every: Count
    """Epochs after which negatives are mined anew with the model as it is, among the passages of the mined file; 0: never."""
    refresh_skip: Count
    """Passages left out there, the nearest to a query that are no answer: the likeliest to be right though nobody says so."""
    gradient_accumulation: Positive
    """Batches whose gradients are added up for one step of the optimizer; each still has a softmax of its own."""
    token_dropout: Share
    """Share of a text's tokens that a step leaves out; for static models, which otherwise learn their queries by heart."""
    freeze: tuple[str, ...]
    """Patterns of the names of weights that stay as they are. `embeddings` and `layer.[0-7][.]` are the word table and the first
    eight layers of a BERT: what these make of a text is computed once a run (on a CPU)."""
    gradient_checkpointing: bool
    """Whether activations are computed again in the backward pass, which saves memory and costs time."""
    precision: Literal["fp32", "bf16", "fp16"]
    """Number format of the forward pass; fp16 needs a GPU."""
    expected_params: dict[str, Count]
    """Part of the names of weights (or `total`, `trained`) and how many parameters it must have, shared ones counted once;
    another number stops the run before its first step."""
