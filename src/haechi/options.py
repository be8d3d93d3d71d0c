"""Click options that stages share: paths and the parameters file."""

from pathlib import Path
from typing import Any

import click

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


def file(*names: str) -> Any:
    """A required path of a file."""
    return click.option(*names, type=FILE, required=True)


def folder(*names: str) -> Any:
    """A required path of a folder."""
    return click.option(*names, type=FOLDER, required=True)


params = click.option("--params", type=FILE, default=Path("params.yaml"), show_default=True, help="The parameters.")
