"""Trains once more by the settings that were chosen, now on all labels, those of validation and test among them.

The pipeline's own stages do it, in a folder beside it: pairs against a test set that holds nothing out, base, questions,
negatives, training. Nothing is chosen here. The run ends where the chosen checkpoint stood in its schedule, in proportion,
and what was mixed of several is mixed again. What it would score on queries that it has seen means nothing, so nobody asks.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from haechi.corpus.duplicates import one_name
from haechi.evaluation.hybrid import cited_in
from haechi.export.formats import add_forms
from haechi.fusion.mixture import read_mixture, write_mixture
from haechi.guards.params import DEFAULT_METRIC, GuardsParams, RuleName
from haechi.mining.params import MineParams
from haechi.models.continued import earlier_training
from haechi.models.load import folder_hash, save_again
from haechi.models.m3_heads import copy_heads, has_heads
from haechi.models.released import CARD, RECORD, SEEN, WEIGHTS, Released, seen_query
from haechi.pairs.params import MakePairsParams
from haechi.pairs.stage import make_pairs
from haechi.parsing.ingest import read_corpus
from haechi.pipeline.dvc_yaml import stage_command
from haechi.pipeline.stage_details import file_of, read_details
from haechi.pipeline.update import require_a_run
from haechi.pipeline.write_params import write_params
from haechi.records.held_out import HeldOut, KeptApart
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.report.model_card import release_card
from haechi.runtime import locks
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import (
    atomic_folder,
    read_json,
    read_records,
    read_text,
    remove,
    sha256_file,
    write_json,
    write_output,
    write_text,
)
from haechi.runtime.params import load_section
from haechi.runtime.progress import say
from haechi.scoring.evaluation import evaluation_of
from haechi.scoring.names import TUNED
from haechi.selection.choose import BASE
from haechi.selection.params import SelectParams
from haechi.selection.stage import AVERAGE, whole_base
from haechi.selection.weights import Share, blend
from haechi.testset.manifest import MANIFEST, QRELS, QUERIES, TREC, Manifest, fingerprint, held_out, load_testset
from haechi.training.params import TrainParams

OUT, WORK = Path("models/release"), Path(".haechi/release")
BASE_MODEL, RUN = Path("models/base"), Path("models/run")
TESTSET, PROCESSED, MINED = Path("data/testset"), Path("data/processed"), Path("data/mined/train.jsonl")
TRAIN, CORPUS, KEPT = (PROCESSED / f"{name}" for name in ("pairs_train.jsonl", "merged_corpus.jsonl", "valid_unseen.json"))
RAW, PARAMS, MIXTURE = Path("data/raw"), Path("params.yaml"), Path("models/fusion.json")
NONE = Path("none.jsonl")
ON_VALIDATION: tuple[RuleName, ...] = ("overfitting", "gap", "degradation", "early_stopping")
"""Guards that look at answers of validation, which this training has seen."""
OF_TRAINING = ("loss", "active_triplets")
"""Figures that need no validation."""


@dataclass(frozen=True)
class Twin:
    """The evaluated model, and how it came about."""

    encoder: str
    testset: str
    chosen: str
    parts: Mapping[str, float]
    """Base, checkpoints or average -> how much of each it is."""
    steps: int
    """Of its schedule."""
    threshold: float

    @property
    def shares(self) -> list[float]:
        """Of the schedule, after which its checkpoints were left; the average is complete at the end."""
        at = [int(name.removeprefix("step-")) / self.steps for name in self.parts if name.startswith("step-")]
        return sorted({*at, *([1.0] if AVERAGE in self.parts else [])})


def release(root: Path) -> Released:
    """Make models/release; a training that was killed goes on where it was."""
    require_a_run(root, "a release")
    twin = read_twin(root)
    with locks.writing(root / OUT, root / WORK):
        try:
            remove(root / WORK)
            pairs, more = _inputs(root, twin)
            _run(root, "base")
            _run(root, "generate_qa")
            _run(root, "mine", {"--valid-pairs": WORK / NONE})
            _run(root, "train", also=[word for share in twin.shares for word in ("--keep-at", repr(share))])
            return _assembled(root, twin, pairs, more)
        finally:
            remove(root / WORK)


def read_twin(root: Path) -> Twin:
    """The evaluated model as its stages describe it; refused where it can't be trained again, in one sentence."""
    selected, scored = read_details(root, "select"), evaluation_of(read_details(root, "evaluate"))
    chosen = selected["candidates"][selected["chosen"]]
    params = load_section(root / PARAMS, "train", TrainParams)
    if selected["chosen"] == BASE:
        raise HaechiError("release: the untuned base was kept, so there is no training to do again; models/encoder is that base")
    if chosen["kind"] == "crossover":
        raise HaechiError("release: a crossover of several epochs was chosen, which is not done again; set select.crossover to 0")
    if params.resume_from:
        raise HaechiError("release: train.resume_from goes on from another training, which is not done again; leave it empty")
    if earlier_training(root / BASE_MODEL):
        raise HaechiError(
            "release: the base comes from `haechi update`, and its own training is not done again; run `dvc repro` with the "
            "model.base that you began with"
        )
    total = sum(chosen["parts"].values())
    return Twin(
        scored.encoder,
        scored.testset,
        selected["chosen"],
        {name: part / total for name, part in chosen["parts"].items()},
        int(read_json(root / RUN / "training_config.json")["steps"]),
        float(scored.gating["threshold"]),
    )


