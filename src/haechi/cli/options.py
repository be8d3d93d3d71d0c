"""Options that several commands have: the same name, default and help in each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from haechi.pipeline.stage_details import file_of
from haechi.runtime.options import FILE, FOLDER

EXISTING = click.Path(path_type=Path, exists=True)
ENCODER = Path("models/encoder")

root = click.option("--root", type=FOLDER, default=Path(), help="The project.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
corpus = click.option(
    "--corpus", type=FILE, default=Path("data/processed/merged_corpus.jsonl"), show_default=True, help="The passages."
)


def searched(command: Callable[..., Any]) -> Callable[..., Any]:
    """What is searched, and with which model."""
    options = (
        click.option("--model", type=FOLDER, default=ENCODER, show_default=True, help="The tuned model."),
        corpus,
        click.option("--vectors", type=FOLDER, help="Folder that `haechi embed` made of this corpus with this model."),
        click.option("--params", type=FILE, default=Path("params.yaml"), show_default=True, help="The parameters."),
        click.option("--details", type=FILE, default=file_of("evaluate"), show_default=True, help="For the threshold."),
        click.option("--mixture", type=FILE, default=Path("models/fusion.json"), show_default=True, help="The hybrid's weights."),
    )
    for option in reversed(options):
        command = option(command)
    return command
