"""Old examples beside new ones, where a model goes on from an earlier training: without them it forgets what they taught."""

import hashlib
from collections.abc import Collection, Sequence

from haechi.models.continued import Earlier
from haechi.records.mined import MinedExample
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.text.normalize import fold
from haechi.training.examples import choose_examples
from haechi.training.params import TrainParams


def replayable(earlier: Earlier, corpus: Sequence[Passage], validation: Collection[Pair]) -> list[MinedExample]:
    """The old examples that are true of this corpus, and neither whose queries nor whose kept answers choose the model now."""
    asked = {fold(pair.query_text) for pair in validation}
    kept = {id for pair in validation if pair.meta.slice.startswith("unseen") for id in pair.positive_passages}
    return [e for e in earlier.still_true(corpus) if fold(e.query) not in asked and kept.isdisjoint(e.pos_ids)]


def with_replay(examples: Sequence[MinedExample], old: Sequence[MinedExample], params: TrainParams) -> list[MinedExample]:
    """The examples to train on, old ones among them as `replay_share` says; which ones is a hash of the seed and their ids."""
    chosen = choose_examples(examples, params)
    if not old or not params.replay_share:
        return chosen
    new = {example.query_id for example in chosen}
    drawn = sorted(
        (e for e in choose_examples(old, params) if e.query_id not in new), key=lambda e: _draw(params.seed, e.query_id)
    )
    number = round(len(chosen) * params.replay_share / (1.0 - params.replay_share))
    return chosen + sorted(drawn[:number], key=lambda example: example.query_id)


def replayed(chosen: Sequence[MinedExample], old: Sequence[MinedExample]) -> int:
    """How many of the chosen examples are old ones."""
    return len({example.query_id for example in chosen} & {example.query_id for example in old})


def _draw(seed: int, query_id: str) -> bytes:
    return hashlib.sha256(f"{seed}:{query_id}".encode()).digest()
