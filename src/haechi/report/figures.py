"""Charts drawn: as files for `dvc plots` and people, and as SVG that stands in a page in both languages."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape, unescape
from pathlib import Path

from haechi.report import style
from haechi.report.inputs import Results
from haechi.report.plots import PLOTS, Plot
from haechi.report.slices import Slice
from haechi.report.style import Picture, Say
from haechi.runtime.files import write_bytes, write_csv, write_text

SPARE = 14.0


@dataclass(frozen=True)
class Figure:
    """A chart that was drawn."""

    plot: Plot
    picture: Picture
    svg: str
    inline: str
    """The SVG for a page: both languages in it, colours left to the page, names of its own."""


def draw(results: Results, slices: Sequence[Slice]) -> dict[str, Figure]:
    """Every chart that has data."""
    figures = {}
    for plot in PLOTS:
        say = Say()
        picture = plot.draw(results, slices, say)
        if picture is not None:
            svg = style.svg(picture.figure)
            figures[plot.name] = Figure(plot, picture, svg, _inline(plot, svg, say))
    return figures


def write(figures: dict[str, Figure], folder: Path) -> None:
    """SVG, PNG and table of each chart; a chart without data leaves an empty table, so that `dvc plots` finds its file."""
    for plot in PLOTS:
        figure = figures.get(plot.name)
        if figure is not None:
            write_text(folder / f"{plot.name}.svg", figure.svg)
            write_bytes(folder / f"{plot.name}.png", style.png(figure.picture.figure))
            columns = figure.picture.columns
            rows = [dict(zip(columns, row, strict=True)) for row in figure.picture.rows]
            write_csv(folder / f"{plot.name}.csv", columns, rows)


def close(figures: dict[str, Figure]) -> None:
    """Let the pictures go."""
    for figure in figures.values():
        style.pyplot().close(figure.picture.figure)


def _inline(plot: Plot, svg: str, say: Say) -> str:
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{plot.name}-", body)
    body = re.sub(r">([^<>]+)</text>", lambda match: f">{_both(match[1], say)}</text>", body)
    return re.sub(r"<svg[^>]*>", lambda match: _opening(plot, match[0]), body, count=1)


def _opening(plot: Plot, tag: str) -> str:
    """The SVG's tag for a page: as wide as there is room, with some to spare for a reader whose font is wider than ours."""
    width, height = map(float, re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', tag)[0])
    name = f"{escape(plot.title.en)} / {escape(plot.title.ko)}"
    box = f"{-SPARE:g} 0 {width + 2 * SPARE:g} {height:g}"
    font = escape(style.FONTS).replace("&#x27;", "'")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" aria-label="{name}" '
        f'viewBox="{box}" style="max-width: {width * 4 / 3:.0f}px; font-family: {font}">'
    )


def _both(text: str, say: Say) -> str:
    """A text of the picture, with its Korean where it has one."""
    korean = say.korean.get(unescape(text).strip())
    if korean is None or korean == unescape(text).strip():
        return text
    return f'<tspan class="en">{text}</tspan><tspan class="ko">{escape(korean)}</tspan>'
