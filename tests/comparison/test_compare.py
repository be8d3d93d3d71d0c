"""Two revisions, the same queries: who is better, where, and when the question is refused."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from comparison import revised
from hypothesis import given
from hypothesis import strategies as st

from haechi.cli.compare import show_comparison
from haechi.comparison.compare import Comparison, Incomparable, compare
from haechi.comparison.compare_text import markdown, parts, verdict
from haechi.comparison.revisions import METRICS, load_revisions
from haechi.comparison.seed_noise import seed_noise
from haechi.comparison.test_reads import LEDGER, models_read, record
from haechi.runtime.errors import HaechiError, UsageError
from haechi.scoring.metrics import evaluate_run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """v1 is poor, v2 is good, v3 is v2 with other luck; the workspace is v3."""
    root = revised.repository(tmp_path / "project")
    for tag, good, seed in (("v1", 0.3, 1), ("v2", 0.8, 2), ("v3", 0.8, 3)):
        revised.put(root, good, seed)
        revised.commit(root, tag)
    return root


def compared(root: Path, *names: str) -> Comparison:
    return compare(load_revisions(root, names), "tuned")


def test_a_better_model_is_called_better_and_the_other_way_round_worse(project: Path) -> None:
    there, back = compared(project, "v1", "v2").others[0], compared(project, "v2", "v1").others[0]

    assert (there.judgement, back.judgement) == ("better", "worse")
    assert there.headline.gap.value == pytest.approx(-back.headline.gap.value)
    assert (there.headline.gap.wins, there.headline.gap.losses) == (back.headline.gap.losses, back.headline.gap.wins)


def test_a_commit_from_when_all_figures_stood_in_git_is_compared_as_before(project: Path) -> None:
    now = compared(project, "v1", "workspace")
    told = json.loads((project / METRICS).read_text(encoding="utf-8"))
    told["primary"] = {"tuned": {f"{name}@{k}": 0.5 for k in (1, 20) for name in ("ndcg", "recall")}}
    (project / METRICS).write_text(json.dumps(told), encoding="utf-8")

    assert compared(project, "v1", "workspace") == now


def test_equal_models_are_not_told_apart_and_the_price_of_an_answer_is_named(project: Path) -> None:
    found = compared(project, "v2", "v3")
    sentence = verdict(found, found.others[0])

    assert found.others[0].judgement == "can't tell"
    assert sentence.startswith("Can't tell whether v3")
    assert f"about {found.others[0].headline.gap.needed}." in sentence


def test_a_revision_that_ranks_alike_is_no_difference_rather_than_one_too_small_to_see(project: Path) -> None:
    found = compared(project, "v3", "workspace")

    assert verdict(found, found.others[0]) == "No difference: workspace and v3 have the same ndcg@10 on each of 60 queries."


def test_the_figures_are_those_of_the_runs(project: Path) -> None:
    found = compared(project, "v1", "v2").others[0]
    gold = {q.query_id: q.gold for q in revised.QUERIES}

    for moved in found.metrics:
        for value, run in ((moved.before, revised.run(0.3, 1)), (moved.after, revised.run(0.8, 2))):
            rows = evaluate_run(run, gold, (1, 10)).values()
            assert value == pytest.approx(math.fsum(row[moved.name] for row in rows) / len(gold), abs=1e-9)


def test_the_queries_that_gained_most_gained(project: Path) -> None:
    found = compared(project, "v1", "v2").others[0]

    assert len(found.gained) == 10
    assert all(change.after > change.before for change in found.gained)
    assert all(change.after < change.before for change in found.lost)
    assert found.gained[0].text == next(q.query_text for q in revised.QUERIES if q.query_id == found.gained[0].query_id)
    assert found.gained[0].top[1][0] in found.gained[0].gold


def test_one_revision_is_set_against_the_workspace(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    revised.put(project, 0.1, 9)
    show_comparison(project, ["v2"], "tuned", "ndcg@10", [], "json")
    told = json.loads(capsys.readouterr().out)

    assert (told["baseline"], told["others"][0]["name"]) == ("v2", "workspace")
    assert told["others"][0]["judgement"] == "worse"


def test_several_revisions_share_one_family(project: Path) -> None:
    alone, family = compared(project, "v1", "v2").others[0], compared(project, "v1", "v2", "v3").others

    assert [other.name for other in family] == ["v2", "v3"]
    assert family[0].headline.p_holm == pytest.approx(2 * alone.headline.p_holm)


@pytest.mark.parametrize("changed", [{"testset": "t2"}, {"evaluator": 99}])
def test_other_test_sets_or_evaluators_are_refused_with_exit_code_two(project: Path, changed: dict[str, object]) -> None:
    revised.put(project, 0.8, 2, **changed)
    revised.commit(project, "other")

    with pytest.raises(Incomparable, match="haechi reeval v1 other") as caught:
        show_comparison(project, ["v1", "other"], "tuned", "ndcg@10", [], "text")
    assert caught.value.exit_code == 2


def told(root: Path, capsys: pytest.CaptureFixture[str], *names: str, everything: bool = False) -> list[str]:
    show_comparison(root, names, "tuned", "ndcg@10", [], "text", everything)
    return capsys.readouterr().out.splitlines()


def test_the_verdict_comes_first_and_all_fits_a_screen(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(project, capsys, "v1", "v2")

    assert lines[0].startswith("v2 is better than v1: ")
    assert len(lines) <= 40
    shown = [c for c in compared(project, "v1", "v2").others[0].gained if any(f" {c.query_id} " in line for line in lines)]
    assert len(shown) == 3
    assert lines[-1].startswith("--all shows")


def test_of_several_revisions_every_verdict_comes_first(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(project, capsys, "v1", "v2", "v3")

    assert [line.split(" than")[0] for line in lines[:2]] == ["v2 is better", "v3 is better"]
    assert len(lines) <= 40


def test_all_shows_every_query_that_moved_with_what_was_found(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(project, capsys, "v1", "v2", everything=True)
    found = compared(project, "v1", "v2").others[0]

    assert lines[0].startswith("v2 is better than v1: ")
    assert [c.query_id for c in found.gained if not any(line.startswith(f"{c.query_id}: gold") for line in lines)] == []
    assert len(lines) > 60


def test_figures_come_from_the_results_of_each_query_alone(project: Path) -> None:
    """metrics/evaluate.json says what was scored on what; how well is in metrics/per_query.json."""
    before = compared(project, "v1", "workspace").others[0].headline
    file = project / "metrics/evaluate.json"
    file.write_text(json.dumps({k: json.loads(file.read_text())[k] for k in ("testset", "evaluator", "encoder")}))

    assert compared(project, "v1", "workspace").others[0].headline == before


def haechi(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    code = "from haechi.cli.main import entry; entry()"
    path = str(Path(__file__).resolve().parents[2] / "src")
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(
        [sys.executable, "-c", code, *words], cwd=root, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_the_command_ends_as_ci_needs_it(project: Path) -> None:
    good = haechi(project, "compare", "v1", "v2", "--max-drop", "ndcg@10=0.01")
    bad = haechi(project, "compare", "v2", "v1", "--max-drop", "ndcg@10=0.01", "--md")
    wrong = haechi(project, "compare", "v1", "v2", "--max-drop", "ndcg@10")

    assert (good.returncode, bad.returncode, wrong.returncode) == (0, 1, 2)
    assert "v2 is better than v1" in good.stdout
    assert "| ndcg@10 |" in bad.stdout
    assert "v1: ndcg@10 fell by" in bad.stderr
    assert wrong.stderr.startswith("error: --max-drop ndcg@10: expected METRIC=NUMBER")


def test_a_drop_within_the_limit_passes(project: Path) -> None:
    show_comparison(project, ["v2", "v1"], "tuned", "ndcg@10", ["ndcg@10=0.9"], "md")


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["v1", "nowhere"], "nowhere: neither a git revision nor an experiment"),
        (["workspace"], "name a revision"),
        (["v1", "empty"], "empty: has no metrics/evaluate.json"),
        (["v1", "old"], "old: its results are in another form"),
    ],
)
def test_what_can_not_be_read_is_one_sentence(project: Path, names: list[str], sentence: str) -> None:
    (project / "metrics/per_query.json").write_text('[{"query_id":"q1","scores":{}}]\n', encoding="utf-8")
    revised.commit(project, "old")
    revised.git(project, "rm", "-rq", "metrics")
    revised.commit(project, "empty")

    with pytest.raises(HaechiError, match=sentence):
        show_comparison(project, names, "tuned", "ndcg@10", [], "text")


@pytest.mark.parametrize(("system", "metric"), [("nobody", "ndcg@10"), ("tuned", "ndcg@7")])
def test_an_unknown_system_or_metric_names_those_that_are_there(project: Path, system: str, metric: str) -> None:
    with pytest.raises(UsageError, match=r"bm25|ndcg@10"):
        compare(load_revisions(project, ["v1", "v2"]), system, metric)


def test_an_experiment_is_found_by_its_name(project: Path) -> None:
    head = revised.git(project, "rev-parse", "v1")
    revised.git(project, "update-ref", f"refs/exps/{head[:2]}/{head[2:]}/quick-fox", revised.git(project, "rev-parse", "v2"))

    assert compared(project, "v1", "quick-fox").others[0].judgement == "better"


def test_results_of_another_model_are_not_believed(project: Path) -> None:
    """A trial that stopped at select carries the figures of the commit that it began from."""
    revised.lock(project, made="m2", scored="m1")
    revised.commit(project, "stopped")

    with pytest.raises(HaechiError, match="stopped: its results belong to another model"):
        load_revisions(project, ["stopped"])


def test_results_that_dvc_did_not_record_are_not_believed(project: Path) -> None:
    revised.lock(project)
    file = project / "metrics/per_query.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"tuned":[2]', '"tuned":[1]', 1), encoding="utf-8")
    revised.commit(project, "polished")

    with pytest.raises(HaechiError, match=r"polished: metrics/per_query.json is not the file"):
        load_revisions(project, ["polished"])


def test_the_workspace_is_not_believed_when_another_model_lies_there(project: Path) -> None:
    (project / "models/encoder").mkdir(parents=True)
    (project / "models/encoder/config.json").write_text("{}", encoding="utf-8")

    with pytest.raises(HaechiError, match="run `dvc repro` first"):
        load_revisions(project, ["v1", "workspace"])


# The ledger


def test_looking_twice_changes_nothing_and_the_order_of_looking_neither(project: Path) -> None:
    one, two = load_revisions(project, ["v1", "v2"])
    record(project, [one, two])
    first = (project / LEDGER).read_bytes()
    record(project, [two])
    record(project, [one, two])
    assert (project / LEDGER).read_bytes() == first

    (project / LEDGER).unlink()
    record(project, [two])
    record(project, [one])
    assert (project / LEDGER).read_bytes() == first


def test_the_ledger_is_sorted_whoever_looked_first(project: Path) -> None:
    for name in ("v3", "v1", "v2"):
        record(project, load_revisions(project, [name]))
    lines = (project / LEDGER).read_text(encoding="utf-8").splitlines()

    assert len(lines) == 3
    assert lines == sorted(lines)


def test_models_that_git_has_kept_count_as_read(project: Path) -> None:
    assert models_read(project, "t1") == {"model-0.3-1", "model-0.8-2", "model-0.8-3"}
    assert models_read(project, "t2") == set()

    revised.put(project, 0.5, 5)
    record(project, load_revisions(project, ["workspace"]))
    assert "model-0.5-5" in models_read(project, "t1")


# Seeds


def test_revisions_that_differ_in_the_seed_alone_are_one_training(project: Path) -> None:
    for seed, good in ((7, 0.7), (8, 0.8), (9, 0.75)):
        revised.put(project, good, seed)
        revised.lock(project, seed=seed)
        revised.commit(project, f"s{seed}")
    revised.put(project, 0.74, 10)
    revised.lock(project, seed=7, rate=0.2)
    revised.commit(project, "rate")
    found = compared(project, "s7", "s8", "s9", "rate")

    assert found.seeds is not None
    assert [group.names for group in found.seeds.groups] == [("s7", "s8", "s9"), ("rate",)]
    assert found.seeds.groups[1].within_noise
    assert "SMALLER THAN SEED NOISE" in markdown(parts(found, "", {}))


def test_the_noise_of_seeds_by_hand() -> None:
    """.4 .5 .6 and .9: spread .1 with 2 degrees; t = 4.302653; noise 4.302653 x .1 x sqrt(1/3 + 1)."""
    found = seed_noise([("a", "x", 1, 0.4), ("b", "x", 2, 0.5), ("c", "x", 3, 0.6), ("d", "y", 1, 0.9)])

    assert found is not None
    assert (found.spread, found.degrees) == (pytest.approx(0.1), 2)
    assert found.groups[1].noise == pytest.approx(4.302653 * 0.1 * math.sqrt(4 / 3), abs=1e-6)
    assert found.groups[1].against == pytest.approx(0.4)
    assert found.groups[1].within_noise


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.integers(1, 9), st.floats(0, 1)), min_size=1, max_size=8))
def test_without_a_repeated_training_there_is_no_spread(runs: list[tuple[str, int, float]]) -> None:
    single = {training: (seed, value) for training, seed, value in runs}

    assert seed_noise([(t, t, seed, value) for t, (seed, value) in single.items()]) is None
    assert seed_noise([("a", "x", 1, 0.5), ("again", "x", 1, 0.5)]) is None, "the same seed twice is one run"
