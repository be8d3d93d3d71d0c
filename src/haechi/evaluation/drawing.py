"""How every picture is drawn and saved: without a display, and without dates or versions in the file."""

from pathlib import Path
from typing import Any

from haechi.files import atomic_file


def pyplot() -> Any:
    """Matplotlib's pyplot in our style."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "haechi", "svg.fonttype": "none"})
    return plt


def save(figure: Any, path: Path) -> None:
    """Write a PNG or an SVG, as the name says, and let the figure go."""
    kind = path.suffix.removeprefix(".")
    with atomic_file(path) as stream:
        figure.savefig(stream, format=kind, dpi=130, metadata={"Date": None} if kind == "svg" else {"Software": None})
    pyplot().close(figure)
