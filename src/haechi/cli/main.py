"""The `haechi` command: what people do beside `dvc repro`."""

from pathlib import Path

import click

from haechi.cli.project import Anywhere, Commands, FolderOrName
from haechi.cli.serving import embed, search, serve
from haechi.pipeline.stage_details import STAGES
from haechi.runtime import command


@click.group(cls=Commands)
@click.version_option(package_name="haechi")
def main() -> None:
    """haechi: raw Korean documents in, a retrieval model whose improvement can be believed out."""


@main.command()
@click.option("--check", "check", is_flag=True, help="Fail if dvc.yaml or the code named in dvc.lock is stale.")
@click.option("--report", "report", is_flag=True, help="Show what each stage names, and what of it doesn't run.")
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="The project.")
def deps(check: bool, report: bool, root: Path) -> None:
    """Hold the code that each stage names in dvc.yaml against what it imports."""
    from haechi.cli.deps import check_deps, report_deps
    from haechi.runtime.errors import UsageError

    if check == report:
        raise UsageError("haechi deps: say either --check or --report")
    check_deps(root.resolve()) if check else report_deps(root.resolve())


@main.command()
@click.option("--write", "write", is_flag=True, help="Write the parts of the documents that repeat the code.")
@click.option("--check", "check", is_flag=True, help="Fail if a document is not what --write would make it.")
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="The project.")
def docs(write: bool, check: bool, root: Path) -> None:
    """Keep parameters, graph, reruns and results in the documents exact."""
    from haechi.cli import docs as documents
    from haechi.runtime.errors import UsageError

    if write == check:
        raise UsageError("haechi docs: say either --write or --check")
    documents.write(root.resolve()) if write else documents.check(root.resolve())


@main.command()
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="The project.")
def verdict(root: Path) -> None:
    """How the training is doing, or how it ended: its state, whether to trust it, and what to try next."""
    from haechi.guards.show import show
    from haechi.guards.status import state_of
    from haechi.pipeline.stage_details import file_of

    show(state_of(root / file_of("train"), root / "models" / "run"))


@main.command()
@click.argument("name", type=click.Choice(STAGES))
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="The project.")
def stage(name: str, root: Path) -> None:
    """All figures that a stage counted in its last run."""
    from haechi.cli.stage import show_stage

    show_stage(root, name)


@main.command()
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write it here; shown where not given.")
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="The project.")
def card(out: Path | None, root: Path) -> None:
    """The model card of models/encoder, from what its run left."""
    from haechi.cli.card import model_card
    from haechi.runtime.files import write_text

    text = model_card(root)
    write_text(out, text) if out else click.echo(text, nl=False)


@main.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("reports/report-local.html"),
    show_default=True,
    help="Write it here; git and DVC leave this file alone.",
)
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="The project.")
def report(out: Path, root: Path) -> None:
    """The report with what only this machine knows: times, devices, disk, tokens and money."""
    from haechi.cli.report import write_report

    write_report(root, out)


@main.command(cls=Anywhere)
@click.argument("text")
@click.option("--raw", type=click.Path(path_type=Path, file_okay=False), default=Path("data/raw"), show_default=True)
@click.option("--date", default="", help="Date of the citing decision (YYYYMMDD), for the date rule.")
def citations(text: str, raw: Path, date: str) -> None:
    """Show how a string of citations is read and what each one resolves to."""
    from haechi.citations.law_index import LawBook
    from haechi.citations.resolve import Resolved, parse_citations, resolve
    from haechi.parsing.ingest import read_corpus
    from haechi.runtime.progress import show_table

    corpus = read_corpus(raw)
    book = LawBook(corpus.statutes, corpus.rules)
    rows = []
    for citation in parse_citations(text):
        answer = resolve(citation, book, date)
        place = " ".join(filter(None, (citation.article, citation.paragraph, citation.item, citation.subitem)))
        meaning = answer.article_key if isinstance(answer, Resolved) else f"- ({answer.reason})"
        rows.append((citation.law, place, citation.kind, citation.form, meaning))
    show_table(text, ("law", "place", "kind", "form", "article"), rows)


@main.group()
def testset() -> None:
    """The frozen test set."""


@testset.command()
def refresh() -> None:
    """Rebuild the test set from data/raw on purpose; figures from before can't be compared with figures after."""
    from haechi.cli.refresh import refresh_testset

    refresh_testset(Path())


@main.group()
def mined() -> None:
    """What the mine stage did."""


@mined.command()
@click.argument("query_id")
@click.option("--audit", type=click.Path(path_type=Path, file_okay=False), default=Path("data/mined/audit"), show_default=True)
@click.option(
    "--corpus",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("data/processed/merged_corpus.jsonl"),
    show_default=True,
)
def show(query_id: str, audit: Path, corpus: Path) -> None:
    """Explain one example: every candidate of a query with its ranks, its scores and its fate."""
    from haechi.cli.mined import show_query

    show_query(query_id, audit, corpus)


