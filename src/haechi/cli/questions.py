"""Runs the generate_qa stage as dvc.yaml has it, but only to say what it would ask of a language model."""

import subprocess
import sys
from pathlib import Path

import click

from haechi.cli.project import Command
from haechi.pipeline.dvc_yaml import load_stage
from haechi.runtime.errors import HaechiError


@click.command(cls=Command, epilog="Example: haechi questions --dry-run")
@click.option("--dry-run", is_flag=True, required=True, help="Ask nothing.")
def questions(dry_run: bool) -> None:
    """Say what generate_qa would ask of a language model now, and about what it costs.

    Nothing is asked and nothing is written.
    """
    _python, *arguments = load_stage(Path(), "generate_qa").command
    done = subprocess.run([sys.executable, *arguments, "--dry-run"], check=False)
    if done.returncode:
        raise HaechiError(
            f"questions: the dry run of generate_qa ended with {done.returncode}; it needs what `dvc repro merge_corpus` makes"
        )
