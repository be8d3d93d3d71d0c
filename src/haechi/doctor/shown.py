"""What there is to look at beside the report: logs of trackers, and plots. Where they are missing DVC itself says little."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from haechi.doctor.finding import Finding, some
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_yaml
from haechi.training.trackers import LOG, trackers_named


def check_logs(home: Path, environment: Mapping[str, str]) -> Finding:
    """HAECHI_LOG is read by training alone: where nothing was trained, nothing was logged."""
    try:
        names = trackers_named(environment)
    except HaechiError as error:
        return Finding("logs", "fail", str(error), f"install it, or correct {LOG}")
    if not names:
        return Finding("logs", "ok", f"{LOG} is not set; training logs to models/run/history.jsonl alone")
    runs = sorted((home / "logs" / "train").glob("*/"))
    last = f"the last log is {runs[-1]}" if runs else "nothing is logged yet"
    return Finding(
        "logs",
        "warn",
        f"{', '.join(names)}: written only while `train` runs; {last}",
        "where `dvc repro` says that everything is up to date nothing was trained; `dvc repro -f -s train` trains again",
    )


def check_plots(root: Path) -> Finding:
    """What `dvc plots` draws from lies outside git, so a fresh clone lacks it until the stages have run there."""
    expected = list(_recorded(root / "dvc.lock"))
    missing = [path for path in expected if not (root / path).exists()]
    if not missing:
        return Finding("plots", "ok", "all here" if expected else "none yet; `dvc repro` makes them")
    remedy = "`dvc repro` makes them (`dvc pull` fetches them if there is a remote); until then `dvc plots` has nothing to draw"
    return Finding("plots", "warn", f"not here: {some(missing)}", remedy)


def _recorded(lock: Path) -> Iterator[str]:
    """Folders of plots among the outputs that the last run left; none where the file is missing or damaged, as `dvc` says."""
    try:
        stages = read_yaml(lock)["stages"]
        yield from (out["path"] for stage in stages.values() for out in stage.get("outs", ()) if out["path"].startswith("plots/"))
    except (HaechiError, KeyError, TypeError, AttributeError):
        return