@main.command()
@click.argument("revisions", nargs=-1, required=True, metavar="REV [REV ...]")
@click.option("--system", default="tuned", show_default=True, help="Which system's results are compared.")
@click.option("--metric", default="ndcg@10", show_default=True, help="What the verdict is about.")
@click.option("--max-drop", "max_drop", multiple=True, metavar="METRIC=NUMBER", help="Exit with 1 if a metric falls by more.")
@click.option("--all", "everything", is_flag=True, help="Every metric, slice and query that moved, with what was found.")
@click.option("--md", "markdown", is_flag=True, help="Print Markdown.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def compare(
    revisions: tuple[str, ...],
    system: str,
    metric: str,
    max_drop: tuple[str, ...],
    everything: bool,
    markdown: bool,
    as_json: bool,
) -> None:
    """Is it really better? Set revisions against the first REV; one REV alone is set against the workspace.

    A REV is a git revision, the name of an experiment, or `workspace`. Exit code 2: scored on different test sets.
    """
    from haechi.cli.compare import Form, show_comparison

    form: Form = "json" if as_json else "md" if markdown else "text"
    show_comparison(Path(), revisions, system, metric, max_drop, form, everything)


@main.command()
@click.argument("models", nargs=-1, metavar="[MODEL ...]", type=FolderOrName())
def rank(models: tuple[str, ...]) -> None:
    """Which run is best on validation? A ranking with intervals and ties, by the composite of params.yaml (section `rank`).

    A MODEL is a model folder, a git revision, the name of an experiment, or `workspace`; without any, the base and the
    checkpoints of this workspace are ranked.
    """
    from haechi.cli.rank import show_ranking

    show_ranking(Path(), models)


@main.command()
@click.argument("revisions", nargs=-1, required=True, metavar="REV [REV ...]")
def reeval(revisions: tuple[str, ...]) -> None:
    """Score the models of revisions on today's test set, so that `haechi compare` can set them beside today's."""
    from haechi.cli.compare import reevaluate

    reevaluate(Path(), revisions)


@main.command()
def alignment() -> None:
    """Before training: do the mined examples resemble what is evaluated, and is nothing held out among them?"""
    from haechi.cli.alignment import show_alignment

    show_alignment(Path())


@main.command("learning-curve")
@click.option("--of", type=click.Choice(["decisions", "questions"]), default="decisions", show_default=True, help="What grows.")
@click.option("--shares", default="0.1,0.25,0.5,1", show_default=True, help="Shares of it, each a training.")
@click.option("--seed", type=click.IntRange(min=0), default=7, show_default=True, help="Which part is taken.")
def learning_curve(of: str, shares: str, seed: int) -> None:
    """How much data do I need? Quality against the number of labelled decisions or synthetic questions."""
    from haechi.cli.learning_curve import learning_curve as measure
    from haechi.runtime.errors import UsageError

    try:
        numbers = [float(share) for share in shares.split(",")]
    except ValueError as error:
        raise UsageError(f"learning-curve --shares {shares}: expected numbers with commas, such as 0.1,0.5,1") from error
    measure(Path(), "decisions" if of == "decisions" else "questions", numbers, seed)


@main.command("lr-sweep")
@click.option("--low", default=1e-5, show_default=True, help="Lowest rate.")
@click.option("--high", default=1e-2, show_default=True, help="Highest rate.")
@click.option("--plan", type=click.Choice(["halving", "classic"]), default="halving", show_default=True, help="How to search.")
@click.option("--rates", default=7, show_default=True, help="Rates of the first round (halving).")
@click.option("--stages", default=5, show_default=True, help="Stages of five rates, at most (classic).")
@click.option("--seeds", default=5, show_default=True, help="Runs of each finalist.")
@click.option("--seed", default=7, show_default=True, type=click.IntRange(min=0), help="The first seed.")
@click.option("--examples", default=1000, show_default=True, type=click.IntRange(min=0), help="Training examples; 0 takes all.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("reports/lr-sweep"), show_default=True, help="Files."
)
@click.option("--apply", "apply", is_flag=True, help="Write the rate into params.yaml.")
def lr_sweep(
    low: float, high: float, plan: str, rates: int, stages: int, seeds: int, seed: int, examples: int, out: Path, apply: bool
) -> None:
    """Which learning rate? Short trainings scored on validation, with repeated seeds, and an honest answer.

    What is done is kept: the same command goes on where it was stopped, and a second one beside it shares the work.
    """
    from haechi.cli.lr_sweep import lr_sweep as search_rate
    from haechi.sweeps.learning_rate.search import Search

    search = Search(low, high, "classic" if plan == "classic" else "halving", rates, stages, seeds, seed)
    search_rate(Path(), search, examples, out, apply=apply)


