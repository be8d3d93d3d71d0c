"""Can this training be trusted? A verdict with its reasons and what to try next, from what the run left; a pure function.

It speaks of the training alone: whether the model is better is for `select` and `evaluate` to say.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from haechi.guards.decide import Rows, level, series
from haechi.guards.params import GuardsParams
from haechi.text.bilingual import Words

Sections = Mapping[str, Mapping[str, Any]]
State = Literal["running", "finished", "stopped", "failed", "crashed"]
METRIC = "valid_ndcg@10"
LOST = 0.1
"""Share of the gain on validation that a run may lose again without anyone asking why."""
STILL_FALLING = 0.05
"""Share of the whole fall of the training loss that its last quarter still brings when it has not converged."""
BROKEN = ("non_finite", "divergence", "collapse")
"""Rules after which nothing of the run's end is worth anything."""
HARMLESS = ("early_stopping", "stall")
"""Rules that end or slow down a healthy run."""
ENDED = Words("the run ended with an error", "학습이 오류로 끝났습니다")
USUAL_RATE = {True: 6e-3, False: 2e-5}
"""Learning rates that the README recommends: of a static model, of a transformer."""
FAR_BELOW = 10
"""So many times lower than usual, a rate may be too low for anything to be learned."""
CONTROL = Words(
    "its labels were shuffled on purpose (train.shuffle_labels), so this is a control and no model to use",
    "라벨을 일부러 섞은 대조 실험이며(train.shuffle_labels), 쓸 모델이 아닙니다",
)
BACK = "dvc exp run -n true-labels -S train.shuffle_labels=false"
"""From a control to the training that it is a control of."""
ADOPTION, REMEDY = ["haechi compare HEAD workspace"], ["haechi doctor"]
"""What to do with a run that may be used; what looks for the fault where no parameter is to blame."""


@dataclass(frozen=True)
class Module:
    """What was seen of one module while it was, or was not, trained."""

    name: str
    parameters: int
    trained: int
    """How many of its parameters were to be trained."""
    gradient: bool
    """Whether it ever had a gradient other than zero."""
    moved: bool
    """Trained: whether any look saw it move. Frozen: whether its weights differ at the end."""
    idle: bool = False
    """Known to be left out of the forward pass, such as a pooler that nobody asks."""


@dataclass(frozen=True)
class Seen:
    """What is known of a run at its end."""

    state: State
    reason: Words
    rule: str
    """Of the guard that ended it, if one did."""
    history: Rows
    modules: Sequence[Module] = ()
    noted: Mapping[str, Words] = field(default_factory=dict)
    """Rule -> reason, of every rule that has fired."""


@dataclass(frozen=True)
class Verdict:
    """good, suspicious or failed; why; and commands to try next, each with what it is for."""

    verdict: Literal["good", "suspicious", "failed"]
    reasons: tuple[Words, ...]
    next: tuple[str, ...]
    facts: Mapping[str, Any]


def judge(seen: Seen, guards: GuardsParams, params: Sections, *, static: bool = False) -> Verdict:
    """`params`: the sections train, loss and lora as they were; advice is a change of one of them."""
    facts = _facts(seen.history)
    failed, doubts = _failures(seen, facts), _doubts(seen, facts)
    verdict: Literal["good", "suspicious", "failed"] = "failed" if failed else "suspicious" if doubts else "good"
    reasons = [*failed, *doubts] or [_praise(facts)]
    if params["train"].get("shuffle_labels"):
        return Verdict(verdict, (CONTROL, *reasons), (BACK,), facts)
    if (epochs := _enough_epochs(seen, params)) and not failed:
        step = facts["score"]["best_step"]
        reasons.append(
            Words(
                f"the epochs after step {step} gave nothing better: train.epochs={epochs} would do",
                f"{step}스텝 뒤의 에폭에서는 더 나아지지 않았습니다. train.epochs={epochs}이면 충분합니다",
            )
        )
    advice = _advice(seen, facts, guards, params, static) or (REMEDY if failed else ADOPTION)
    return Verdict(verdict, tuple(reasons), tuple(advice), facts)


