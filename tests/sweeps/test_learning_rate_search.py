"""The search for a rate: what it proposes, what it concludes, and how often it is wrong."""

import importlib.util
import itertools
import math
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from proofs.project import ROOT

from haechi.runtime.errors import UsageError
from haechi.sweeps.learning_rate.search import NEAR, Curve, Measured, Search, bracket, left, missing, spaced, stand_in
from haechi.sweeps.learning_rate.verdict import judge
from haechi.sweeps.results.indistinguishable import noise, standings


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lr_sweep_benchmark", ROOT / "benchmarks" / "lr_sweep.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("plan", ["halving", "classic"])
def test_pure_noise_has_a_winner_in_18_of_200_searches_at_most(simulation: ModuleType, plan: str) -> None:
    rng = np.random.default_rng(1)
    claims = sum(simulation.simulate(plan, 0.01, 0.0, rng)[0].status != "indistinguishable" for _ in range(200))
    assert claims <= 18


@pytest.mark.parametrize("plan", ["halving", "classic"])
def test_without_noise_the_optimum_is_found(simulation: ModuleType, plan: str) -> None:
    verdict, runs = simulation.simulate(plan, 0.0, 0.1, np.random.default_rng(2))
    assert verdict.status == "found"
    assert abs(math.log10(verdict.best / simulation.OPTIMUM)) < 0.05
    assert runs < 50


def test_a_clear_optimum_is_found_under_noise(simulation: ModuleType) -> None:
    rng = np.random.default_rng(3)
    found = [simulation.simulate("halving", 0.01, 0.1, rng)[0] for _ in range(60)]
    assert np.median([abs(math.log10(v.best / simulation.OPTIMUM)) for v in found]) < 0.1
    assert all(v.status != "indistinguishable" for v in found)


@given(st.sampled_from(["halving", "classic"]), st.integers(0, 2**32 - 1), st.integers(1, 25))
def test_a_search_that_is_cut_off_anywhere_goes_on_as_if_it_had_not_been(plan: str, seed: int, cut: int) -> None:
    """The plan is a function of what was measured, whatever order it came in; nothing is asked for twice."""

    def score(rate: float, number: int) -> float:
        return float(np.random.default_rng([seed, int(rate * 1e9), number]).normal(-abs(math.log10(rate / 3e-4)), 0.3))

    def course(most: int, scores: dict[float, dict[int, float]], reverse: bool) -> list[tuple[float, int]]:
        asked: list[tuple[float, int]] = []
        while wanted := missing(search, Measured(scores, Curve((), ()))):
            for run in reversed(wanted) if reverse else wanted:
                if len(asked) == most:
                    return asked
                assert run.seed not in scores.get(run.rate, {})
                scores.setdefault(run.rate, {})[run.seed] = score(run.rate, run.seed)
                asked.append((run.rate, run.seed))
        return asked

    search = Search(plan=plan)  # type: ignore[arg-type]
    whole: dict[float, dict[int, float]] = {}
    course(10_000, whole, reverse=False)
    parts: dict[float, dict[int, float]] = {}
    course(cut, parts, reverse=True)
    course(10_000, parts, reverse=False)
    assert parts == whole
    rates = sorted(whole)
    assert all(high / low > NEAR - 1e-6 for low, high in itertools.pairwise(rates))


@given(st.floats(1e-6, 1e-1), st.floats(0.5, 2.0))
def test_a_rate_within_ten_percent_counts_as_tested(rate: float, factor: float) -> None:
    near = max(factor, 1 / factor) <= NEAR
    assert (stand_in(rate * factor, [rate]) == rate) == near or abs(max(factor, 1 / factor) - NEAR) < 1e-6