@main.command(cls=click.Command, add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def sweep(arguments: tuple[str, ...]) -> None:
    """Search parameters with DVC experiments: preset, --config, agent, status, best, report."""
    from haechi.cli.sweep import sweep as group  # late: `haechi --help` needn't wait for it

    group.main(list(arguments), prog_name="haechi sweep", standalone_mode=False)


@main.group()
def pool() -> None:
    """Judging by people: courts' citations are incomplete."""


@pool.command("export")
@click.option("--queries", default=50, show_default=True, type=click.IntRange(min=1), help="How many queries.")
@click.option("--seed", default=7, show_default=True, type=click.IntRange(min=0), help="Which queries, in which order.")
@click.argument("sheet", type=click.Path(path_type=Path, dir_okay=False))
def pool_export(sheet: Path, queries: int, seed: int) -> None:
    """Write a blind CSV: the first ten articles of all systems, query by query, shuffled."""
    from haechi.cli.pool import export

    export(Path(), sheet, queries, seed)


@pool.command("import")
@click.argument("sheet", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("data/pool.jsonl"), show_default=True)
def pool_import(sheet: Path, out: Path) -> None:
    """Read the filled sheet and score every system with what people accepted as extra gold."""
    from haechi.cli.pool import take

    take(Path(), sheet, out)


@main.command()
@click.option("--dry-run", is_flag=True, required=True, help="Ask nothing.")
def questions(dry_run: bool) -> None:
    """Say what generate_qa would ask of a language model now, and about what that would cost."""
    from haechi.cli.questions import dry_run_of_questions

    dry_run_of_questions(Path())


@main.command(cls=Anywhere)
@click.argument("what", type=click.Choice(["laws", "admin-rules", "precedents"]))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of the files, one a record.")
@click.option("--query", default="*", show_default=True, help="Only what the service finds for these words.")
@click.option("--max", "most", type=click.IntRange(min=1), help="Only the first so many of the list.")
@click.option("--delay", type=click.FloatRange(min=0), default=1.0, show_default=True, help="Seconds between two requests.")
def fetch(what: str, out: Path, query: str, most: int | None, delay: float) -> None:
    """Download raw documents from the national law information service; the key is in HAECHI_LAW_OC."""
    import os
    from contextlib import closing
    from random import Random

    from haechi.fetch.client import Client, Pace, service_from
    from haechi.fetch.download import LEDGER, download
    from haechi.fetch.replies import TARGETS
    from haechi.runtime.progress import say, show_table

    with closing(Client(service_from(os.environ), Pace(delay), Random())) as client:  # noqa: S311  # jitter, no secret
        done = download(client, TARGETS[what], out, query, most)
    rows = [("listed", done.listed), ("already there", done.present), ("fetched", done.fetched)]
    if done.from_ledger:
        rows.insert(1, (f"only in {LEDGER}", done.from_ledger))
    rows += [(f"failed: {reason}", count) for reason, count in done.failed.items()]
    show_table(f"fetch {what}", ("what", "records"), rows)
    if done.listed < done.announced:
        say(f"the service announces {done.announced} and lists {done.listed} different ones; run again for the rest")
    if done.failed:
        say(f"what failed is in {out / LEDGER}; the same command tries it again")


@main.command(cls=click.Command, add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def rows(arguments: tuple[str, ...]) -> None:
    """The row store: stats, export, import, prune, verify."""
    from haechi.cli.rows import rows as group  # late: `haechi --help` needn't wait for numpy

    group.main(list(arguments), prog_name="haechi rows", standalone_mode=False)


@main.command()
@click.option(
    "--rows",
    type=click.Path(path_type=Path, exists=True),
    help="Export of rows (`haechi rows export`) to fill its row store from.",
)
@click.option("--rev", default="HEAD", show_default=True, help="The commit to replay.")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Replay in this empty folder and leave it.")
@click.option("--all", "everything", is_flag=True, help="Name the files that agree too.")
def verify(rows: Path | None, rev: str, keep: Path | None, everything: bool) -> None:
    """Run the committed pipeline again in a clean clone and compare every file with dvc.lock and git."""
    from haechi.cli.verify import verify_project

    verify_project(Path(), rev, rows, keep, everything)


@main.command(cls=Anywhere)  # a project that lacks params.yaml is one of its findings
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def doctor(as_json: bool) -> None:
    """Look for what would stop a run or spoil an experiment: a line a check, with the remedy."""
    from haechi.cli.doctor import examine_project
    from haechi.runtime.environment import project_root

    examine_project(project_root(), as_json)


for using in (search, serve, embed):
    main.add_command(using)


def entry() -> None:
    """The console script."""
    command.run(main)
