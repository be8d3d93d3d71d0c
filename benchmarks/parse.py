"""How long real law takes from raw files to a corpus, and whether anything is lost on the way.

    python benchmarks/parse.py FOLDER [--keep WORK]

FOLDER holds unpacked files of the law service. Makes a project of its own beside it (code and dvc.yaml of this checkout),
freezes a test set, runs `dvc repro merge_corpus`, runs it again, and prints a table. Nothing of FOLDER is copied into here.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from haechi.parsing.ingest import read_corpus  # noqa: E402  (only now is the path right)
from haechi.pipeline.stage_details import read_details  # noqa: E402  (only now is the path right)
from haechi.runtime.files import read_records  # noqa: E402

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
REFRESH = "import sys; from haechi.cli.main import entry; sys.argv = ['haechi', 'testset', 'refresh']; entry()"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--keep", type=Path, help="work here and leave it")
    arguments = parser.parse_args()
    work = arguments.keep or Path(tempfile.mkdtemp(prefix="haechi-parse-"))
    project = make_project(work, arguments.folder)

    size = sum(file.stat().st_size for file in arguments.folder.rglob("*.json")) / 1e6
    started = time.process_time()
    corpus = read_corpus(arguments.folder)
    parsing = time.process_time() - started
    rows = [("JSON read and parsed", f"{size:.0f} MB at {size / parsing:.0f} MB/s on one core")]
    rows.append(("units met", f"{corpus.units}"))

    rows.append(("freezing the test set", f"{timed(project, sys.executable, '-c', REFRESH):.1f} s"))
    first = timed(project, sys.executable, "-m", "dvc", "repro", "merge_corpus")
    rows.append(("dvc repro merge_corpus", f"{first:.1f} s"))
    rows.append(("largest process", f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6:.2f} GB"))
    again = min(timed(project, sys.executable, "-m", "dvc", "repro", "merge_corpus") for _ in range(3))
    rows.append(("the same again, nothing changed", f"{again:.1f} s"))

    metrics = {name: read_details(project, name) for name in ("preprocess", "make_pairs", "testset")}
    kept, dropped = metrics["preprocess"]["kept"], metrics["preprocess"]["dropped"]
    rows.append(("read = kept + dropped", f"{metrics['preprocess']['read']} = {sum(kept.values())} + {sum(dropped.values())}"))
    rows.append(("live law articles: ours / counted apart", f"{len_articles(corpus)} / {count_live(arguments.folder)}"))
    rows.append(("sections with a current article", str(metrics["make_pairs"]["labels"]["sections.kept"])))
    rows.append(("training / validation pairs", f"{metrics['make_pairs']['train']} / {metrics['make_pairs']['valid']}"))
    rows.append(("test queries", str(metrics["testset"]["queries"])))
    files = sorted((project / "data/processed").glob("*_passages.jsonl"))
    passages = [row for file in files for row in read_records(file, dict)]
    rows.append(("passages / distinct ids", f"{len(passages)} / {len({p['id'] for p in passages})}"))
    headings = heading_texts(arguments.folder)
    bodies = ["".join(p["text"].partition("\n")[2].split()) for p in passages]
    rows.append(("chapter headings read / emitted as passages", f"{len(headings)} / {sum(b in headings for b in bodies)}"))
    for name, value in rows:
        print(f"{name:42} {value}")
    if not arguments.keep:
        shutil.rmtree(work)


def make_project(work: Path, raw: Path) -> Path:
    """Code, dvc.yaml and parameters of this checkout over the given raw files, which are linked, not copied, where possible."""
    project = work / "project"
    project.mkdir(parents=True)
    for name in ("src", "stages", "data/probes"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("dvc.yaml", ".dvcignore", ".gitignore"):
        shutil.copy(ROOT / name, project / name)
    params = (ROOT / "params.yaml").read_text(encoding="utf-8")
    (project / "params.yaml").write_text(params.replace("unseen_queries: 30", "unseen_queries: 150"), encoding="utf-8")
    shutil.copytree(raw, project / "data" / "raw", copy_function=_link)
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, cwd=project, check=True, env=ENVIRONMENT)
    return project


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def timed(project: Path, *command: str) -> float:
    """Wall seconds of a command that must succeed."""
    started = time.monotonic()
    done = subprocess.run(command, cwd=project, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout[-3000:] + done.stderr[-3000:])
    return time.monotonic() - started


def len_articles(corpus: object) -> int:
    """Live law articles by our own parser."""
    return sum(article.live for statute in corpus.statutes for article in statute.articles)  # type: ignore[attr-defined]


def count_live(folder: Path) -> int:
    """Rows that are articles, neither deleted nor empty, counted without any of our parsers."""
    import re

    live = 0
    for file in folder.rglob("*.json"):
        value = json.loads(file.read_text(encoding="utf-8"))
        for row in value.get("법령", {}).get("조문", {}).get("조문단위", []):
            text = row["조문내용"] if isinstance(row["조문내용"], str) else ""
            body = re.sub(r"^\s*제\d+조(의\d+)?\s*", "", text).strip()
            live += row["조문여부"] == "조문" and bool(body) and not re.match(r"(\([^)]*\)\s*)?삭제\s*(<|$)", body)
    return live


def heading_texts(folder: Path) -> set[str]:
    """Chapter headings of the raw laws, without spaces."""
    found = set()
    for file in folder.rglob("*.json"):
        for row in json.loads(file.read_text(encoding="utf-8")).get("법령", {}).get("조문", {}).get("조문단위", []):
            if row["조문여부"] == "전문" and isinstance(row["조문내용"], str):
                found.add("".join(row["조문내용"].split()))
    return found


if __name__ == "__main__":
    main()
