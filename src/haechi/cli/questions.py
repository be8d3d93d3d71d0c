"""Runs the generate_qa stage as dvc.yaml has it, but only to say what it would ask of a language model."""

import shlex
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

from haechi.runtime.errors import HaechiError


def dry_run_of_questions(root: Path) -> None:
    """Prints the table of `stages/generate_qa.py --dry-run`; nothing is asked and nothing written."""
    file = root / "dvc.yaml"
    try:
        command = YAML(typ="safe").load(file.read_text(encoding="utf-8"))["stages"]["generate_qa"]["cmd"]
    except (FileNotFoundError, KeyError) as error:
        raise HaechiError(f"{file}: no stage generate_qa here; run this in the folder of the pipeline") from error
    _python, *arguments = shlex.split(command)
    done = subprocess.run([sys.executable, *arguments, "--dry-run"], cwd=root, check=False)
    if done.returncode:
        raise HaechiError(
            f"the dry run of generate_qa ended with {done.returncode}; it needs what `dvc repro merge_corpus` makes"
        )
