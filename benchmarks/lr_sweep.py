"""The search for a learning rate on made-up objectives with a known optimum: how far off, and how often undecided.

    python benchmarks/lr_sweep.py [--runs 200]

The score falls with the square of the distance from the optimum, in decades; every run adds noise, and what a seed does to all
rates alike (`shared`) is added too, since runs with one seed share their batches.
"""

import argparse
import math
from collections.abc import Callable

import numpy as np

from haechi.sweeps.learning_rate.search import Curve, Measured, Plan, Search, missing
from haechi.sweeps.learning_rate.verdict import Verdict, judge

OPTIMUM = 2e-4
CURVATURE = 0.1  # a decade off costs so much


def simulate(plan: Plan, noise: float, curvature: float, rng: np.random.Generator) -> tuple[Verdict, int]:
    """One search on one made-up objective; gives what it found and how many trainings it took."""
    search = Search(plan=plan)
    scores: dict[float, dict[int, float]] = {}
    shared = rng.normal(0, noise, 100)
    curve, runs = None, 0
    while wanted := missing(search, Measured(scores, curve)):
        for run in wanted:
            runs += 1
            if run.rate == 0.0:
                curve = range_test(rng, curvature)
                continue
            score = 0.7 - curvature * math.log10(run.rate / OPTIMUM) ** 2 + rng.normal(0, noise) + shared[run.seed]
            scores.setdefault(run.rate, {})[run.seed] = score
    return judge(scores), runs


def range_test(rng: np.random.Generator, curvature: float) -> Curve:
    """A loss that falls from a tenth of the optimum on and climbs above ten times it; flat where no rate matters."""
    rates = np.geomspace(1e-5, 1e-2, 60)
    x = np.log10(rates / OPTIMUM)
    losses = 4 + rng.normal(0, 0.05, 60)
    if curvature:
        losses += -2 / (1 + np.exp(-4 * x)) + 3 / (1 + np.exp(-8 * (x - 1.3)))
    return Curve(tuple(map(float, rates)), tuple(map(float, losses)))


def table(row: Callable[..., None], runs: int) -> None:
    """The rows of the table in docs/benchmarks.md."""
    for plan in ("halving", "classic"):
        for curvature, noise in ((0.0, 0.01), *((CURVATURE, level) for level in (0.0, 0.005, 0.01, 0.02, 0.05, 0.1))):
            rng = np.random.default_rng(7)
            found = [simulate(plan, noise, curvature, rng) for _ in range(runs)]
            errors = [abs(math.log10(verdict.best / OPTIMUM)) for verdict, _ in found]
            states = [verdict.status for verdict, _ in found]
            holds = sum(min(v.tied) / 1.5 <= OPTIMUM <= max(v.tied) * 1.5 for v, _ in found)
            trainings = sum(count for _, count in found) / runs
            errors = errors if curvature else [math.nan]
            row(
                plan,
                "none" if not curvature else f"{noise:g}",
                f"{np.median(errors):.2f}",
                f"{np.quantile(errors, 0.9):.2f}",
                states.count("indistinguishable"),
                states.count("tied"),
                states.count("found"),
                holds if curvature else "-",
                f"{trainings:.1f}",
            )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    runs = parser.parse_args().runs
    print(f"| plan | noise | error, median | 90% | indistinguishable of {runs} | tied | found | optimum within | trainings |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    table(lambda *cells: print("|", " | ".join(map(str, cells)), "|", flush=True), runs)


if __name__ == "__main__":
    main()
