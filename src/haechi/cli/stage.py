"""`haechi stage`: all figures of a stage, where its end on the screen shows a few."""

from pathlib import Path

import click

from haechi.cli import options
from haechi.cli.project import Command
from haechi.pipeline.dvc_yaml import load_stages
from haechi.pipeline.stage_details import STAGES, file_of, read_details
from haechi.questions.llm import sample_rows
from haechi.records.question import Question
from haechi.runtime.files import read_records
from haechi.runtime.progress import show_counts, show_table
from haechi.scoring.evaluation import evaluation_of
from haechi.scoring.verdict import result_table
from haechi.selection.summary import show_candidates

QUESTIONS = Path("data/qa/questions.jsonl")


@click.command(cls=Command, epilog="Example: haechi stage mine")
@click.argument("name", type=click.Choice(STAGES), required=False)
@options.root
def stage(name: str | None, root: Path) -> None:
    """Show all figures of a stage's last run; without a name, list the stages."""
    show_stage(root, name) if name else list_stages(root)


def list_stages(root: Path) -> None:
    """Every stage in the order of dvc.yaml: what it does, and where its figures are."""
    rows = []
    for one in load_stages(root).values():
        file = file_of(one.name)
        figures = "-" if one.name not in STAGES else str(file) if (root / file).is_file() else f"none yet: dvc repro {one.name}"
        rows.append((one.name, one.description, figures))
    show_table("stages", ("stage", "what it does", "figures"), rows, figures=False)


def show_stage(root: Path, name: str) -> None:
    """Tables for a reader first where there are some, then every figure by its name."""
    facts = read_details(root, name)
    if name == "generate_qa" and (root / QUESTIONS).is_file():
        show_table("samples", ("style", "question"), sample_rows(list(read_records(root / QUESTIONS, Question))), figures=False)
    if name == "select":
        show_candidates(facts)
    if name == "evaluate":
        show_table("on the test queries", *result_table(evaluation_of(facts)))
    show_counts(name, facts)