def _inputs(root: Path, twin: Twin) -> tuple[int, int]:
    """Write what the stages read, a test set without queries among it; how many pairs that is, and how many new ones."""
    work = root / WORK
    _write_nothing_held_out(work / TESTSET, root / TESTSET)
    pairs = _pairs(root, held_out(load_testset(work / TESTSET)))
    write_output(work / TRAIN, pairs)
    write_text(work / NONE, "")
    write_json(work / KEPT, KeptApart())
    write_text(work / PARAMS, read_text(root / PARAMS))
    write_params(work / PARAMS, without_choices(root, twin))
    before = {pair.query_id for pair in read_records(root / TRAIN, Pair)}
    return len(pairs), sum(pair.query_id not in before for pair in pairs)


def _pairs(root: Path, nothing: HeldOut) -> list[Pair]:
    """All that make_pairs can make where nothing is held out, and no query is kept for anything else."""
    params = load_section(root / PARAMS, "make_pairs", MakePairsParams)
    params = replace(params, valid_share=0.0, valid_unseen_articles=0.0, valid_unseen_laws=0.0)
    raw = read_corpus(root / RAW)
    raw = replace(raw, queries=tuple(replace(query, use="training") for query in raw.queries))
    law, admin, doc, prec = (
        list(read_records(root / PROCESSED / f"{name}_passages.jsonl", Passage)) for name in ("law", "admin", "doc", "prec")
    )
    made = make_pairs(raw, [*law, *admin, *doc], prec, nothing, params).pairs.train
    there = {passage.id for passage in read_records(root / CORPUS, Passage)}  # without decisions that only the test cites
    return [pair for pair in made if there.issuperset(pair.positive_passages)]


def _write_nothing_held_out(folder: Path, frozen: Path) -> None:
    """A test set that asks nothing, for stages that keep away from what one asks."""
    for name in (QUERIES, QRELS, TREC):
        write_text(folder / name, "")
    files = {name: sha256_file(folder / name) for name in (QUERIES, QRELS, TREC)}
    manifest = Manifest("", "", (), (), (), load_testset(frozen).manifest.near_duplicate, {}, files, "")
    write_json(folder / MANIFEST, replace(manifest, fingerprint=fingerprint(manifest)))