@given(
    st.sampled_from(["halving", "classic"]),
    st.lists(st.floats(1e-5, 1e-2), min_size=1, max_size=6),
    st.integers(0, 2**32 - 1),
)
def test_nothing_is_asked_for_within_ten_percent_of_what_an_earlier_search_tested(
    plan: str, earlier: list[float], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    search = Search(plan=plan)  # type: ignore[arg-type]
    scores: dict[float, dict[int, float]] = {rate: {search.seed: rng.normal()} for rate in earlier}
    while wanted := missing(search, Measured(scores, Curve((), ()))):
        for run in wanted:
            assert run.rate in earlier or all(max(run.rate / old, old / run.rate) > NEAR for old in earlier)
            scores.setdefault(run.rate, {})[run.seed] = rng.normal()


def test_the_classic_plan_begins_with_five_rates_and_narrows_around_the_best_of_all() -> None:
    scores: dict[float, dict[int, float]] = {}
    search, stages = Search(plan="classic", seeds=2), {}
    while wanted := missing(search, Measured(scores)):
        for run in wanted:
            scores.setdefault(run.rate, {})[run.seed] = -((math.log10(run.rate) + 3.3) ** 2)
            stages.setdefault(run.stage, set()).add(run.rate)
    assert (
        sorted(r for r in scores if r in spaced(1e-5, 1e-2, 5))
        == spaced(1e-5, 1e-2, 5)
        == [1e-5, 5.62e-5, 3.16e-4, 1.78e-3, 1e-2]
    )
    assert all(5.62e-5 < rate < 1.78e-3 for rate in scores if rate not in spaced(1e-5, 1e-2, 5))
    assert abs(math.log10(judge(scores).best) + 3.3) < 0.05


SEARCHES = st.builds(
    Search,
    low=st.sampled_from([1e-5, 1e-4]),
    high=st.sampled_from([3e-4, 1e-2]),
    plan=st.sampled_from(["halving", "classic"]),
    rates=st.integers(4, 8),
    seeds=st.integers(2, 4),
    present=st.floats(1e-5, 1e-2),
)


def searched(search: Search, optimum: float, spread: float = 0.0, seed: int = 0) -> dict[float, dict[int, float]]:
    """All scores of a search on a curve with its top at the optimum; the range test shows nothing."""
    scores: dict[float, dict[int, float]] = {}
    rng = np.random.default_rng(seed)
    while wanted := missing(search, Measured(scores, Curve((), ()))):
        for run in wanted:
            score = 0.5 - 0.1 * math.log10(run.rate / optimum) ** 2 + rng.normal(0, spread)
            scores.setdefault(run.rate, {})[run.seed] = score
        assert len(scores) < 60
    return scores


@pytest.mark.slow
@given(SEARCHES, st.floats(-7.0, 0.0))
def test_a_search_goes_on_past_an_edge_of_its_range_while_scores_rise(search: Search, optimum: float) -> None:
    """Unless the optimum is further off than a search goes, it ends between two rates that are worse."""
    scores = searched(search, 10**optimum)
    verdict, ends = judge(scores), (min(scores), max(scores))
    reachable = min(search.low, search.present) / 20 < 10**optimum < max(search.high, search.present) * 20
    if reachable:
        assert ends[0] < verdict.best < ends[1]
        assert abs(math.log10(verdict.best) - optimum) < 0.5
    else:
        assert verdict.best not in ends or verdict.status == "edge"


@pytest.mark.slow
@given(SEARCHES, st.floats(-7.0, 0.0), st.integers(0, 2**32 - 1))
def test_the_present_rate_is_tried_with_all_seeds_and_an_edge_is_never_called_an_optimum(
    search: Search, optimum: float, seed: int
) -> None:
    scores = searched(search, 10**optimum, 0.02, seed)
    verdict = judge(scores)
    assert len(scores[search.present]) == search.seeds
    if verdict.best in (min(scores), max(scores)):
        assert verdict.status in ("edge", "indistinguishable")
        assert "better than every other" not in verdict.rule


def test_a_curve_that_still_rises_at_the_default_edge_is_followed() -> None:
    """As on the bundled sample, where the search used to end with 1e-2, its upper end."""
    scores = searched(Search(present=6e-3), 3e-2)
    verdict = judge(scores)
    assert max(scores) > 3e-2
    assert verdict.best == pytest.approx(3e-2, rel=0.15)
    assert verdict.status == "found"
    assert len(scores[6e-3]) == 5


@given(SEARCHES, st.floats(-4.5, -2.5))
def test_the_number_of_trainings_is_told_before_the_first(search: Search, optimum: float) -> None:
    """Exactly where nothing surprises: what is told at each moment is no less than what has been run."""
    scores: dict[float, dict[int, float]] = {}
    curve, done = None, 0
    while wanted := missing(search, Measured(scores, curve)):
        assert left(search, Measured(scores, curve)) >= len(wanted)
        done += len(wanted)
        for run in wanted:
            if run.rate:
                scores.setdefault(run.rate, {})[run.seed] = -(math.log10(run.rate / 10**optimum) ** 2)
            else:
                curve = Curve((), ())
    assert left(search, Measured(scores, curve)) == 0
    assert done / 3 < left(search, Measured({}))


def test_the_range_test_brackets_where_the_loss_falls_and_keeps_everything_where_it_does_not() -> None:
    rates = np.geomspace(1e-5, 1e-1, 80)
    x = np.log10(rates)
    falling = 5 - 3 / (1 + np.exp(-6 * (x + 3))) + 8 / (1 + np.exp(-12 * (x + 1.5)))
    low, high = bracket(Curve(tuple(rates), tuple(falling)), 1e-5, 1e-1)
    assert 1e-5 < low < 1e-3 < high < 1e-1
    wiggling = 5 + np.random.default_rng(4).normal(0, 0.1, 80)
    assert bracket(Curve(tuple(rates), tuple(wiggling)), 1e-5, 1e-1) == (1e-5, 1e-1)
    broken = [*falling[:60], *[float("nan")] * 20]
    assert bracket(Curve(tuple(rates), tuple(broken)), 1e-5, 1e-1)[1] <= rates[60]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"low": 1e-2, "high": 1e-5}, "empty"),
        ({"low": 1e-3, "high": 1e-3}, "empty"),
        ({"low": 0.0}, "above 0"),
        ({"rates": 2}, "--rates 2"),
        ({"seeds": 1}, "no measure of noise"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(changed: dict[str, float], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Search(**changed).check()  # type: ignore[arg-type]


# Ties


def test_noise_is_what_settings_and_seeds_do_not_explain() -> None:
    """Against the textbook's two-way table without interaction."""
    rng = np.random.default_rng(5)
    table = rng.normal(size=(4, 6)) + 10 * rng.normal(size=(4, 1)) + 10 * rng.normal(size=(1, 6))
    runs = {i: {j: float(table[i, j]) for j in range(6)} for i in range(4)}
    rest = table - table.mean(1, keepdims=True) - table.mean(0, keepdims=True) + table.mean()
    found = noise(runs)
    assert found.degrees == 15
    assert found.spread == pytest.approx(math.sqrt((rest**2).sum() / 15))


def test_the_reach_is_tukeys() -> None:
    """Against scipy's own test on independent groups, whose noise has other degrees of freedom."""
    from scipy.stats import studentized_range

    runs = {
        name: {seed: level + 0.01 * ((seed * 7 + ord(name)) % 5) for seed in range(5)}
        for name, level in zip("abc", (0.5, 0.51, 0.6), strict=True)
    }
    found = noise(runs)
    best, *others = standings(runs)
    assert best.name == "c"
    for one in others:
        assert one.reach == pytest.approx(studentized_range.ppf(0.95, 3, found.degrees) * found.spread / math.sqrt(5))


@given(st.dictionaries(st.sampled_from("abcdef"), st.dictionaries(st.integers(0, 4), st.floats(-1, 1), min_size=1), min_size=1))
def test_the_best_is_always_tied_with_itself_and_levels_do_not_matter(runs: dict[str, dict[int, float]]) -> None:
    """Adding a constant to every run of a seed changes nothing between settings that share their seeds."""
    ranked = standings(runs)
    assert ranked[0].tied
    assert {s.name for s in ranked} == set(runs)
    if len({tuple(sorted(scores)) for scores in runs.values()}) == 1:
        moved = {name: {seed: v + 0.5 * seed for seed, v in scores.items()} for name, scores in runs.items()}
        again = {s.name: s.behind for s in standings(moved)}
        assert all(again[s.name] == pytest.approx(s.behind, abs=1e-9) for s in ranked if s.name in again) or ranked[0].behind == 0


def test_without_a_repeated_seed_nothing_is_distinguished() -> None:
    assert all(s.tied for s in standings({"a": {1: 0.1}, "b": {1: 0.9}}))


def test_one_lucky_run_does_not_lead_those_that_were_repeated() -> None:
    runs = {"steady": {1: 0.50, 2: 0.51, 3: 0.50}, "worse": {1: 0.40, 2: 0.42, 3: 0.41}, "lucky": {1: 0.52}}
    assert standings(runs)[0].name == "steady"


def test_nothing_is_chosen_where_no_rate_can_be_distinguished() -> None:
    verdict = judge({1e-4: {1: 0.50, 2: 0.53}, 1e-3: {1: 0.52, 2: 0.50}})
    assert (verdict.status, verdict.chosen) == ("indistinguishable", None)
