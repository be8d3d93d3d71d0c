"""What the engine of `train` is told where it trains a reranker."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from haechi.guards.params import Action, GuardsParams, RuleName
from haechi.reranking.params import RerankerParams
from haechi.training.lora_params import LoraParams
from haechi.training.loss_params import LossParams
from haechi.training.params import TrainParams
from haechi.training.recipe import Recipe


@dataclass(frozen=True)
class RerankerRecipe(Recipe):
    """What the engine is told, and the section that says it."""

    reranker: RerankerParams

    def asdict(self) -> dict[str, Any]:
        """As it stands in training_config.json."""
        return {"reranker": asdict(self.reranker), "guards": asdict(self.guards)}


def recipe_of(params: RerankerParams, guards: GuardsParams) -> RerankerRecipe:
    """The guards of `train` but for the one that looks at vectors."""
    action: dict[RuleName, Action] = {name: what for name, what in guards.action.items() if name != "collapse"}
    return RerankerRecipe(course(params), loss_of(params), adapters(params), replace(guards, action=action), params)


def course(params: RerankerParams) -> TrainParams:
    """The section as the engine of `train` reads it."""
    return TrainParams(
        seed=params.seed,
        lr=params.lr,
        unlabelled_lr_factor=1.0,
        epochs=params.epochs,
        batch_size=params.batch_size,
        temperature=1.0,
        negatives=params.negatives,
        hard_negative_ratio=1.0,
        question_share=params.question_share,
        replay_share=0.0,
        scheduler="linear",
        warmup_ratio=0.1,
        weight_decay=params.weight_decay,
        max_grad_norm=1.0,
        evaluations=params.evaluations,
        keep=1,
        keep_every=0,
        pin=(),
        ema_decay=0.0,
        max_samples=params.max_samples,
        shuffle_labels=False,
        engine="sentence-transformers",
        resume_from="",
        keep_last=False,
        sampler="shuffled",
        per_class=1,
        small_classes="leave_out",
        weights={},
        curriculum=(),
        refresh_every=0,
        refresh_skip=0,
        gradient_accumulation=1,
        token_dropout=0.0,
        freeze=params.freeze,
        gradient_checkpointing=False,
        precision=params.precision,
        expected_params={},
    )


def loss_of(params: RerankerParams) -> LossParams:
    """What of the loss the engine asks for: whether it follows a teacher, and how much goes through at once."""
    name: Literal["margin_mse", "kl", "infonce"] = "infonce"
    if params.loss == "margin_mse" or params.loss == "kl":
        name = params.loss
    return LossParams(name, params.mini_batch, 0.0, "", params.teacher_temperature, ())


def adapters(params: RerankerParams) -> LoraParams:
    """Adapters, scaled by 2."""
    return LoraParams(params.lora_rank, max(1, 2 * params.lora_rank), 0.0, ())
