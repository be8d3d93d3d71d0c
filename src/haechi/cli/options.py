"""Options that several commands have: the same name, default and help in each."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from haechi.pipeline.stage_details import file_of
from haechi.runtime.errors import UsageError
from haechi.runtime.options import FILE, FOLDER

EXISTING = click.Path(path_type=Path, exists=True)
ENCODER = Path("models/encoder")

root = click.option("--root", type=FOLDER, default=Path(), help="The project.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
corpus = click.option(
    "--corpus", type=FILE, default=Path("data/processed/merged_corpus.jsonl"), show_default=True, help="The passages."
)


def reranked(command: Callable[..., Any]) -> Callable[..., Any]:
    """Whether the hybrid's first articles are reranked, and what that may cost; gives `reranking`."""

    @wraps(command)
    def with_reranking(rerank: bool, bits: str, budget_ms: int, **others: Any) -> Any:
        from haechi.serving.rerank import Reranking

        if not rerank and (bits != "fp32" or budget_ms):
            raise UsageError("--bits and --budget-ms are of the reranker; add --rerank")
        return command(reranking=Reranking(bits, budget_ms) if rerank else None, **others)  # type: ignore[arg-type]

    made: Callable[..., Any] = with_reranking
    for option in (
        click.option("--budget-ms", type=click.IntRange(0), default=0, help="Rerank as deep as this time allows; 0: whole."),
        click.option("--bits", type=click.Choice(["fp32", "bf16", "int8"]), default="fp32", help="Fewer need OpenVINO."),
        click.option("--rerank", is_flag=True, help="Put the hybrid's first articles into the reranker's order."),
    ):
        made = option(made)
    return made


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
