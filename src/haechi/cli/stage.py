"""`haechi stage`: all figures of a stage, where its end on the screen shows a few."""

from pathlib import Path

from haechi.pipeline.stage_details import read_details
from haechi.questions.llm import sample_rows
from haechi.records.question import Question
from haechi.runtime.files import read_records
from haechi.runtime.progress import show_counts, show_table
from haechi.scoring.tables import COLUMNS, result_rows

QUESTIONS = Path("data/qa/questions.jsonl")


def show_stage(root: Path, name: str) -> None:
    """Tables for a reader first where there are some, then every figure by its name."""
    facts = read_details(root, name)
    if name == "generate_qa" and (root / QUESTIONS).is_file():
        show_table("samples", ("style", "question"), sample_rows(list(read_records(root / QUESTIONS, Question))), figures=False)
    if name == "select":
        from haechi.selection.summary import show_candidates  # late: it needs torch

        show_candidates(facts)
    if name == "evaluate":
        show_table("on the test queries", COLUMNS, result_rows(facts))
    show_counts(name, facts)
