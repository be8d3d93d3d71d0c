"""Runs the generate_qa stage as dvc.yaml has it, but only to say what it would ask of a language model."""

import subprocess
import sys
from pathlib import Path

from haechi.pipeline.dvc_yaml import load_stage
from haechi.runtime.errors import HaechiError


def dry_run_of_questions(root: Path) -> None:
    """Prints the table of `stages/generate_qa.py --dry-run`; nothing is asked and nothing written."""
    _python, *arguments = load_stage(root, "generate_qa").command
    done = subprocess.run([sys.executable, *arguments, "--dry-run"], cwd=root, check=False)
    if done.returncode:
        raise HaechiError(
            f"the dry run of generate_qa ended with {done.returncode}; it needs what `dvc repro merge_corpus` makes"
        )
