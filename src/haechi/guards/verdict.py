"""Can this training be trusted? A verdict with its reasons and what to try next, from what the run left; a pure function.

It speaks of the training alone: whether the model is better is for `select` and `evaluate` to say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from haechi.guards.decide import Rows, level, series
from haechi.params.guards import GuardsParams

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
    reason: str
    rule: str
    """Of the guard that ended it, if one did."""
    history: Rows
    modules: Sequence[Module] = ()
    noted: Mapping[str, str] = field(default_factory=dict)
    """Rule -> reason, of every rule that has fired."""


@dataclass(frozen=True)
class Verdict:
    """good, suspicious or failed; why; and commands to try next, each with what it is for."""

    verdict: Literal["good", "suspicious", "failed"]
    reasons: tuple[str, ...]
    next: tuple[str, ...]
    facts: Mapping[str, Any]


def judge(seen: Seen, guards: GuardsParams, params: Sections, *, static: bool = False) -> Verdict:
    """`params`: the sections train, loss and lora as they were; advice is a change of one of them."""
    facts = _facts(seen.history)
    failed, doubts = _failures(seen, facts), _doubts(seen, facts)
    reasons = [*failed, *doubts] or [_praise(facts)]
    told = "failed" if failed else "suspicious" if doubts else "good"
    return Verdict(told, tuple(reasons), tuple(_advice(seen, facts, guards, params, static)), facts)  # type: ignore[arg-type]


def _facts(history: Rows) -> dict[str, Any]:
    """The figures that the verdict is made of."""
    losses, scores, valid = (series(history, key) for key in ("loss", METRIC, "valid_loss"))
    found: dict[str, Any] = {"skipped_steps": sum("skipped" in row for row in history)}
    if losses:
        last = losses[-1][0]
        first = sum(value for _, value in losses[:3]) / len(losses[:3])
        end, late = level(history, last), level(history, round(last * 0.75))
        fell, lately = first - (end or 0.0), (late if late is not None else first) - (end or 0.0)
        found["loss"] = {"first": _short(first), "last": _short(end), "converged": fell > 0 and lately <= STILL_FALLING * fell}
    if len(scores) > 1:
        best_at, best = max(scores[1:], key=lambda pair: (pair[1], -pair[0]))
        found["score"] = {
            "base": _short(scores[0][1]),
            "best": _short(best),
            "best_step": best_at,
            "last": _short(scores[-1][1]),
            "peaked_at_the_end": best_at == scores[-1][0],
        }
    if valid:
        lowest_at, lowest = min(valid, key=lambda pair: pair[1])
        found["valid_loss"] = {
            "first": _short(valid[0][1]), "lowest": _short(lowest), "lowest_step": lowest_at, "last": _short(valid[-1][1])
        }  # fmt: skip
    return found


def _failures(seen: Seen, facts: Mapping[str, Any]) -> list[str]:
    """What makes a run worthless."""
    found = []
    if seen.state in ("failed", "crashed") or seen.rule in BROKEN:
        found.append(seen.reason or f"the run {seen.state}")
    loss, score = facts.get("loss"), facts.get("score")
    if loss and loss["last"] >= loss["first"] and seen.rule not in BROKEN:
        found.append(f"the training loss did not fall ({loss['first']} at first, {loss['last']} at the end)")
    if score and score["best"] <= score["base"]:
        found.append(f"validation never beat the base ({score['base']}; best {score['best']} at step {score['best_step']})")
    frozen = [module.name for module in seen.modules if not module.trained and module.moved]
    if frozen:
        found.append(f"frozen, and moved all the same: {', '.join(frozen)}")
    awake = [module for module in seen.modules if module.trained and not module.idle]
    if awake and not any(module.moved for module in awake):
        found.append("no module moved")
    return found


def _doubts(seen: Seen, facts: Mapping[str, Any]) -> list[str]:
    """What someone should look at."""
    found = []
    if seen.state == "stopped" and seen.rule not in (*BROKEN, *HARMLESS):
        found.append(seen.reason)
    found += [reason for rule, reason in seen.noted.items() if rule not in HARMLESS and reason != seen.reason]
    if facts["skipped_steps"]:
        found.append(f"steps skipped, because loss or gradients were not finite: {facts['skipped_steps']}")
    score = facts.get("score")
    if score and score["best"] > score["base"]:
        lost = score["best"] - score["last"]
        if lost > LOST * (score["best"] - score["base"]):
            found.append(f"validation peaked at step {score['best_step']} ({score['best']}) and lost {lost:.4f} of it by the end")
    awake = [module for module in seen.modules if module.trained and not module.idle]
    if any(module.moved for module in awake):
        if dead := [module.name for module in awake if not module.gradient]:
            found.append(f"to be trained, and never given a gradient: {', '.join(dead)}")
        if still := [module.name for module in awake if module.gradient and not module.moved]:
            found.append(f"had gradients, and never moved: {', '.join(still)}")
    if not score and seen.state in ("finished", "stopped"):
        found.append("there was no validation after the first step")
    return found


def _praise(facts: Mapping[str, Any]) -> str:
    score = facts["score"]
    said = f"validation rose from {score['base']} to {score['best']} (step {score['best_step']})"
    if loss := facts.get("loss"):
        said += f" while the training loss fell from {loss['first']} to {loss['last']}"
    return f"{said}; every module that was to be trained moved"


def _advice(seen: Seen, facts: Mapping[str, Any], guards: GuardsParams, params: Sections, static: bool) -> list[str]:
    """The cases, from worst to best; exactly one of them applies."""
    train, loss = params["train"], params["loss"]
    score = facts.get("score")
    if seen.state == "crashed":
        return ["dvc repro"]
    if seen.state == "failed":
        return ["haechi doctor"]
    if seen.rule in BROKEN:
        found = [_run(f"train.lr={_g(train['lr'] / 10)}"), _run(f"train.max_grad_norm={_g(train['max_grad_norm'] / 2)}")]
        return [_run("train.precision=bf16"), *found] if train["precision"] == "fp16" else found
    if not score or score["best"] <= max(score["base"], guards.floor):
        if loss["name"] in ("triplet", "guided"):
            return [_run(f"train.lr={_g(train['lr'] * 0.4)}"), _run(f"loss.margin={_g(loss['margin'] + 0.05)}")]
        return [_run(f"train.lr={_g(train['lr'] * 0.4)}"), _run(f"train.temperature={_g(train['temperature'] / 2)}")]
    if _overfits(seen, facts):
        return _less_overfitting(params, static)
    if score["best"] < guards.target or (not guards.target and _unfinished(facts)):
        return [_run(f"train.epochs={-(-train['epochs'] * 3 // 2)}")]
    return ["dvc repro", "haechi compare HEAD workspace"]


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
    found = [_run("guards.action.overfitting=rollback")]
    if lora["rank"]:
        found.append(_run(f"lora.dropout={_g(min(0.5, lora['dropout'] + 0.1))}"))
    elif static:
        found.append(_run(f"train.token_dropout={_g(min(0.5, train['token_dropout'] + 0.1))}"))
    else:
        found.append(_run(f"train.weight_decay={_g(max(0.01, train['weight_decay'] * 2))}"))
    if train["question_share"] < 1.0:
        found.append(_run(f"train.question_share={_g(min(1.0, train['question_share'] + 0.2))}"))
    if train["epochs"] > 1:
        found.append(_run(f"train.epochs={(train['epochs'] + 1) // 2}"))
    return found


def _run(change: str) -> str:
    return f"dvc exp run -S {change}"


def _g(value: float) -> str:
    return f"{value:.3g}"


def _short(value: float | None) -> float:
    return round(float(value or 0.0), 6)
