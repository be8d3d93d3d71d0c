"""`haechi update`: new documents are taken in by a training that goes on from the present model.

No second pipeline: the present model becomes the base, with a record of what it was trained on beside it, and `dvc repro` does
the rest. Stages that find such a record ask, mine and train what is new (`models/continued.py`).
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from haechi.models.continued import earlier_training, write_training
from haechi.parsing.ingest import preprocess, read_corpus
from haechi.parsing.params import PreprocessParams
from haechi.pipeline.dvc_lock import LOCK
from haechi.pipeline.dvc_yaml import load_stages
from haechi.pipeline.git import git_or_none
from haechi.pipeline.write_params import write_params
from haechi.records.mined import MinedExample
from haechi.records.passage import Passage
from haechi.runtime import locks
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import atomic_folder, read_json, read_records, remove
from haechi.runtime.params import load_section
from haechi.runtime.progress import say
from haechi.testset.manifest import load_testset

RAW, ENCODER, BASE, BEFORE, TESTSET = "data/raw", "models/encoder", "models/base", "models/before", "data/testset"
CORPUS, EXAMPLES = "data/processed/merged_corpus.jsonl", "data/mined/train.jsonl"
PASSAGES = "data/processed"
KINDS = ("law", "admin", "prec", "doc")
TOLERATED = -0.005
"""What an update may cost on validation, which asks about old documents alone."""
BACK = f"git restore params.yaml {LOCK} metrics && dvc checkout"


@dataclass(frozen=True)
class News:
    """What data/raw holds that the last run has not seen, by id."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]

    def told(self) -> str:
        """In one line."""
        counts = ((self.added, "new"), (self.changed, "changed"), (self.removed, "removed"))
        return ", ".join(f"{len(ids):,} {what} (such as {ids[0]})" for ids, what in counts if ids)


def update(root: Path, *, dry_run: bool) -> None:
    """Take in what is new in data/raw; a refusal leaves the project as it was."""
    testset = load_testset(root / TESTSET).fingerprint
    if not require_a_run(root, "an update", RAW):
        raise HaechiError(f"{RAW}: nothing is new since the last run")
    news = _news(root)
    say(f"update: documents and articles: {news.told()}")
    if dry_run:
        say(f"update: would keep {ENCODER} below {BEFORE}, make it the base in params.yaml, and run `dvc repro`")
        return
    with locks.writing(root / BEFORE):
        kept = _keep(root, testset)
    for change in write_params(root / "params.yaml", {"model.base": kept, "select.min_gain": TOLERATED}):
        say(f"params.yaml: {change}")
    if _committed(root):
        say(f"update: the way back is `{BACK}`")
    else:
        say(f"update: {LOCK} of the run before is not committed, so there is no way back to it by git")
    _dvc(root, "repro", f"the update stopped; mend what is said above, then `dvc repro` goes on; the way back: `{BACK}`")


def require_a_run(root: Path, what: str, but: str = "") -> bool:
    """An encoder, made by the pipeline as it stands; whether the one path differs that may. `what` begins there."""
    if not (root / ENCODER / "modules.json").is_file():
        raise HaechiError(f"{ENCODER}: no model to go on from; make one with `dvc repro`")
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "status", "--json"], cwd=root, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise HaechiError(f"dvc status: {(done.stderr.strip().splitlines() or ['failed'])[-1][:200]}")
    differs = differences(json.loads(done.stdout or "{}"), list(load_stages(root)))
    if other := next(((stage, path) for stage, path in differs if path != but), None):
        raise HaechiError(f"{other[0]}: {other[1]} is not as in {LOCK}; {what} begins where `dvc repro` has ended")
    return bool(differs)


def differences(status: dict[str, Any], stages: Sequence[str]) -> list[tuple[str, str]]:
    """(stage, what differs from dvc.lock) of what `dvc status --json` says, the first stage first."""
    found: list[tuple[str, str]] = []
    place = {stage: number for number, stage in enumerate(stages)}
    for stage, entries in sorted(status.items(), key=lambda entry: (place.get(entry[0], len(place)), entry[0])):
        for entry in entries:
            if isinstance(entry, str):  # changed command, always changed
                found.append((stage, entry))
                continue
            for changed in entry.values():
                for path, how in changed.items():
                    found += [(stage, f"{path}: {key}") for key in how] if isinstance(how, dict) else [(stage, path)]
    return found


def _news(root: Path) -> News:
    """What preprocess would read now, against what it read last."""
    made = preprocess(read_corpus(root / RAW), load_section(root / "params.yaml", "preprocess", PreprocessParams))
    now = texts_of([*made.law, *made.admin, *made.prec, *made.doc])
    before = texts_of([p for kind in KINDS for p in read_records(root / PASSAGES / f"{kind}_passages.jsonl", Passage)])
    news = News(
        added=tuple(sorted(now.keys() - before.keys())),
        changed=tuple(sorted(key for key in now.keys() & before.keys() if now[key] != before[key])),
        removed=tuple(sorted(before.keys() - now.keys())),
    )
    if not (news.added or news.changed):
        raise HaechiError(
            f"{RAW}: no document is new or changed ({news.told() or 'only what is no document'}); `dvc repro` takes that in"
        )
    return news


def texts_of(passages: Sequence[Passage]) -> dict[str, frozenset[str]]:
    """Article, document or decision -> its texts."""
    found: dict[str, set[str]] = {}
    for passage in passages:
        found.setdefault(passage.article_key, set()).add(passage.text)
    return {key: frozenset(texts) for key, texts in found.items()}


def _keep(root: Path, testset: str) -> str:
    """Copy the encoder with all that it was trained on to a folder that DVC tracks; returns the folder, named by a hash."""
    corpus = list(read_records(root / CORPUS, Passage))
    mined = list(read_records(root / EXAMPLES, MinedExample))
    again = {example.query_id for example in mined}
    earlier = [e for e in earlier_training(root / BASE, testset).still_true(corpus) if e.query_id not in again]
    base = read_json(root / "reports/stages/base.json")  # training changes no shape
    beside = root / BEFORE / ".new"
    remove(beside)
    try:
        with atomic_folder(beside) as folder:
            shutil.copytree(root / ENCODER, folder, dirs_exist_ok=True)
            name = write_training(folder, testset, (base["parameters"], base["dim"]), [*earlier, *mined], corpus)
        kept = f"{BEFORE}/{name}"
        if (root / kept).exists():
            remove(beside)
        else:
            beside.rename(root / kept)
    finally:
        remove(beside)
    _dvc(root, "add", f"{kept} could not be recorded, so nothing was changed", "--quiet", kept)
    return kept


def _committed(root: Path) -> bool:
    """Whether git has the run that an update goes on from."""
    return git_or_none(root, "diff", "--quiet", "HEAD", "--", LOCK, "params.yaml") is not None


def _dvc(root: Path, command: str, problem: str, *arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "dvc", command, *arguments], cwd=root, check=False)
    if done.returncode:
        raise HaechiError(f"dvc {command}: {problem}")
