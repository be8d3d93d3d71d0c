"""What is said of a run at its end, and that what it says to try next can be run."""

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
from guards.curves import FALLING, RISING, curve, skipped
from hypothesis import given
from hypothesis import strategies as st
from proofs.project import ROOT
from ruamel.yaml import YAML

from haechi.guards.params import GuardsParams, RuleName
from haechi.guards.status import TrainingStatus, reporting, state_of, status_of, write_status
from haechi.guards.verdict import BACK, FAR_BELOW, USUAL_RATE, Module, Seen, Verdict, judge
from haechi.report.decision import RULES
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_json
from haechi.runtime.locks import writing
from haechi.runtime.params import load_section
from haechi.runtime.sections import section_class
from haechi.text.bilingual import same

PARAMS = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
GUARDS = load_section(ROOT / "params.yaml", "guards", GuardsParams)
HEALTHY = [Module("a", 10, 10, True, True), Module("pooler", 5, 5, False, False, idle=True)]
FALLS = curve(FALLING, ndcg=[0.2, 0.5, 0.6, 0.58, 0.55, 0.5, 0.45, 0.44, 0.43, 0.42])


def seen(history: Any, state: Any = "finished", reason: str = "", rule: str = "", **more: Any) -> Seen:
    noted = {rule: same(said) for rule, said in more.pop("noted", {}).items()}
    return Seen(state, same(reason), rule, history, more.pop("modules", HEALTHY), noted)


def judged(found: Seen, target: float = 0.0, floor: float = 0.0, static: bool = False, **train: Any) -> Verdict:
    from dataclasses import replace

    sections = {**PARAMS, "train": {**PARAMS["train"], "lr": 3e-3, "epochs": 4, **train}}
    return judge(found, replace(GUARDS, target=target, floor=floor), sections, static=static)


