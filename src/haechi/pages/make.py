"""Report and pictures of a run, from the files that it left."""

from dataclasses import dataclass
from pathlib import Path

from haechi.files import atomic_folder
from haechi.pages import figures
from haechi.pages.examples import trained_on
from haechi.pages.inputs import Found, Places, gather
from haechi.pages.local import look
from haechi.pages.report import render
from haechi.pages.slices import sliced


@dataclass(frozen=True)
class Made:
    """What was found, and the page."""

    found: Found
    page: str


def make(places: Places, examples: Path, pictures: Path | None = None, local: Path | None = None) -> Made:
    """Read, draw and render; pictures are written where a folder is given, `local` is the project whose costs are told."""
    found = gather(places)
    slices = sliced(found.rows, float(found.stage("evaluate").get("confidence", 0.95)))
    drawn = figures.draw(found, slices)
    page = render(found, slices, drawn, trained_on(examples), look(local) if local else None)
    if pictures is not None:
        with atomic_folder(pictures) as folder:
            figures.write(drawn, folder)
    figures.close(drawn)
    return Made(found, page)
