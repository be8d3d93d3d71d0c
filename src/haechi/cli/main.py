"""The `haechi` command: what people do beside `dvc repro`."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import click

from haechi.cli.project import Commands
from haechi.runtime import command

GROUPS = {
    "Pipeline": {
        "fetch": "Download raw documents from the national law information service.",
        "testset": "Rebuild the frozen test set, on purpose.",
        "update": "Take in new documents: train on from the present model, show gain and loss.",
        "questions": "Say what generate_qa would ask of a language model now, and about what it costs.",
        "stage": "Show all figures of a stage's last run; without a name, list the stages.",
        "verdict": "Show how the training goes or ended, whether to trust it, and what to try next.",
        "report": "Write the report with what only this machine knows: times, disk, tokens, money.",
        "release": "Train once more by the chosen settings, on all labels, for deployment.",
        "card": "Show or write the model card of models/encoder, from what its run left.",
    },
    "Compare": {
        "compare": "Is it really better? Compare revisions, or one revision with the workspace.",
        "rank": "Which run is best on validation? A ranking with intervals and ties.",
        "reeval": "Score the models of revisions on today's test set, for `haechi compare`.",
        "alignment": "Do the mined examples resemble the test set, and is nothing held out among them?",
        "learning-curve": "How much data do I need? Quality against the number of decisions or questions.",
        "pool": "Sheets for people: judge what the systems found, or put questions of one's own.",
    },
    "Search": {
        "search": "Show what the tuned model, BM25 and both fused find for a question.",
        "answer": "Answer a question or a JSONL of conversations, with cited passages.",
        "ensemble": "Put submissions together by reciprocal rank, silent where most of them are.",
        "serve": "Serve a search page on this machine alone: http://127.0.0.1:8000/.",
        "embed": "Turn texts into vectors: a JSONL with ids and texts, or a file with a text a line.",
        "citations": "Show how a string of citations is read and what each one resolves to.",
        "mined": "Explain what the mine stage did with a query.",
    },
    "Sweep": {
        "lr-sweep": "Which learning rate? Short trainings scored on validation, with repeated seeds.",
        "sweep": "Search parameters with DVC experiments that are scored on validation.",
    },
    "Upkeep": {
        "doctor": "Look for what would stop a run or spoil an experiment; each line has its remedy.",
        "verify": "Run the committed pipeline again in a clean clone and compare every file.",
        "rows": "Look after the row store: answers, vectors, scores, tokens that were costly.",
        "deps": "Compare the code that each stage names in dvc.yaml with what it imports.",
        "docs": "Keep parameters, graph, reruns and results in the documents exact.",
    },
}
"""Heading -> command -> the first line of its help, which stands here too so that `haechi --help` imports no command."""

MODULES = {"docs": "write_docs"}
"""Command -> its module in this room, where that isn't its own name."""


class Imported(Mapping[str, click.Command]):
    """The commands by name; each is imported when somebody asks for it."""

    def __init__(self) -> None:
        self.names = [name for commands in GROUPS.values() for name in commands]

    def __getitem__(self, name: str) -> click.Command:
        """The command: the function of its name in its module."""
        if name not in self.names:
            raise KeyError(name)
        function = name.replace("-", "_")
        found: click.Command = getattr(import_module(f"haechi.cli.{MODULES.get(name, function)}"), function)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


class Grouped(Commands):
    """The commands under their headings, none of them imported for it."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = Imported()  # type: ignore[assignment]  # click adds commands to a group; nobody adds to this one

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """A section a heading, their columns in line."""
        width = max(map(len, self.commands))
        for heading, commands in GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), sentence) for name, sentence in commands.items()])


@click.group(cls=Grouped, context_settings={"max_content_width": 100})
@click.version_option(package_name="haechi")
def main() -> None:
    """haechi: raw Korean documents in, a retrieval model whose improvement can be believed out."""


def entry() -> None:
    """The console script."""
    command.run(main)
