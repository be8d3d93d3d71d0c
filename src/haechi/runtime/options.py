"""Click options that stages share: paths and the parameters file."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from haechi.runtime.check_params import check_file

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


def file(*names: str) -> Any:
    """A required path of a file."""
    return click.option(*names, type=FILE, required=True)


def folder(*names: str) -> Any:
    """A required path of a folder."""
    return click.option(*names, type=FOLDER, required=True)


def params(command: Callable[..., None]) -> Any:
    """The parameters file, all of it checked before any work: no stage runs for what a later one refuses."""

    @wraps(command)
    def checked(**given: Any) -> None:
        check_file(given["params"])
        command(**given)

    return click.option("--params", type=FILE, default=Path("params.yaml"), show_default=True, help="The parameters.")(checked)
