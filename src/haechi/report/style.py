"""How every picture looks and is saved: one style, a font with Hangul that comes along, no dates or versions in the file.

A picture is an SVG whose text stays text, and a PNG. SVGs follow the reader's light or dark scheme: each colour here has a
dark counterpart, set by a style sheet that the file carries. Pages that hold the SVG inline carry the same sheet once.
"""

import base64
import hashlib
import warnings
from dataclasses import dataclass, field
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from haechi.runtime.files import write_bytes
from haechi.scoring.names import COLOURS, OTHER_COLOUR
from haechi.text.bilingual import Words

FONT = Path(__file__).with_name("fonts") / "HaechiSans-Regular.otf"
FAMILIES = (
    "Haechi Sans",
    "Noto Sans KR",
    "Noto Sans CJK KR",
    "Apple SD Gothic Neo",
    "Malgun Gothic",
    "DejaVu Sans",
    "sans-serif",
)
"""The first draws the PNG; a browser without it takes the next that it has."""
FONTS = ", ".join(f"'{name}'" if " " in name else name for name in FAMILIES)

WIDTH = 7.2
INK, FAINT, GRID = "#222426", "#6b7075", "#dfe2e5"
GAIN, LOSS, TIE = "#0072b2", "#d55e00", "#b0b4b8"
SERIES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c7a00", "#999999")
"""Okabe and Ito's palette, with a darker yellow: tells series apart for colour-blind readers too."""

DARK = {
    INK: "#e6e8ea",
    FAINT: "#a2a8ae",
    GRID: "#363b41",
    TIE: "#5d646b",
    "#0072b2": "#4ba6dc",
    "#e69f00": "#f0b429",
    "#009e73": "#2fc296",
    "#cc79a7": "#e39cc3",
    "#56b4e9": "#8fd0f5",
    "#d55e00": "#ff8a3d",
    "#8c7a00": "#d8c63a",
    "#999999": "#8b9198",
}
"""Colour on white -> the same on a dark ground."""


@dataclass
class Say:
    """Texts of one picture: drawn in English, remembered in Korean."""

    korean: dict[str, str] = field(default_factory=dict)

    def __call__(self, en: str, ko: str) -> str:
        """The English text."""
        self.korean[en] = ko
        return en

    def words(self, said: Words) -> str:
        """A name."""
        return self(said.en, said.ko)


@dataclass(frozen=True)
class Picture:
    """A drawn chart."""

    figure: Any
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def colour(system: str) -> str:
    """The colour of a system, the same in every picture."""
    return COLOURS.get(system, OTHER_COLOUR).lower()


def dark_rules(scope: str = "") -> str:
    """A style sheet that turns the colours of an SVG below `scope` into those for a dark ground."""
    return "\n".join(
        f'{scope} [style*="{kind}: {light}"] {{ {kind}: {dark} !important }}'.strip()
        for light, dark in DARK.items()
        for kind in ("fill", "stroke")
    )


def pyplot() -> Any:
    """Matplotlib's pyplot in our style, without a display."""
    import matplotlib

    warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # a rare syllable is a box in the PNG; the SVG has it
    matplotlib.use("Agg")
    from matplotlib import font_manager
    from matplotlib import pyplot as plt

    if not any(entry.fname == str(FONT) for entry in font_manager.fontManager.ttflist):
        font_manager.fontManager.addfont(FONT)
    plt.rcParams.update(
        {
            "font.family": [FAMILIES[0], "DejaVu Sans"],
            "font.size": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": FAINT,
            "axes.labelcolor": INK,
            "axes.titlecolor": INK,
            "axes.titlesize": 10.5,
            "axes.titlelocation": "left",
            "axes.axisbelow": True,
            "axes.grid": True,
            "axes.unicode_minus": True,
            "grid.color": GRID,
            "text.color": INK,
            "xtick.color": FAINT,
            "ytick.color": FAINT,
            "xtick.labelcolor": INK,
            "ytick.labelcolor": INK,
            "figure.facecolor": "none",
            "axes.facecolor": "none",
            "legend.frameon": False,
            "legend.fontsize": 9,
            "text.parse_math": False,  # a `$` in a law's name is a `$`
            "svg.fonttype": "none",
            "svg.hashsalt": "haechi",
        }
    )
    return plt


def svg(figure: Any) -> str:
    """The figure as SVG, with the fonts that a browser may have and the colours for a dark ground."""
    text = StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    drawn = text.getvalue().replace(" font-family: 'Haechi Sans', 'DejaVu Sans';", "")  # said once, for all text
    start = drawn.index("<defs>")
    sheet = f"text {{ font-family: {FONTS} }}\n@media (prefers-color-scheme: dark) {{\n{dark_rules()}\n}}"
    return f"{drawn[:start]}<style>{sheet}</style>\n{drawn[start:]}"


def png(figure: Any) -> bytes:
    """The figure as PNG on white, which reads on any ground."""
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=110, facecolor="white", metadata={"Software": None})
    return stream.getvalue()


def save(figure: Any, path: Path) -> None:
    """Write a PNG or an SVG, as the name says, and let the figure go."""
    write_bytes(path, svg(figure).encode() if path.suffix == ".svg" else png(figure))
    pyplot().close(figure)


def by_logarithm(axes: Any) -> None:
    """Let x, on which everything is drawn already, run by logarithm, with ticks such as 0.0001 or 3e-05."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 30 * low else (1,), numticks=5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def script_hash(script: str) -> str:
    """A script's name in the content security policy of a page."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
