"""The results of revisions, read from git: commits, branches, tags, experiments by name, and the workspace.

Everything that a comparison needs is tracked by git, so nothing is checked out and DVC isn't started.
A revision is believed only if its dvc.lock says that these results belong to this model.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import orjson

from haechi.models.load import folder_hash
from haechi.pipeline.git import git, git_bytes, git_or_none
from haechi.records.query import TestQuery
from haechi.records.result import QueryResult
from haechi.runtime.errors import HaechiError, UsageError
from haechi.runtime.files import parse_yaml
from haechi.scoring.per_query import parse_rows

WORKSPACE = "workspace"
METRICS, PER_QUERY = "metrics/evaluate.json", "metrics/per_query.json"
QUERIES, LOCK, ENCODER = "data/testset/queries.jsonl", "dvc.lock", "models/encoder"
FILES = (METRICS, PER_QUERY, QUERIES, LOCK)
NOT_EVALUATED = "make them with `dvc repro` and commit, or score its model with `haechi reeval {name}`"


@dataclass(frozen=True)
class Revision:
    """What one model scored."""

    name: str
    """As the user named it."""
    commit: str
    """Its full hash; empty for the workspace."""
    metrics: Mapping[str, Any]
    rows: Sequence[QueryResult]
    texts: Mapping[str, str]
    """Query id -> text."""
    seed: int | None
    training: str
    """One hash of all that training read, but for its seed: revisions that share it repeat each other."""

    @property
    def test_version(self) -> tuple[str, int]:
        """Test set and version of the evaluator: figures of different ones are not compared."""
        return str(self.metrics["testset"]), int(self.metrics["evaluator"])


def load_revisions(root: Path, names: Sequence[str]) -> list[Revision]:
    """All of them, in the order given."""
    commits = {name: resolve(root, name) for name in names}
    wanted = [f"{commit}:./{file}" for commit in commits.values() if commit for file in FILES]
    blobs = dict(zip(wanted, read_objects(root, wanted), strict=True))
    revisions = []
    for name, commit in commits.items():
        if commit:
            files = {file: blobs[f"{commit}:./{file}"] for file in FILES}
        else:
            files = {file: (root / file).read_bytes() if (root / file).is_file() else None for file in FILES}
            _check_encoder(root, files[METRICS])
        revisions.append(parse(name, commit, files))
    return revisions


def resolve(root: Path, name: str) -> str:
    """The commit that a name stands for; empty for the workspace."""
    if name == WORKSPACE:
        return ""
    commit = (git_or_none(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}") or "").strip()
    if commit:
        return commit
    refs = [line.split(" ") for line in git(root, "for-each-ref", "--format=%(refname) %(objectname)", "refs/exps").splitlines()]
    commits = sorted({commit for ref, commit in refs if ref.rsplit("/", 1)[-1] == name})
    if not commits:
        raise UsageError(f"{name}: neither a git revision nor an experiment of this project; `dvc exp list -A` names them")
    if len(commits) > 1:
        raise UsageError(f"{name}: {len(commits)} experiments have this name; name one by its commit, such as {commits[0][:7]}")
    return commits[0]


def parse(name: str, commit: str, files: Mapping[str, bytes | None]) -> Revision:
    """The files of a revision -> its results, refused if they don't belong together."""
    metrics, per_query, queries = (files[file] for file in (METRICS, PER_QUERY, QUERIES))
    if metrics is None or per_query is None:
        raise HaechiError(f"{name}: has no {METRICS} with {PER_QUERY}; {NOT_EVALUATED.format(name=name)}")
    try:
        figures = orjson.loads(metrics)
        rows = parse_rows(per_query, QueryResult)
        texts = {q.query_id: q.query_text for q in _queries(queries or b"")}
        test_version = (str(figures["testset"]), int(figures["evaluator"]), str(figures["encoder"]))
    except (orjson.JSONDecodeError, msgspec.ValidationError, KeyError, TypeError) as error:
        raise HaechiError(
            f"{name}: its results are in another form than today's ({error}); score its model with `haechi reeval {name}`"
        ) from error
    if not rows or not all(test_version):
        raise HaechiError(f"{name}: {PER_QUERY} is empty")
    seed, training = _check_lock(name, files[LOCK], {METRICS: metrics, PER_QUERY: per_query})
    return Revision(name, commit, figures, rows, texts, seed, training)


def read_objects(root: Path, names: Sequence[str]) -> list[bytes | None]:
    """The contents of git objects (`COMMIT:./path` or hashes), all by one process; None where there is none."""
    if not names:
        return []
    lines = "".join(f"{name}\n" for name in names).encode()
    out = git_bytes(root, "cat-file", "--batch", given=lines)
    contents: list[bytes | None] = []
    at = 0
    for _ in names:
        end = out.index(b"\n", at)
        head = out[at:end].split(b" ")
        at = end + 1
        if head[-1] == b"missing":
            contents.append(None)
            continue
        size = int(head[-1])
        contents.append(out[at : at + size])
        at += size + 1
    return contents


def read_lock(text: bytes | None) -> dict[str, Any]:
    """The stages of a dvc.lock; none if there is no such file."""
    stages = parse_yaml(text.decode(), Path(LOCK)).get("stages") if text else None
    return stages if isinstance(stages, dict) else {}


def _queries(text: bytes) -> list[TestQuery]:
    return [msgspec.convert(orjson.loads(line), TestQuery) for line in text.splitlines()]


def _check_lock(name: str, lock: bytes | None, results: Mapping[str, bytes]) -> tuple[int | None, str]:
    """Refuse results that dvc.lock doesn't tie to the model; the seed and the hash of what training read."""
    stages = read_lock(lock)
    evaluate, select, train = (stages.get(stage, {}) for stage in ("evaluate", "select", "train"))
    outs = {out["path"]: out.get("md5") for out in evaluate.get("outs", ())}
    for file, content in results.items():
        if file in outs and outs[file] != hashlib.md5(content, usedforsecurity=False).hexdigest():
            raise HaechiError(f"{name}: {file} is not the file that its dvc.lock recorded; run `dvc repro`, then compare")
    made = next((out.get("md5") for out in select.get("outs", ()) if out["path"] == ENCODER), None)
    scored = next((dep.get("md5") for dep in evaluate.get("deps", ()) if dep["path"] == ENCODER), None)
    if made != scored:
        raise HaechiError(f"{name}: its results belong to another model than its {ENCODER}; {NOT_EVALUATED.format(name=name)}")
    params = dict(train.get("params", {}).get("params.yaml", {}))
    settings = dict(params.get("train", {}))
    seed = settings.pop("seed", None)
    read = [sorted((dep["path"], dep.get("md5", "")) for dep in train.get("deps", ())), params | {"train": settings}]
    training = hashlib.sha256(orjson.dumps(read, option=orjson.OPT_SORT_KEYS)).hexdigest() if train else name
    return seed, training


def _check_encoder(root: Path, metrics: bytes | None) -> None:
    """The workspace's figures must be those of the model that lies there: a trial may have stopped before evaluate."""
    if metrics is None or not (root / ENCODER).is_dir():
        return
    scored, present = str(orjson.loads(metrics).get("encoder")), folder_hash(root / ENCODER)
    if scored != present:
        raise HaechiError(f"{WORKSPACE}: {METRICS} scored model {scored}, but {ENCODER} is {present}; run `dvc repro` first")
