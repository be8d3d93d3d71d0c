"""The whole course of training as a list of batches, made before the first step: which rows, in which order, next to which.

A function of rows and parameters alone. So a resumed run goes on with the very next batch, several processes agree on every
batch, and the number of steps is known. Each epoch is drawn from its own seed.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Sequence

import numpy as np

from haechi.runtime.errors import HaechiError
from haechi.training.examples import Rows
from haechi.training.params import TrainParams

Batch = tuple[int, ...]


def plan(rows: Rows, params: TrainParams) -> tuple[tuple[Batch, ...], ...]:
    """The batches of each epoch; every number is that of a row."""
    sources = set(rows.sources)
    for named in (params.weights, *params.curriculum):
        for source in named:
            if source not in sources:
                there = ", ".join(sorted(sources))
                raise HaechiError(f"train: no training example is of source {source!r} (weights, curriculum); there are {there}")
    epochs = []
    for epoch in range(params.epochs):
        rng = np.random.default_rng([params.seed, epoch])
        shown = _shown(rows, params, epoch, rng)
        if not shown:
            raise HaechiError(f"train: weights and curriculum leave no example for epoch {epoch + 1} of {params.epochs}")
        epochs.append(_batches(shown, rows, params, rng))
    return tuple(epochs)


def never_shown(rows: Rows, epochs: Sequence[Sequence[Batch]]) -> int:
    """How many rows no epoch shows: their source weighs nothing, no stage names it, or their article has too few rows."""
    return len(rows) - len({row for epoch in epochs for batch in epoch for row in batch})


def _shown(rows: Rows, params: TrainParams, epoch: int, rng: np.random.Generator) -> list[int]:
    """The rows of an epoch, as often as their source weighs, in random order."""
    stages = params.curriculum
    stage = stages[epoch * len(stages) // params.epochs] if stages else ()
    of_source: defaultdict[str, list[int]] = defaultdict(list)
    for row, source in enumerate(rows.sources):
        if not stage or source in stage:
            of_source[source].append(row)
    shown: list[int] = []
    for source in sorted(of_source):
        weight, members = params.weights.get(source, 1.0), of_source[source]
        part = round(len(members) * (weight % 1.0))
        shown += members * int(weight) + [members[i] for i in rng.permutation(len(members))[:part]]
    return [shown[i] for i in rng.permutation(len(shown))]


def _batches(shown: Sequence[int], rows: Rows, params: TrainParams, rng: np.random.Generator) -> tuple[Batch, ...]:
    size = params.batch_size
    if params.sampler == "shuffled":
        return tuple(tuple(shown[i : i + size]) for i in range(0, len(shown), size))
    if params.sampler == "no_duplicates":
        keys: list[tuple[Hashable, ...]] = [(rows.queries[row], int(rows.documents[row, 0])) for row in shown]
        return tuple(tuple(shown[i] for i in batch) for batch in spread(keys, size))
    return _by_class(shown, rows, params, rng)


def spread(keys: Sequence[tuple[Hashable, ...]], size: int) -> list[list[int]]:
    """Put items into as few batches as hold them all, so that items of one batch share no key as far as that goes.

    First fit in the order given. What fits nowhere fills the free places at the end; the loss masks it anyway.
    """
    batches: list[list[int]] = [[] for _ in range(-(-len(keys) // size))]
    taken: list[set[Hashable]] = [set() for _ in batches]
    after: dict[Hashable, int] = defaultdict(int)  # no earlier batch has room for this key
    open_from = 0
    left = []
    for item, key in enumerate(keys):
        start = max(open_from, *(after[part] for part in key))
        place = next((b for b in range(start, len(batches)) if len(batches[b]) < size and taken[b].isdisjoint(key)), None)
        if place is None:
            left.append(item)
            continue
        batches[place].append(item)
        taken[place].update(key)
        for part in key:
            if after[part] == place:
                after[part] = place + 1
        while open_from < len(batches) and len(batches[open_from]) == size:
            open_from += 1
    for item in left:
        next(batch for batch in batches if len(batch) < size).append(item)
    return batches


def _by_class(shown: Sequence[int], rows: Rows, params: TrainParams, rng: np.random.Generator) -> tuple[Batch, ...]:
    """P articles with K rows each. Every row comes before any comes again; a last handful is filled up with the first ones."""
    number, classes = params.per_class, params.batch_size // params.per_class
    if classes < 2:
        raise HaechiError(
            f"train: a batch of {params.batch_size} holds fewer than two classes of {number} rows; "
            "raise train.batch_size or lower train.per_class"
        )
    members: defaultdict[int, list[int]] = defaultdict(list)
    for row in shown:
        members[int(rows.documents[row, 0])].append(row)
    large = {name: rows_of_class for name, rows_of_class in members.items() if len(rows_of_class) >= number}
    if params.small_classes == "refuse" and len(large) < len(members):
        raise HaechiError(
            f"train: {len(members) - len(large)} of {len(members)} articles have fewer rows than train.per_class {number}, "
            f"such as {_some_id(rows, members.keys() - large.keys())}; lower train.per_class, "
            "or set train.small_classes to leave_out"
        )
    if len(large) < 2:
        raise HaechiError(
            f"train: sampler `classes` needs two articles with {number} rows or more, and only {len(large)} of {len(members)} "
            "have as many; lower train.per_class"
        )
    handfuls: list[tuple[int, list[int]]] = []
    for name, rows_of_class in large.items():
        filled = rows_of_class + rows_of_class[: -len(rows_of_class) % number]
        handfuls += [(name, filled[i : i + number]) for i in range(0, len(filled), number)]
    handfuls = [handfuls[i] for i in rng.permutation(len(handfuls))]
    # classes with most handfuls first, or they would be left for the end and meet there
    often = Counter(name for name, _ in handfuls)
    handfuls.sort(key=lambda handful: -often[handful[0]])
    placed = spread([(name,) for name, _ in handfuls], classes)
    order = rng.permutation(len(placed))
    return tuple(tuple(row for h in placed[b] for row in handfuls[h][1]) for b in order)


def _some_id(rows: Rows, classes: Collection[int]) -> str:
    """One passage among those with these numbers, always the same."""
    return min(id for id, number in rows.numbers.items() if number in classes)
