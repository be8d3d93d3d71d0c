"""Several submissions as one by reciprocal rank, and what that is worth where answers are known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from haechi.answering.conversations import MOST, Submission
from haechi.retrieval.fuse import reciprocal_rank
from haechi.retrieval.run import Run, Scored
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_records
from haechi.scoring.metrics import gold_ranks, hit_normalised_map
from haechi.scoring.significance import Difference, Resampler

DRAWS, CONFIDENCE, SEED = 2_000, 0.95, 7


@dataclass(frozen=True, slots=True)
class Gold:
    """What answers a conversation; nothing does where `gold` is empty."""

    eval_id: int | str
    gold: tuple[str, ...]


def read_submissions(paths: Sequence[Path]) -> list[list[Submission]]:
    """Runs over the same conversations in the same order; others are an error."""
    runs = [list(read_records(path, Submission)) for path in paths]
    for path, run in zip(paths, runs, strict=True):
        if [one.eval_id for one in run] != [one.eval_id for one in runs[0]]:
            raise HaechiError(
                f"{path}: answers other conversations than {paths[0]}, or in another order; an ensemble needs the same"
            )
    return runs


def together(runs: Sequence[Sequence[Submission]], constant: float = 60.0) -> list[Submission]:
    """Ids by reciprocal rank over the runs; silent where most runs are. Text is that of the first run with the same first id."""
    made = []
    for several in zip(*runs, strict=True):
        silent = sum(not one.topk for one in several) * 2 > len(several)
        lists = [Run({"": [(id, -float(rank)) for rank, id in enumerate(one.topk)]}) for one in several]
        ids = () if silent else tuple(scored.id for scored in reciprocal_rank(lists, MOST, constant)[""])
        told = next((one for one in several if one.topk[:1] == ids[:1]), several[0])
        made.append(Submission(told.eval_id, ids, told.answer, told.standalone_query))
    return made


def scores(run: Sequence[Submission], gold: Mapping[str, Sequence[str]]) -> list[float]:
    """The competition's score of each judged conversation."""
    judged = [one for one in run if str(one.eval_id) in gold]
    if not judged:
        raise HaechiError("ensemble: the labels judge none of these conversations")
    places = (gold_ranks([Scored(id, 0.0) for id in one.topk], gold[str(one.eval_id)]) for one in judged)
    return [hit_normalised_map(place, answered=bool(one.topk)) for one, place in zip(judged, places, strict=True)]


def gap(first: Sequence[float], second: Sequence[float]) -> tuple[Difference, str]:
    """How far the first is ahead, with its interval, and in words: a difference below one query is called that."""
    draws = Resampler([str(i) for i in range(len(first))], DRAWS, CONFIDENCE, SEED)
    (found,) = draws.differences(np.array(first)[:, None], np.array(second)[:, None])
    if abs(found.value) * len(first) < 1.0:
        return found, "less than one query"
    return found, "better" if found.low > 0 else "worse" if found.high < 0 else "can't be told"
