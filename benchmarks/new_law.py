"""How every system does on laws that training never saw, in a project with decisions.

    python benchmarks/new_law.py PROJECT [--laws 4] [--seed 7] [--questions FILE] [--keep FOLDER]

Some whole laws leave the pairs, the questions and the mining of PROJECT (which `dvc repro` has brought as far as merge_corpus);
they stay in the corpus. PROJECT's own stages then train, by its parameters, in a folder beside it. Printed is nDCG@10 with an
interval by decision on issues that cite these laws alone, on recent issues of the other laws (validation: the test set is
not read), and on a file of `{qid, text, gold}`. Whoever chooses anything by this has no ruler left: choose on validation.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import orjson

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src")]

from haechi.citations.law_index import LawIndex  # noqa: E402  (only now is the path right)
from haechi.evaluation.hybrid import fit_hybrid, passages_of, searches  # noqa: E402
from haechi.evaluation.inputs import Inputs, load_mixed  # noqa: E402
from haechi.evaluation.params import EvaluateParams  # noqa: E402
from haechi.evaluation.searcher import Asked, Searcher  # noqa: E402
from haechi.fusion.params import FusionParams  # noqa: E402
from haechi.inference.cached import Stored  # noqa: E402
from haechi.mining.params import MineParams  # noqa: E402
from haechi.models.load import open_encoder  # noqa: E402
from haechi.pairs.build import why_not  # noqa: E402
from haechi.pairs.params import MakePairsParams  # noqa: E402
from haechi.pairs.sections import LabelledSection, label_sections  # noqa: E402
from haechi.pairs.stage import MadePairs, make_pairs  # noqa: E402
from haechi.pairs.strangers import laws_of  # noqa: E402
from haechi.parsing.ingest import read_corpus  # noqa: E402
from haechi.pipeline.dvc_yaml import stage_command  # noqa: E402
from haechi.pipeline.write_params import write_params  # noqa: E402
from haechi.records.held_out import HeldOut, KeptApart  # noqa: E402
from haechi.records.pair import Pair  # noqa: E402
from haechi.records.passage import Passage  # noqa: E402
from haechi.retrieval.params import RetrievalParams  # noqa: E402
from haechi.rowstore.store import open_store  # noqa: E402
from haechi.runtime.files import read_records, read_text, write_json, write_output, write_text  # noqa: E402
from haechi.runtime.params import load_section  # noqa: E402
from haechi.runtime.progress import say, show_table  # noqa: E402
from haechi.scoring.metrics import evaluate_run  # noqa: E402
from haechi.scoring.names import BASE, BM25, HEADLINE, HYBRID, TUNED, label  # noqa: E402
from haechi.scoring.significance import Resampler  # noqa: E402
from haechi.testset.manifest import held_out, load_testset  # noqa: E402

STAGES = ("base", "generate_qa", "mine", "train", "select")
PROCESSED = Path("data/processed")
GAPS = ((HYBRID, BM25), (HYBRID, TUNED), (TUNED, BASE), (TUNED, BM25))


@dataclass(frozen=True)
class Query:
    """One query of any part; queries of one group are resampled together."""

    id: str
    text: str
    gold: tuple[str, ...]
    group: str
    own: str = ""
    """The decision that it was taken from, which must not answer it."""


@click.command(help=__doc__)
@click.argument("project", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--laws", "number", default=4, help="how many laws are left out")
@click.option("--seed", default=7, help="chooses them")
@click.option("--min-issues", default=10, help="issues that cite a law alone, at least")
@click.option("--most-share", default=0.1, help="of all issues that a law may have, at most")
@click.option("--questions", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="JSONL of {qid, text, gold}")
@click.option("--keep", type=click.Path(path_type=Path), help="folder for what is made; a model that lies there is scored again")
def main(
    project: Path, number: int, seed: int, min_issues: int, most_share: float, questions: Path | None, keep: Path | None
) -> None:
    """What the module says."""
    project = project.resolve()
    with tempfile.TemporaryDirectory() as scratch:
        work = keep.resolve() if keep else Path(scratch)
        made, new, laws = without_laws(project, number, seed, min_issues, most_share)
        say(f"left out: {', '.join(laws)}; {len(made.pairs.train):,} training pairs are left")
        if not (work / "models/encoder").is_dir():
            train(project, work, made)
        parts = {
            "new laws": new,
            "recent issues": [query_of(p) for p in made.pairs.valid if p.meta.slice == "seen" and not p.meta.names_positive],
            "questions": list(map(asked_of, map(orjson.loads, questions.read_bytes().splitlines()))) if questions else [],
        }
        show(project, work, {name: part for name, part in parts.items() if part}, made.pairs.valid)


def without_laws(
    project: Path, number: int, seed: int, min_issues: int, most_share: float
) -> tuple[MadePairs, list[Query], list[str]]:
    """The pairs of make_pairs as if the test set held these laws out too, the issues that cite them alone, their names."""
    files = [project / PROCESSED / f"{name}_passages.jsonl" for name in ("law", "admin", "doc")]
    passages = [p for file in files for p in read_records(file, Passage)]
    decisions = list(read_records(project / PROCESSED / "prec_passages.jsonl", Passage))
    params = load_section(project / "params.yaml", "make_pairs", MakePairsParams)
    raw, away = read_corpus(project / "data/raw"), held_out(load_testset(project / "data/testset"))
    index = LawIndex(raw.statutes, raw.rules)
    labelled = label_sections(raw.decisions, index, old_citations=params.old_citations, admin=params.use_admin_for_prec)
    there = {p.article_key: [p.id] for p in passages}
    issues = [s for s in labelled.sections if not why_not(s, away, there, params)]
    chosen = choose_laws(issues, index, number, seed, min_issues, most_share)
    new = [s for s in issues if {index.law_key(key) for key in s.article_keys} <= chosen]
    groups = {s.group for s in new}
    more = replace(
        away,
        articles=away.articles | {key for key, law in laws_of(index.article_keys | there.keys()).items() if law in chosen},
        sources=away.sources | {s.source_id for s in labelled.sections if s.group in groups},
        query_texts=(*away.query_texts, *(s.text for s in new)),
    )
    made = with_laws_kept(make_pairs(raw, passages, decisions, more, params), more)
    queries = [Query(s.query_id, s.text, s.article_keys, s.group, s.source_id) for s in new if not s.names_positive]
    return made, queries, [index.law(law).name for law in sorted(chosen)]


def choose_laws(
    issues: Sequence[LabelledSection], index: LawIndex, number: int, seed: int, min_issues: int, most_share: float
) -> frozenset[str]:
    """Laws with enough issues of their own and not too many of all, by hash."""
    cited = [{index.law_key(key) for key in issue.article_keys} for issue in issues]
    alone = Counter(law for laws in cited if len(laws) == 1 for law in laws)
    every = Counter(law for laws in cited for law in laws)
    fit = [law for law, n in alone.items() if n >= min_issues and every[law] <= most_share * len(issues)]
    if len(fit) < number:
        said = f"{len(fit)} laws have {min_issues} issues of their own and at most {most_share:.0%} of all"
        raise click.ClickException(f"{said}; {number} are wanted: lower --laws or --min-issues, or raise --most-share")
    return frozenset(sorted(fit, key=lambda law: hashlib.sha256(f"{seed}:{law}".encode()).digest())[:number])


def with_laws_kept(made: MadePairs, away: HeldOut) -> MadePairs:
    """What generate_qa and mine keep away from: the laws left out beside what validation keeps."""
    kept = KeptApart(tuple(sorted({*made.pairs.kept.articles, *away.articles})), made.pairs.kept.laws)
    return replace(made, pairs=replace(made.pairs, kept=kept))


def train(project: Path, work: Path, made: MadePairs) -> None:
    """The project's stages, from these pairs to a model."""
    write_output(work / PROCESSED / "pairs_train.jsonl", made.pairs.train)
    write_output(work / PROCESSED / "pairs_train_valid.jsonl", made.pairs.valid)
    write_json(work / PROCESSED / "valid_unseen.json", made.pairs.kept)
    params = work / "params.yaml"
    write_text(params, read_text(project / "params.yaml"))
    if load_section(params, "mine", MineParams).encoder == "models/base":  # the one that is made here
        write_params(params, {"mine.encoder": str(work / "models/base")})
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for stage in STAGES:
        say(f"stage {stage}")
        command = [*stage_command(project, stage, work), "--params", str(params)]
        done = subprocess.run(command, cwd=project, env=environment, check=False, capture_output=True, text=True)
        if done.returncode:
            raise click.ClickException(f"stage {stage} failed: {done.stderr.strip() or done.stdout.strip()}")