def without_choices(root: Path, twin: Twin) -> dict[str, Any]:
    """The parameters that would choose by validation, which this training has seen, or speak of files that are not there."""
    guards = load_section(root / PARAMS, "guards", GuardsParams)
    action = {rule: "stop" if does == "rollback" else does for rule, does in guards.action.items()}
    action |= dict.fromkeys(ON_VALIDATION, "ignore")
    if guards.metric.get("stall", DEFAULT_METRIC["stall"]) not in OF_TRAINING:
        action["stall"] = "ignore"
    changed: dict[str, Any] = {"guards.action": action, "guards.rollbacks": 0, "train.keep_last": False, "train.pin": []}
    changed |= {"train.expected_params": {}} | ({} if AVERAGE in twin.parts else {"train.ema_decay": 0.0})
    mined_by = load_section(root / PARAMS, "mine", MineParams).encoder
    return changed | ({"mine.encoder": (WORK / BASE_MODEL).as_posix()} if Path(mined_by) == BASE_MODEL else {})


def _run(root: Path, stage: str, changed: Mapping[str, Path] | None = None, also: Sequence[str] = ()) -> None:
    """A stage of the pipeline below the work folder. Its screen isn't shown: it tells of validation, which means nothing here."""
    say(f"release: stage {stage}")
    command = [*stage_command(root, stage, WORK, changed), "--params", str(WORK / PARAMS), *also]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=root, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise HaechiError(f"release: stage {stage} failed: {said[-1] if said else done.returncode}")


def _assembled(root: Path, twin: Twin, pairs: int, more: int) -> Released:
    """models/release: the model, the weights of the hybrid, the record and the card."""
    run = read_json(root / WORK / RUN / "training_config.json")
    trained = read_json(root / WORK / file_of("train"))
    if trained["state"] != "finished":
        raise HaechiError(f"release: a guard stopped the training ({trained['reason']}), which it let pass before")
    corpus = list(read_records(root / CORPUS, Passage))
    with atomic_folder(root / OUT) as folder:
        put_together(root, twin, run, folder)
        export = load_section(root / PARAMS, "select", SelectParams)
        exported = add_forms(folder, export.export, [p.text for p in corpus], export.seed) if export.export else {}
        made = list(read_records(root / WORK / TRAIN, Pair))
        mixture = read_mixture(root / MIXTURE)
        mixture = replace(
            mixture,
            why=f"{mixture.why}; fitted with {twin.encoder}, this model's evaluated twin",
            made_of={**mixture.made_of, TUNED: folder_hash(folder)},
            cited=cited_in(made, one_name(corpus)),
        )
        write_mixture(folder / WEIGHTS, mixture)
        files = {"training pairs": WORK / TRAIN, "training examples": WORK / MINED, "corpus": CORPUS}
        data = {name: sha256_file(root / file)[:16] for name, file in files.items()}
        ended = max(one["step"] for one in run["checkpoints"])
        record = Released(twin.testset, twin.encoder, twin.chosen, ended, run["steps"], pairs, more, twin.threshold, data)
        write_json(folder / RECORD, record)
        write_text(folder / SEEN, "".join(f"{name}\n" for name in sorted({seen_query(pair.query_text) for pair in made})))
        forms = {form: {"difference": off} for form, off in exported.items()}
        write_text(folder / CARD, release_card(root, root / WORK, folder, record, forms))
    return record


def put_together(root: Path, twin: Twin, run: Mapping[str, Any], out: Path) -> None:
    """The checkpoint that stands where the chosen one stood, or the same mixture of several."""
    there = {one["step"]: root / WORK / RUN / "checkpoints" / one["name"] for one in run["checkpoints"]}
    folders = {AVERAGE: root / WORK / RUN / "checkpoints" / AVERAGE}
    with TemporaryDirectory(dir=root / WORK) as scratch:
        for name in twin.parts:
            if name == BASE:
                with_heads = all(map(has_heads, there.values()))
                folders[name] = whole_base(root / WORK / BASE_MODEL, Path(scratch) / BASE, with_heads=with_heads)
            elif name != AVERAGE:
                share = int(name.removeprefix("step-")) / twin.steps
                folders[name] = there[min(there, key=lambda step: abs(step - share * run["steps"]))]
        if len(twin.parts) > 1:
            blend([Share(folders[name], part) for name, part in twin.parts.items()], out)
            return
        [only] = twin.parts
        save_again(folders[only], out)
        copy_heads(folders[only], out)
