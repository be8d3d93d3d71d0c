"""Do the tests and intervals keep their promises? Simulated evaluations of which the truth is known.

    python benchmarks/simulation.py [--runs 2000]

Two systems rank the same queries; a query's gold stands at a random rank, nDCG@10 of one gold article follows from it.
Queries of one decision share a part of their luck, and each system has a luck of its own with each decision.
A/A: both systems are alike. A/B: the second is better. Prints the table of docs/benchmarks.md.
"""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

import numpy as np

from haechi.scoring.significance import Resampler, holm

DRAWS = 10_000
FAMILY = 5


class World(NamedTuple):
    """How a test set looks: decisions, most queries a decision, and how alike the queries of one decision are."""

    name: str
    decisions: int
    most: int
    likeness: float


WORLDS = (
    World("218 queries, each by itself", 218, 1, 0.0),
    World("60 decisions of 1 to 6 queries", 60, 6, 0.6),
    World("218 queries of about 90 decisions", 90, 4, 0.6),
)


def draw(world: World, better: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Values of two systems, and the group of each query."""
    of = np.repeat(np.arange(world.decisions), rng.integers(1, world.most + 1, world.decisions))
    shared = rng.normal(0, 1, world.decisions)[of]
    values = []
    for gain in (0.0, better):
        own = world.likeness * rng.normal(0, 1, world.decisions)[of] + (1 - world.likeness) * rng.normal(0, 1, len(of))
        rank = np.exp(1.5 + shared - gain + own).astype(int) + 1
        values.append(np.where(rank <= 10, 1 / np.log2(rank + 1), 0.0))
    return values[0], values[1], [f"g{g}" for g in of]


def one(seed: int, world: World, better: float, truth: float, shift: float) -> tuple[float, ...]:
    """Rejected A/A, rejected without clusters, covered A/A, covered A/B, detectable, found at it, family rejected."""
    rng = np.random.default_rng([seed, world.decisions, world.most])
    first, second, groups = draw(world, 0.0, rng)
    sample = Resampler(groups, DRAWS, 0.95, seed)
    alone = Resampler([str(i) for i in range(len(groups))], 2000, 0.95, seed)
    others = [draw_like(groups, world, rng) for _ in range(FAMILY - 1)]
    columns = np.stack([second, second + shift, *others], axis=1)
    same, moved, *family = sample.differences(columns, np.repeat(first[:, None], columns.shape[1], axis=1))
    naive = alone.differences(second[:, None], first[:, None])[0]
    a, b, real = draw(world, better, rng)
    apart = Resampler(real, DRAWS, 0.95, seed).intervals((b - a)[:, None])[0]
    return (
        float(same.p <= 0.05),
        float(naive.p <= 0.05),
        float(same.low <= 0.0 <= same.high),
        float(apart.low <= truth <= apart.high),
        same.detectable,
        float(moved.p <= 0.05),
        float(min(holm([same.p, *(found.p for found in family)])) <= 0.05),
    )


def draw_like(groups: list[str], world: World, rng: np.random.Generator) -> np.ndarray:
    """One more system without merit on the same groups: it shares no luck with the queries, which makes it no better."""
    index = np.unique(groups, return_inverse=True)[1]
    likeness = world.likeness
    own = likeness * rng.normal(0, 1, index.max() + 1)[index] + (1 - likeness) * rng.normal(0, 1, len(groups))
    rank = np.exp(1.5 + rng.normal(0, 1, index.max() + 1)[index] + own).astype(int) + 1
    return np.where(rank <= 10, 1 / np.log2(rank + 1), 0.0)


def truth_of(world: World, better: float) -> float:
    """The mean difference over very many decisions."""
    first, second, _ = draw(world._replace(decisions=400_000), better, np.random.default_rng(1))
    return float((second - first).mean())


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    runs = parser.parse_args().runs
    started = time.perf_counter()
    print(f"{runs} runs a row, {DRAWS} draws a test; aims: 5 ± 1.5, 95 ± 1.5, 95 ± 1.5, near 80, at most 5 (+ 1.5)\n")
    heads = ("test set", "A/A rejected", "clusters ignored", "A/A covered", "A/B covered", "smallest", "power", "Holm")
    print(f"| {' | '.join(heads)} |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    with ProcessPoolExecutor(2) as pool:
        for world in WORLDS:
            better = 0.4
            pilot = [one(seed, world, 0.0, 0.0, 0.0)[4] for seed in range(10_000, 10_030)]
            job = partial(one, world=world, better=better, truth=truth_of(world, better), shift=float(np.mean(pilot)))
            table = np.array(list(pool.map(job, range(runs), chunksize=20)))
            mean = table.mean(axis=0)
            shares = [f"{100 * value:.1f}%" for value in mean]
            cells = [*shares[:4], f"{np.mean(pilot):.4f}", *shares[5:]]
            print(f"| {world.name} | {' | '.join(cells)} |", flush=True)
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