def _facts(history: Rows) -> dict[str, Any]:
    """The figures that the verdict is made of."""
    losses, scores, valid = (series(history, key) for key in ("loss", METRIC, "valid_loss"))
    facts: dict[str, Any] = {"skipped_steps": sum(bool(row.skipped) for row in history)}
    if losses:
        last = losses[-1][0]
        first = sum(value for _, value in losses[:3]) / len(losses[:3])
        end, late = level(history, last), level(history, round(last * 0.75))
        fell, lately = first - (end or 0.0), (late if late is not None else first) - (end or 0.0)
        facts["loss"] = {"first": _short(first), "last": _short(end), "converged": fell > 0 and lately <= STILL_FALLING * fell}
    if len(scores) > 1:
        best_at, best = max(scores[1:], key=lambda pair: (pair[1], -pair[0]))
        facts["score"] = {
            "base": _short(scores[0][1]),
            "best": _short(best),
            "best_step": best_at,
            "last": _short(scores[-1][1]),
            "peaked_at_the_end": best_at == scores[-1][0],
        }
    if valid:
        lowest_at, lowest = min(valid, key=lambda pair: pair[1])
        facts["valid_loss"] = {
            "first": _short(valid[0][1]), "lowest": _short(lowest), "lowest_step": lowest_at, "last": _short(valid[-1][1])
        }  # fmt: skip
    return facts


def _failures(seen: Seen, facts: Mapping[str, Any]) -> list[Words]:
    """What makes a run worthless."""
    reasons = []
    if seen.state in ("failed", "crashed") or seen.rule in BROKEN:
        reasons.append(seen.reason if seen.reason.en else ENDED)
    loss, score = facts.get("loss"), facts.get("score")
    if loss and _never_fell(facts) and seen.rule not in BROKEN:
        reasons.append(
            Words(
                f"the training loss did not fall ({loss['first']} at first, {loss['last']} at the end)",
                f"학습 손실이 내려가지 않았습니다(처음 {loss['first']}, 끝 {loss['last']})",
            )
        )
    if score and score["best"] <= score["base"]:
        reasons.append(
            Words(
                f"validation never beat the base ({score['base']}; best {score['best']} at step {score['best_step']})",
                f"검증 점수가 기본 모델({score['base']})을 넘지 못했습니다(최고 {score['best']}, {score['best_step']}스텝)",
            )
        )
    if frozen := _listed(module for module in seen.modules if not module.trained and module.moved):
        reasons.append(Words(f"frozen, and moved all the same: {frozen}", f"고정했는데도 값이 바뀌었습니다: {frozen}"))
    awake = _awake(seen)
    if awake and not any(module.moved for module in awake):
        reasons.append(Words("no module moved", "값이 바뀐 모듈이 없습니다"))
    return reasons


def _doubts(seen: Seen, facts: Mapping[str, Any]) -> list[Words]:
    """What someone should look at."""
    reasons = []
    if seen.state == "stopped" and seen.rule not in (*BROKEN, *HARMLESS):
        reasons.append(seen.reason)
    reasons += [reason for rule, reason in seen.noted.items() if rule not in HARMLESS and reason != seen.reason]
    if skipped := facts["skipped_steps"]:
        reasons.append(
            Words(
                f"steps skipped, because loss or gradients were not finite: {skipped}",
                f"손실이나 기울기가 유한하지 않아 건너뛴 스텝 수: {skipped}",
            )
        )
    score = facts.get("score")
    if score and score["best"] > score["base"]:
        lost = score["best"] - score["last"]
        if lost > LOST * (score["best"] - score["base"]):
            reasons.append(
                Words(
                    f"validation peaked at step {score['best_step']} ({score['best']}) and lost {lost:.4f} of it by the end",
                    f"검증 점수가 {score['best_step']}스텝({score['best']})에서 가장 높았고 끝까지 {lost:.4f} 내렸습니다",
                )
            )
    awake = _awake(seen)
    if any(module.moved for module in awake):
        if dead := _listed(module for module in awake if not module.gradient):
            reasons.append(
                Words(f"to be trained, and never given a gradient: {dead}", f"학습 대상인데 기울기를 받은 적이 없습니다: {dead}")
            )
        if still := _listed(module for module in awake if module.gradient and not module.moved):
            reasons.append(
                Words(f"had gradients, and never moved: {still}", f"기울기는 있었지만 값이 바뀌지 않았습니다: {still}")
            )
    if not score and seen.state in ("finished", "stopped"):
        reasons.append(Words("there was no validation after the first step", "첫 스텝 뒤로 검증이 없었습니다"))
    return reasons


def _praise(facts: Mapping[str, Any]) -> Words:
    score = facts["score"]
    en = f"validation rose from {score['base']} to {score['best']} (step {score['best_step']})"
    ko = f"검증 점수가 올랐고({score['base']} → {score['best']}, {score['best_step']}스텝)"
    if loss := facts.get("loss"):
        en += f" while the training loss fell from {loss['first']} to {loss['last']}"
        ko += f", 학습 손실이 내렸으며({loss['first']} → {loss['last']})"
    return Words(f"{en}; every module that was to be trained moved", f"{ko}, 학습 대상 모듈의 값이 모두 바뀌었습니다")


