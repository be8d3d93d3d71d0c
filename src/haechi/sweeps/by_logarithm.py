"""A logarithmic axis whose ticks are plain numbers: our style draws no formulas, and powers of ten would be some."""

from typing import Any


def by_logarithm(axes: Any) -> None:
    """Let x, on which everything is drawn already, run by logarithm, with ticks such as 0.0001 or 3e-05."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 30 * low else (1,), numticks=5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
