"""A stage runs the library that lies beside it, whatever else is installed."""

import shutil
from pathlib import Path

import pytest
from pipeline.checkout import ROOT, python

ASK = "import haechi, os, sys; print(haechi.__file__); print(sys.path[0]); print(os.environ['PYTHONPATH'])\n"
CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import haechi; print(haechi.__file__)'], check=True)\n"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Another checkout, as a temp or queued experiment makes one, whose library differs."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "stages", tmp_path / "stages", ignore=ignored)
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=ignored)
    options = tmp_path / "src" / "haechi" / "runtime" / "options.py"
    text = options.read_text(encoding="utf-8")
    assert "The parameters." in text
    options.write_text(text.replace("The parameters.", "The other parameters."), encoding="utf-8")
    return tmp_path


def importable_elsewhere(folder: Path) -> str:
    """A PYTHONPATH entry with another haechi in it: it comes before whatever is installed."""
    (folder / "haechi").mkdir(parents=True)
    (folder / "haechi" / "__init__.py").write_text("raise AssertionError('the wrong library')\n", encoding="utf-8")
    return str(folder)


@pytest.mark.parametrize("working_folder", ["other", "main"])
def test_a_stage_runs_its_own_checkouts_library(working_folder: str, other: Path) -> None:
    """From either folder, with the main checkout first in PYTHONPATH as well as installed."""
    cwd = other if working_folder == "other" else ROOT
    done = python(other / "stages" / "merge_corpus.py", "--help", cwd=cwd, PYTHONPATH=str(ROOT / "src"))
    assert done.returncode == 0, done.stderr
    assert "The other parameters." in done.stdout


def test_the_checkout_is_first_for_the_process_and_its_children(other: Path, tmp_path: Path) -> None:
    """Worker processes and torchrun find it through PYTHONPATH; what stood there before stays behind it."""
    elsewhere = importable_elsewhere(tmp_path / "elsewhere")
    (other / "stages" / "ask.py").write_text("import _here\n" + ASK + "sys.stdout.flush()\n" + CHILD, encoding="utf-8")
    done = python(other / "stages" / "ask.py", cwd=ROOT, PYTHONPATH=elsewhere)
    assert done.returncode == 0, done.stderr
    mine = str(other / "src" / "haechi" / "__init__.py")
    assert done.stdout.splitlines() == [mine, str(other / "src"), f"{other / 'src'}:{elsewhere}", mine]


def test_it_works_through_a_link(other: Path, tmp_path: Path) -> None:
    """DVC may link a workspace; the real folder decides."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "link").symlink_to(other / "stages")
    done = python(tmp_path / "elsewhere" / "link" / "merge_corpus.py", "--help", cwd=ROOT)
    assert "The other parameters." in done.stdout, done.stderr


def test_a_stage_named_like_a_standard_module_does_not_hide_it(other: Path) -> None:
    """stages/select.py would be what subprocess and selectors import."""
    (other / "stages" / "ask.py").write_text(
        "import _here, select\nprint(getattr(select, '__file__', 'built in'))\n", encoding="utf-8"
    )
    done = python(other / "stages" / "ask.py")
    assert done.returncode == 0, done.stderr
    assert str(other) not in done.stdout


def test_it_refuses_when_another_library_was_imported_first(other: Path) -> None:
    """One sentence that names both; nothing runs on the wrong code."""
    (other / "stages" / "late.py").write_text("import haechi, _here\nprint('ran')\n", encoding="utf-8")
    done = python(other / "stages" / "late.py", PYTHONPATH=str(ROOT / "src"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert str(other / "src") in done.stderr
    assert str(ROOT / "src" / "haechi" / "__init__.py") in done.stderr


def test_every_stage_imports_it_first() -> None:
    for script in sorted((ROOT / "stages").glob("[!_]*.py")):
        lines = script.read_text(encoding="utf-8").splitlines()
        first = next(line for line in lines if line.startswith(("import ", "from ")))
        assert first.split("#")[0].strip() == "import _here", script