def _awake(seen: Seen) -> list[Module]:
    """The modules that training should have moved."""
    return [module for module in seen.modules if module.trained and not module.idle]


def _listed(modules: Iterable[Module]) -> str:
    return ", ".join(module.name for module in modules)


def _never_fell(facts: Mapping[str, Any]) -> bool:
    loss = facts.get("loss")
    return loss is not None and bool(loss["last"] >= loss["first"])


def _advice(seen: Seen, facts: Mapping[str, Any], guards: GuardsParams, params: Sections, static: bool) -> list[str]:
    """The cases, from worst to best; the first that applies. None of them: the run is to be adopted, unless it failed."""
    train, loss = params["train"], params["loss"]
    score: Any = facts.get("score")
    if seen.state == "crashed":
        return ["dvc repro"]  # it goes on
    if seen.state == "failed":
        return REMEDY
    if seen.rule in BROKEN:
        gentler = [_run(f"train.lr={_g(train['lr'] / 10)}"), _run(f"train.max_grad_norm={_g(train['max_grad_norm'] / 2)}")]
        return [_run("train.precision=bf16"), *gentler] if train["precision"] == "fp16" else gentler
    beaten = not score or score["best"] <= max(score["base"], guards.floor)
    usual = USUAL_RATE[static]
    if (beaten or _never_fell(facts)) and train["lr"] * FAR_BELOW < usual:
        return [_run(f"train.lr={_g(usual)}")]
    if beaten and loss["name"] in ("triplet", "guided"):
        return [_run(f"train.lr={_g(train['lr'] * 0.4)}"), _run(f"loss.margin={_g(loss['margin'] + 0.05)}")]
    if beaten:
        return [_run(f"train.lr={_g(train['lr'] * 0.4)}"), _run(f"train.temperature={_g(train['temperature'] / 2)}")]
    if _never_fell(facts):
        return [_run(f"train.lr={_g(train['lr'] * 0.4)}")]
    if _overfits(seen, facts):
        return _less_overfitting(params, static)
    if score["best"] < guards.target or (not guards.target and _unfinished(facts)):
        return [_run(f"train.epochs={-(-train['epochs'] * 3 // 2)}")]
    if epochs := _enough_epochs(seen, params):
        return [_run(f"train.epochs={epochs}")]
    return []


def _enough_epochs(seen: Seen, params: Sections) -> int:
    """Epochs up to the best validation, where at least as many came after it; else 0."""
    scores = series(seen.history, METRIC)[1:]
    if seen.state != "finished" or not scores:
        return 0
    best_at, _ = max(scores, key=lambda pair: (pair[1], -pair[0]))
    enough = math.ceil(params["train"]["epochs"] * best_at / scores[-1][0])
    return enough if enough <= params["train"]["epochs"] / 2 else 0


def _overfits(seen: Seen, facts: Mapping[str, Any]) -> bool:
    score = facts["score"]
    fell = score["best"] - score["last"] > LOST * (score["best"] - score["base"])
    return (
        fell or seen.rule in ("overfitting", "degradation", "gap") or any(rule in seen.noted for rule in ("overfitting", "gap"))
    )


def _unfinished(facts: Mapping[str, Any]) -> bool:
    """Whether both curves were still on their way."""
    return bool(facts["score"]["peaked_at_the_end"]) and not facts.get("loss", {"converged": True})["converged"]


def _less_overfitting(params: Sections, static: bool) -> list[str]:
    """Back to the best as soon as it shows; dropout; more data."""
    train, lora = params["train"], params["lora"]
    commands = [_run("guards.action.overfitting=rollback")]
    if lora["rank"]:
        commands.append(_run(f"lora.dropout={_g(min(0.5, lora['dropout'] + 0.1))}"))
    elif static:
        commands.append(_run(f"train.token_dropout={_g(min(0.5, train['token_dropout'] + 0.1))}"))
    else:
        commands.append(_run(f"train.weight_decay={_g(max(0.01, train['weight_decay'] * 2))}"))
    if train["question_share"] < 1.0:
        commands.append(_run(f"train.question_share={_g(min(1.0, train['question_share'] + 0.2))}"))
    if train["epochs"] > 1:
        commands.append(_run(f"train.epochs={(train['epochs'] + 1) // 2}"))
    return commands


def _run(change: str) -> str:
    """The command, with a name by which the experiment can be told from others: lr-0.003."""
    key, _, value = change.partition("=")
    return f"dvc exp run -n {key.rpartition('.')[2].replace('_', '-')}-{value} -S {change}"


def _g(value: float) -> str:
    return f"{value:.3g}"


def _short(value: float | None) -> float:
    return round(float(value or 0.0), 6)
