"""Every command of the README, of docs/ and of CONTRIBUTING.md runs: on the miniature project, as it is written or shortened, so that none can rot."""

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from proofs import project
from proofs.conftest import Mini

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PAGES = [project.ROOT / "README.md", *sorted((project.ROOT / "docs").glob("*.md")), project.ROOT / "CONTRIBUTING.md"]
"""Korean pages show the same commands: tests/docs/test_docs.py."""
DIARY = "lab-log.md"
"""Tells what was once done; nobody is asked to do it again."""

Shorten = Callable[[str], str]


def as_written(command: str) -> str:
    return command


def also(more: str) -> Shorten:
    return lambda command: f"{command} {more}"


def instead(pattern: str, replacement: str) -> Shorten:
    return lambda command: re.sub(pattern, replacement, command)


def begun(command: str) -> str:
    """Its first stage alone, which reads the parameters; afterwards they are as before."""
    return f"cp params.yaml .haechi/params && {command} --force --single-item preprocess && mv .haechi/params params.yaml"


class Skipped(str):
    """Why a command is not run here."""

    __slots__ = ()


HOW: dict[str, Shorten | Skipped] = {
    r"pip install": Skipped("needs the network; .ci/run runs it as it is written"),
    r"pytest": Skipped("this is such a run"),
    r"ruff|mypy|haechi (deps|docs) ": Skipped(".ci/run runs it, on this very checkout"),
    r"benchmarks/gpu\.sh": Skipped("is for a GPU; tests/training/test_gpu_script.py runs it at a thousandth of the size"),
    r"mkdocs build": Skipped("tests/docs/test_site.py builds the site"),
    r"export ": Skipped("tells what is a secret of the reader"),
    r"haechi fetch": Skipped("needs the network and a key; tests/fetch has a server of its own"),
    r"haechi pool import": Skipped("reads what a person filled in; tests/comparison/test_question_sheet.py fills one in"),
    r"haechi verify": Skipped("runs the whole pipeline again; tests/proofs/test_replay.py does"),
    r"haechi update": Skipped("trains on from the present model; tests/proofs/test_update.py does"),
    r"haechi release": Skipped("trains once more; tests/proofs/test_release.py does"),
    r"haechi (answer|ensemble)|dvc repro tracks": Skipped("tests/answering runs the commands and the stages of the track"),
    r"haechi search .* --rerank|cp -r models/reranker|dvc add models/judge": Skipped(
        "needs a reranker; tests/serving/test_rerank.py has one"
    ),
    r"haechi serve": Skipped("runs until it is stopped; tests/serving/test_commands.py does that"),
    r"tensorboard": Skipped("runs until it is stopped, and needs an extra"),
    r"dvc queue start": Skipped("works in the background; tests/proofs/test_experiments.py runs a queue"),
    r"\S* ?\S* ?python benchmarks/": Skipped("takes minutes to hours; below, its script and its options are looked for"),
    r"haechi sweep preset": also("--count 1"),
    r"haechi learning-curve": instead(r"--shares \S+", "--shares 0.5"),
    r"haechi lr-sweep": also("--low 1e-3 --high 4e-3 --rates 3 --seeds 2 --examples 40"),
    r"haechi mined show|grep -m1": instead(r"PREC_\w+", "{query_id}"),  # the miniature has other decisions
    r"dvc exp run -n \S+ -S train\.lr=\S+$": as_written,
    r"git restore|dvc checkout": as_written,
    r"dvc exp run --queue": as_written,
    r"dvc exp run": begun,  # a whole training each, some with what has to be downloaded
    r"\w+=\w+ dvc repro": also("--dry"),  # after a sweep was applied a whole training, and it has an extra's name
    r"dvc (repro|metrics diff|plots show|plots diff|exp show)": as_written,
    r"haechi (testset refresh|compare|rank|alignment|pool export|report|citations|search|embed|card|verdict|doctor)": as_written,
    r"haechi (sweep status|sweep best|questions --dry-run)": as_written,
}
"""The beginning of a command -> how it is run; the first that fits."""