def show(project: Path, work: Path, parts: Mapping[str, Sequence[Query]], valid: Sequence[Pair]) -> None:
    """Every system on every part, and the paired differences."""
    evaluation = load_section(project / "params.yaml", "evaluate", EvaluateParams)
    fusion = load_section(project / "params.yaml", "fusion", FusionParams)
    corpus = list(read_records(project / PROCESSED / "merged_corpus.jsonl", Passage))
    os.chdir(project)  # whose row store is used
    inputs = Inputs(
        encoder=open_encoder(work / "models/encoder"),
        base=open_encoder(work / "models/base"),
        encoder_hash="",
        corpus=corpus,
        train_pairs=list(read_records(work / PROCESSED / "pairs_train.jsonl", Pair)),
        valid_pairs=valid,
        testset=load_testset(project / "data/testset"),
        probes={},
        mixed=load_mixed(fusion.encoders, fusion.max_length)[0],
    )
    with open_store() as store:
        source = Stored(store)
        retrieval = load_section(project / "params.yaml", "retrieval", RetrievalParams)
        searcher = Searcher(corpus, source.tokens([p.text for p in corpus]), retrieval, evaluation.depth)
        search = searches(inputs, searcher, source, passages_of(inputs, source))
        known = [Asked(q.id, q.text, q.own) for q in map(query_of, valid)]
        hybrid = fit_hybrid(inputs, searcher, search, {system: run(known) for system, run in search.items()}, fusion)
        columns, gaps = {}, {}
        for name, queries in parts.items():
            asked = [Asked(q.id, q.text, q.own) for q in queries]
            found = {system: run(asked) for system, run in search.items()}
            found[HYBRID] = hybrid.run(asked, found, evaluation.depth)
            answers = {q.id: searcher.named(q.gold) for q in queries}
            table = np.array([[row[HEADLINE] for row in evaluate_run(run, answers, (10,)).values()] for run in found.values()]).T
            sample = Resampler([q.group for q in queries], evaluation.resamples, evaluation.confidence, evaluation.seed)
            columns[name] = dict(zip(found, sample.intervals(table), strict=True))
            place = {system: number for number, system in enumerate(found)}
            one, two = (table[:, [place[gap[side]] for gap in GAPS]] for side in (0, 1))
            gaps[name] = dict(zip(GAPS, sample.differences(one, two), strict=True))
    heads = [f"{name} ({len(queries)})" for name, queries in parts.items()]
    rows = [
        (label(system), *(f"{i.value:.3f} [{i.low:.3f}, {i.high:.3f}]" for i in (columns[name][system] for name in parts)))
        for system in (*search, HYBRID)
    ]
    show_table(f"{HEADLINE}; the hybrid is fitted on validation ({hybrid.mixture.form})", ("system", *heads), rows)
    rows = [
        (f"{label(one)} - {label(two)}", *(f"{g.value:+.3f} [{g.low:+.3f}, {g.high:+.3f}]" for g in found))
        for one, two in GAPS
        for found in [[gaps[name][one, two] for name in parts]]
    ]
    show_table("paired differences", ("difference", *heads), rows)


def query_of(pair: Pair) -> Query:
    """A validation pair as a query."""
    return Query(pair.query_id, pair.query_text, pair.meta.article_keys, pair.meta.group, pair.meta.source_id)


def asked_of(row: Mapping[str, Any]) -> Query:
    """A line of the file of questions."""
    return Query(row["qid"], row["text"], tuple(row["gold"]), row["qid"])


if __name__ == "__main__":
    main()
