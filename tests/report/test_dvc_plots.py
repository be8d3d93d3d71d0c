"""`dvc plots show` and `dvc plots diff` draw every declared plot without a network."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from browser import Opener
from report.made import page_of, project, table
from ruamel.yaml import YAML

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SYSTEMS = ("popularity", "bm25", "base", "tuned", "hybrid")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with our plots and two versions of a made run."""
    root = project(tmp_path_factory.mktemp("plots"))
    plots = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["plots"]
    with (root / "dvc.yaml").open("w", encoding="utf-8") as stream:
        YAML().dump({"plots": plots}, stream)
    for name in ("recall", "ndcg"):
        table(root / f"plots/evaluate/{name}_at_k.csv", [{"k": k} | dict.fromkeys(SYSTEMS, k / 20) for k in (1, 3, 10)])
    table(root / "plots/train/loss.csv", [{"step": n, "loss": 1 / n} for n in range(1, 9)])
    table(root / "plots/train/validation.csv", [{"step": n, "ndcg@10": n / 9} for n in range(9)])
    table(root / "plots/train/triplets.csv", [{"step": n, "active_triplets": 1 / n} for n in range(1, 9)])
    rows = [{"chars": 10 * n, "questions": 0.1, "precedent": 0.1, "user": 0.2} for n in range(10)]
    table(root / "plots/generate_qa/lengths.csv", rows)
    page_of(root, root / "plots/report")
    run(root, "git", "init", "-q")
    run(root, sys.executable, "-m", "dvc", "init", "-q")
    for name in ("config", "offline_plots.html"):
        shutil.copy(ROOT / ".dvc" / name, root / ".dvc")
    shutil.copytree(ROOT / ".dvc/plots", root / ".dvc/plots")
    commit(root, "one")
    table(root / "plots/train/loss.csv", [{"step": n, "loss": 2 / n} for n in range(1, 9)])
    commit(root, "two")
    return root


def run(root: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def commit(root: Path, message: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.invalid")
    run(root, "git", "add", "-A")
    run(root, "git", *who, "commit", "-qm", message)


def declared() -> tuple[int, int]:
    """How many of the plots are charts, and how many pictures."""
    plots: list[Any] = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["plots"]
    pictures = [plot for plot in plots if isinstance(plot, str)]
    return len(plots) - len(pictures), len(pictures)


@pytest.mark.parametrize(("command", "revisions"), [(["show"], 1), (["diff", "HEAD~1", "HEAD"], 2)])
def test_the_page_draws_every_plot(checkout: Path, open_page: Opener, command: list[str], revisions: int) -> None:
    told = run(checkout, sys.executable, "-m", "dvc", "plots", *command)
    assert "failed to load" not in told
    window = open_page((checkout / "dvc_plots/index.html").as_uri())
    window.page.wait_for_function(f"document.querySelectorAll('canvas').length === {declared()[0]}")

    assert window.errors == []
    assert window.outside == []
    assert window.page.locator("img").count() == declared()[1] * revisions
    blank = "[...document.images].filter((one) => !one.naturalWidth).length"
    assert window.page.evaluate(blank) == 0
    inked = """[...document.querySelectorAll('canvas')].filter((one) => {
        const seen = new Set(one.getContext('2d').getImageData(0, 0, one.width, one.height).data); return seen.size > 4; }).length"""
    assert window.page.evaluate(inked) == declared()[0]


def test_a_table_without_rows_is_passed_over(checkout: Path, tmp_path: Path) -> None:
    """What most trainings leave of active triplets: without the file itself dvc would complain."""
    root = tmp_path / "copy"
    shutil.copytree(checkout, root)
    (root / "plots/train/triplets.csv").write_text("step,active_triplets\n", encoding="utf-8")
    told = run(root, sys.executable, "-m", "dvc", "plots", "show")
    page = (root / "dvc_plots/index.html").read_text(encoding="utf-8")

    assert "failed to load" not in told
    assert "Share of active triplets" not in page
    assert "Training loss" in page