def commands(text: str) -> Iterator[str]:
    """The commands in a page's shell blocks, one by one, without comments."""
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            for command in re.sub(r"\s+#.*", "", line).split("&&"):
                if command.strip():
                    yield command.strip()


def how(command: str) -> Shorten | Skipped | None:
    return next((way for pattern, way in HOW.items() if re.match(pattern, command)), None)


ALL = list(
    dict.fromkeys(command for page in PAGES if page.name != DIARY for command in commands(page.read_text(encoding="utf-8")))
)
RUN = [command for command in ALL if not isinstance(how(command), Skipped)]


@pytest.fixture(scope="module")
def used(mini: Mini, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One project on which all commands are tried, one after the other, as a reader of the pages would."""
    return project.copy_of(mini.folder, tmp_path_factory.mktemp("used") / "project")


def test_it_is_known_how_to_run_every_command() -> None:
    assert [command for command in ALL if how(command) is None] == []


def test_nothing_is_listed_that_no_page_tells() -> None:
    unused = [pattern for pattern in HOW if not any(re.match(pattern, command) for command in ALL)]

    assert unused == []


@pytest.mark.parametrize("command", RUN)
def test_a_command_of_the_documents_runs(command: str, used: Path) -> None:
    way = how(command)
    assert way is not None
    assert not isinstance(way, Skipped)
    words = way(command).replace("{query_id}", query_id(used))
    done = project.run(used, "bash", "-euo", "pipefail", "-c", words, check=False, PYTHONPATH=str(used / "src"))

    assert done.returncode == 0, f"{words}\n{done.stdout[-4000:]}"
    assert "Traceback" not in done.stdout


def query_id(folder: Path) -> str:
    found = re.search(r'"query_id":"(\w+)"', (folder / "data" / "mined" / "train.jsonl").read_text(encoding="utf-8"))
    assert found
    return found[1]


def test_the_learning_curve_leaves_its_result_alone(used: Path) -> None:
    assert (used / "plots" / "learning_curve" / "decisions.csv").is_file()
    assert not (used / ".haechi" / "curve").exists()


@pytest.mark.parametrize("command", [command for command in ALL if " benchmarks/" in f" {command}" and "pytest" not in command])
def test_a_benchmark_that_is_named_exists_with_its_options(command: str) -> None:
    words = shlex.split(command)
    script = project.ROOT / next(word for word in words if word.endswith((".py", ".sh")))
    code = script.read_text(encoding="utf-8")
    options = [word.lstrip("[") for word in words if word.lstrip("[").startswith("--")]

    assert [option for option in options if f'"{option}"' not in code] == []


def test_commands_work_from_a_folder_of_the_project_and_files_land_where_the_user_stands(used: Path) -> None:
    below = used / "data" / "probes"
    before = {file.name for file in below.iterdir()}
    for words in ("verdict", "compare HEAD", "alignment", "rank workspace HEAD", "report --out here.html", "citations 민법"):
        code = f"from haechi.cli.main import entry; import sys; sys.argv = ['haechi', *{words.split()}]; entry()"
        done = project.run(below, "python", "-c", code, check=False, PYTHONPATH=str(used / "src"))
        assert done.returncode == 0, f"haechi {words}\n{done.stdout[-2000:]}"

    assert {file.name for file in below.iterdir()} - before == {"here.html"}


def test_a_refresh_that_documents_alone_can_not_give_changes_nothing(finished: Path) -> None:
    """Before, DVC had deleted the old set by then."""
    import shutil

    for folder in ("laws", "precedents", "queries"):
        shutil.rmtree(finished / "data" / "raw" / folder)
    names = [
        "dvc.yaml",
        "dvc.lock",
        "metrics/testset.json",
        *(f"data/testset/{f.name}" for f in (finished / "data" / "testset").iterdir()),
    ]
    before = {name: (finished / name).read_bytes() for name in names}
    code = "from haechi.cli.main import entry; import sys; sys.argv = ['haechi', 'testset', 'refresh']; entry()"
    done = project.run(finished, "python", "-c", code, check=False, PYTHONPATH=str(finished / "src"))

    assert done.returncode == 1, done.stdout
    assert "the old one is as it was" in done.stdout
    assert {name: (finished / name).read_bytes() for name in names} == before