EARLY = curve([4.0, 1.0, *[0.5] * 8], ndcg=[0.2, 0.5, 0.56, *[0.55] * 7])
GOOD = curve(FALLING, ndcg=RISING)
CASES: dict[str, tuple[Verdict, str, str, str]] = {
    # name: (verdict, word, part of a reason, part of the first advice)
    "all is well and converged": (judged(seen(curve([4.0, 1.0, *[0.5] * 8], ndcg=RISING))), "good", "validation rose", "haechi compare"),
    "still on its way": (judged(seen(GOOD)), "good", "validation rose", "train.epochs=6"),
    "the target is met": (judged(seen(GOOD), target=0.5), "good", "validation rose", "haechi compare"),
    "between floor and target": (judged(seen(GOOD), target=0.9, floor=0.5), "good", "validation rose", "train.epochs=6"),
    "below the floor": (judged(seen(GOOD), target=0.95, floor=0.9, lr=5e-5), "good", "validation rose", "train.lr=2e-05"),
    "overfits": (judged(seen(FALLS)), "suspicious", "peaked at step 20", "guards.action.overfitting=rollback"),
    "the base stays better": (judged(seen(curve(FALLING, ndcg=[0.5, 0.4, 0.3]))), "failed", "never beat the base", "train.lr="),
    "the loss does not fall": (judged(seen(curve([1.0] * 8, ndcg=RISING))), "failed", "did not fall", "train.lr=0.0012"),
    "the loss does not fall at a rate far too low": (
        judged(seen(curve([1.0] * 8, ndcg=RISING)), static=True, lr=5e-5), "failed", "did not fall", "train.lr=0.006"
    ),
    "nor does a transformer's": (
        judged(seen(curve([1.0] * 8, ndcg=RISING)), lr=1e-6), "failed", "did not fall", "train.lr=2e-05"
    ),
    "nothing is learned at a rate far too low": (
        judged(seen(curve(FALLING, ndcg=[0.5, 0.5, 0.5])), static=True, lr=1e-5), "failed", "never beat", "train.lr=0.006"
    ),
    "frozen, moved, and else well": (
        judged(seen(curve([4.0, 1.0, *[0.5] * 8], ndcg=RISING), modules=[*HEALTHY, Module("b", 4, 0, False, True)])),
        "failed", "all the same: b", "haechi doctor",
    ),
    "broken off": (judged(seen(GOOD, "stopped", "3 steps skipped", "non_finite")), "failed", "3 steps", "train.lr=0.0003"),
    "stopped early": (judged(seen(GOOD, "stopped", "no better", "early_stopping")), "good", "validation rose", "train.epochs"),
    "degraded": (judged(seen(GOOD, "stopped", "fell 4 times", "degradation")), "suspicious", "fell 4 times", "guards.action"),
    "noted": (judged(seen(GOOD, noted={"overfitting": "it turned"})), "suspicious", "it turned", "guards.action"),
    "a step was skipped": (judged(seen(skipped(GOOD, 11))), "suspicious", "not finite: 1", "train.epochs"),
    "a module stood still": (
        judged(seen(GOOD, modules=[*HEALTHY, Module("b", 4, 4, True, False)])), "suspicious", "never moved: b", "train.epochs"
    ),
    "a module had no gradient": (
        judged(seen(GOOD, modules=[*HEALTHY, Module("b", 4, 4, False, False)])), "suspicious", "given a gradient: b", "train.epochs"
    ),
    "frozen and moved": (
        judged(seen(GOOD, modules=[*HEALTHY, Module("b", 4, 0, False, True)])), "failed", "all the same: b", "train.epochs"
    ),
    "the best came early": (judged(seen(EARLY), epochs=12), "good", "epochs after step 20 gave nothing better", "-n epochs-3 -S train.epochs=3"),
    "the best came early, but the run was stopped": (
        judged(seen(EARLY, "stopped", "no better", "early_stopping"), epochs=12), "good", "validation rose", "haechi compare"
    ),
    "the best came early, of two epochs": (judged(seen(EARLY), epochs=2), "good", "nothing better", "train.epochs=1"),
    "the best came early, of one epoch": (judged(seen(EARLY), epochs=1), "good", "validation rose", "haechi compare"),
    "a control": (judged(seen(GOOD), shuffle_labels=True), "good", "so this is a control", "-S train.shuffle_labels=false"),
    "a control that overfits": (judged(seen(FALLS), shuffle_labels=True), "suspicious", "so this is a control", "-S train.shuffle_labels=false"),
    "nothing moved": (judged(seen(GOOD, modules=[Module("b", 4, 4, True, False)])), "failed", "no module moved", "train.epochs"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_case_has_its_verdict_its_reason_and_its_advice(name: str) -> None:
    verdict, word, reason, advice = CASES[name]

    assert verdict.verdict == word
    assert any(reason in said.en for said in verdict.reasons)
    assert advice in verdict.next[0]


@pytest.mark.parametrize("score", [0.0, 0.1, 0.19, 0.2, 0.3, 0.5, 0.559, 0.56, 0.6])
def test_no_score_falls_between_the_cases(score: float) -> None:
    """An earlier plan had nothing to say between 87 and 88."""
    assert judged(seen(curve(FALLING, ndcg=[0.1, score])), target=0.56, floor=0.2).next


LEVELS = st.sampled_from([0.1, 0.48, 0.5, 1.0, float("nan")])
"""Few values, so that curves which stay, turn and lose a little come up often."""


@given(
    st.lists(LEVELS, max_size=6),
    st.lists(LEVELS, max_size=6),
    st.sampled_from(["", *get_args(RuleName)]),
    st.lists(st.builds(Module, st.just("a"), st.just(9), st.sampled_from([0, 9]), st.booleans(), st.booleans()), max_size=3),
    st.floats(1e-7, 1e-1),
    st.booleans(),
)
def test_a_training_that_failed_is_never_advised_to_be_adopted(
    losses: list[float], scores: list[float], rule: str, modules: list[Module], lr: float, static: bool
) -> None:
    state = "stopped" if rule else "finished"
    found = judged(seen(curve(losses, ndcg=scores), state, "why", rule, modules=modules), static=static, lr=lr)

    assert found.next
    assert all((reason.en and re.search("[가-힣]", reason.ko)) or reason == same("why") for reason in found.reasons)
    if found.verdict == "failed":
        assert not [command for command in found.next if command.startswith(("dvc repro", "haechi compare"))]


@given(st.floats(1e-8, 1e-1), st.booleans())
def test_a_rate_far_below_the_usual_one_is_raised_and_no_other_is_where_the_loss_did_not_fall(lr: float, static: bool) -> None:
    found = judged(seen(curve([1.0] * 8, ndcg=RISING)), static=static, lr=lr)
    advised = float(found.next[0].partition("train.lr=")[2])

    assert (advised > lr) is (lr * FAR_BELOW < USUAL_RATE[static])


def test_the_usual_rates_are_those_that_params_and_readme_have() -> None:
    assert PARAMS["train"]["lr"] == USUAL_RATE[True]
    assert f"train.lr={USUAL_RATE[False]:.0e}".replace("e-0", "e-") in (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> set[str]:
    found = [verdict for verdict, *_ in CASES.values()]
    found += [judged(seen(FALLS), static=True), judged(seen(FALLS), question_share=1.0, epochs=1)]
    return {command for verdict in found for command in verdict.next}


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_advice_can_be_run(command: str, tmp_path: Path) -> None:
    """A parameter that is set is one that there is, with a value that its stage takes."""
    words = shlex.split(command)
    if words[:3] == ["dvc", "exp", "run"]:
        key, _, value = words[words.index("-S") + 1].partition("=")
        assert re.fullmatch(r"-n [\w.+-]+", " ".join(words[3:5])), "experiments can be told apart"
        section, *names = key.split(".")
        values = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        place = values[section]
        for name in names[:-1]:
            place = place[name]
        assert names[-1] in place
        place[names[-1]] = YAML(typ="safe").load(value)
        YAML(typ="safe").dump(values, tmp_path / "params.yaml")
        load_section(tmp_path / "params.yaml", section, section_class(section))
    else:
        help_of = subprocess.run([*words[:2], "--help"], capture_output=True, text=True, check=False)
        assert help_of.returncode == 0


def test_a_run_that_works_ends_as_it_says_and_until_then_runs(tmp_path: Path) -> None:
    file = tmp_path / "train.json"
    with reporting(file) as report:
        assert read_json(file)["state"] == "running"
        report(3, 9)
        assert read_json(file) == {"state": "running", "reason": "", "step": 3, "steps": 9}


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (HaechiError("out of memory"), "failed", "out of memory"),
        (ValueError("a bug\nand more"), "crashed", "ValueError: a bug"),
    ],
)
def test_an_error_is_written_down_and_goes_on_its_way(tmp_path: Path, error: BaseException, state: str, reason: str) -> None:
    file = tmp_path / "train.json"

    def fail() -> None:
        with reporting(file) as report:
            report(3, 9)
            raise error

    with pytest.raises(type(error)):
        fail()
    facts = read_json(file)
    assert (facts["state"], facts["reason"], facts["verdict"], facts["step"]) == (state, reason, "failed", 3)


def test_an_experiment_that_was_interrupted_or_killed_keeps_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_EXP_NAME", "lr-0.003")
    file = tmp_path / "train.json"
    with reporting(file):
        assert state_of(file, tmp_path / "run").next == ("dvc exp run -n lr-0.003",), "nobody holds its lock: it was killed"

    def interrupt() -> None:
        with reporting(file):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert read_json(file)["next"] == ["dvc exp run -n lr-0.003"]


def test_the_only_advice_on_a_control_is_the_way_back() -> None:
    assert {CASES[name][0].next for name in CASES if "control" in name} == {(BACK,)}
    assert any(BACK in rule.advice.en for rule in RULES if rule.advice), "the report gives the same"


def test_an_interrupted_run_has_no_verdict_and_says_how_it_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "train.json"

    def interrupt() -> None:
        with reporting(file, lambda: "goes on at step 2") as report:
            report(3, 9)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    facts = read_json(file)
    assert facts["state"] == "interrupted"
    assert facts["reason"] == "after step 3 of 9; the same run again goes on at step 2"
    assert facts["next"] == ["dvc repro"]
    assert "verdict" not in facts


@given(
    st.builds(
        TrainingStatus,
        state=st.sampled_from(("running", "interrupted", "finished", "stopped", "failed", "crashed")),
        reason=st.text(max_size=5),
        experiment=st.text("ab-", max_size=5),
        step=st.none() | st.integers(0, 9),
        steps=st.none() | st.integers(1, 9),
        score=st.none() | st.floats(0, 1),
        verdict=st.sampled_from((None, "good", "failed")),
        reasons=st.lists(st.text(min_size=1, max_size=5), max_size=2).map(tuple),
        next=st.lists(st.text(min_size=1, max_size=5), max_size=2).map(tuple),
        examples=st.dictionaries(st.sampled_from(("mined", "used")), st.integers(0, 9)),
        health=st.dictionaries(st.sampled_from(("loss", "score")), st.dictionaries(st.just("last"), st.floats(0, 1))),
    )
)
def test_a_status_comes_back_from_its_file(tmp_path: Path, status: TrainingStatus) -> None:
    write_status(tmp_path / "train.json", status)
    assert status_of(read_json(tmp_path / "train.json")) == status


def test_a_status_is_written_as_runs_have_always_left_it(tmp_path: Path) -> None:
    """What has not come to pass is no key; the score stands under its metric."""
    assert TrainingStatus("running", step=0, steps=9, score=0.25).as_json() == {
        "state": "running",
        "reason": "",
        "step": 0,
        "steps": 9,
        "ndcg@10": 0.25,
    }
    assert TrainingStatus("finished", verdict="good", next=("a",)).as_json() == {
        "state": "finished",
        "reason": "",
        "verdict": "good",
        "next": ("a",),
    }


def test_a_status_that_is_none_is_one_sentence() -> None:
    with pytest.raises(HaechiError, match="the status of a training can't be read: Expected `int"):
        status_of({"state": "running", "step": "three"})


KILLED = """
import os, signal, sys
from pathlib import Path
from haechi.guards.status import reporting
from haechi.runtime.locks import writing
with writing(Path("run")), reporting(Path("train.json")) as report:
    report(3, 9)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_whoever_is_killed_is_called_crashed_and_whoever_still_runs_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = os.environ | {"DVC_ROOT": str(tmp_path), "PYTHONPATH": str(ROOT / "src")}
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    file, run = tmp_path / "train.json", tmp_path / "run"

    status = state_of(file, run)
    assert status.state == "crashed"
    assert "killed after step 3 of 9" in status.reason
    assert status.next == ("dvc repro",)
    with writing(run):
        assert state_of(file, run).state == "running"
