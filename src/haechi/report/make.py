"""Report and pictures of a run, from the files that it left."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from haechi.report import figures
from haechi.report.checks import checks
from haechi.report.conclusion import Answer, answer
from haechi.report.examples import trained_on
from haechi.report.inputs import Places, Results, gather
from haechi.report.report import render
from haechi.report.slices import sliced
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import atomic_folder

if TYPE_CHECKING:
    from haechi.report.machine_facts import Local


def complete(places: Places, examples: Path) -> Results:
    """What was found, where nothing may be missing: a stage has all of its inputs or doesn't start."""
    results = gather(places)
    if results.missing:
        first = results.missing[0]
        raise HaechiError(f"{first.file}: no such file; make it with `{first.remedy}`")
    if not examples.is_file():
        raise HaechiError(f"{examples}: no such file; make it with `dvc repro mine`")
    return results


@dataclass(frozen=True)
class Report:
    """The page, and the answer that stands at its top."""

    page: str
    answer: Answer | None


def make(results: Results, examples: Path, pictures: Path | None = None, local: "Local | None" = None) -> Report:
    """Draw and render the page; pictures are written where a folder is given, `local` is the project whose costs are told."""
    slices = sliced(results.rows, results.evaluation.confidence)
    looked = checks(results)
    answered = answer(results, slices, looked)
    drawn = figures.draw(results, slices)
    page = render(results, slices, drawn, answered, looked, trained_on(examples), local)
    if pictures is not None:
        with atomic_folder(pictures) as folder:
            figures.write(drawn, folder)
    figures.close(drawn)
    return Report(page, answered)
