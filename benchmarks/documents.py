"""What becomes of a folder of documents that are no law: a subcommand a question.

    python benchmarks/documents.py formats                                        files that are made here
    python benchmarks/documents.py folder DOCUMENTS [--keep FOLDER]                from the folder alone to the report
    python benchmarks/documents.py update DOCUMENTS [--later 40] [--keep FOLDER]   what comes later
    python benchmarks/documents.py laws LAWS DECISIONS [--keep FOLDER]             laws alone, asked what courts were asked

DOCUMENTS, LAWS and DECISIONS are folders of files; the first may be a JSONL of `{docid, content}`, plain or .xz.
Nothing of them is kept but in FOLDER.
"""

import hashlib
import json
import lzma
import os
import re
import resource
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

import made_documents as made  # noqa: E402  (only now is the path right)
from proofs import project  # noqa: E402

from haechi.parsing.convert import convert_all  # noqa: E402
from haechi.parsing.ingest import preprocess, read_corpus  # noqa: E402
from haechi.parsing.params import PreprocessParams  # noqa: E402
from haechi.runtime.files import write_jsonl  # noqa: E402
from haechi.runtime.params import load_section  # noqa: E402
from haechi.scoring.evaluation import evaluation_of  # noqa: E402
from haechi.scoring.names import HEADLINE  # noqa: E402
from haechi.scoring.verdict import gap_told, result_table  # noqa: E402
from haechi.testset.freeze import freeze  # noqa: E402
from haechi.testset.params import TestsetParams  # noqa: E402

CORES = 2


@dataclass(frozen=True)
class File:
    """A file to make: sound where `broken` is empty."""

    name: str
    suffix: str
    seed: int
    broken: str = ""


@click.group(help=(__doc__ or "").replace("\n\n    ", "\n\n\b\n    ", 1))
def main() -> None:
    """Subcommands below."""


@main.command()
@click.option("--files", default=1000, help="how many files, a twentieth of them broken")
@click.option("--pages", default=1000, help="about how many pages of PDF the speed is measured on")
def formats(files: int, pages: int) -> None:
    """Files of twelve formats, 5% of them broken in ways with a name: no crash, counts that add up, each broken one named."""
    with tempfile.TemporaryDirectory() as work:
        os.environ |= {"HAECHI_STORE": f"{work}/rows.sqlite", "HAECHI_WORKERS": str(CORES)}
        raw = Path(work) / "raw"
        raw.mkdir()
        planned = _planned(files)
        with ProcessPoolExecutor(CORES) as pool:
            for file, data in zip(planned, pool.map(_bytes, planned, chunksize=10), strict=True):
                (raw / file.name).write_bytes(data)
        _read(raw, planned)
        _measure_pdf(Path(work), pages)


def _planned(files: int) -> list[File]:
    kinds, ways = list(made.MAKERS), list(made.BROKEN)
    broken = [
        File(f"broken-{n:04}.{made.BROKEN[way][0]}", made.BROKEN[way][0], n, way)
        for n in range(files // 20)
        for way in [ways[n % len(ways)]]
    ]
    sound = [File(f"{n:04}.{kinds[n % len(kinds)]}", kinds[n % len(kinds)], n) for n in range(files - len(broken))]
    return sound + broken


def _bytes(file: File) -> bytes:
    if file.broken:
        return made.BROKEN[file.broken][2]()
    if file.suffix in ("csv", "tsv"):  # ids of their own: two files may not claim one
        row = made.table([made.made_up(file.seed)], "," if file.suffix == "csv" else "\t")
        return row.replace("\n0", f"\n{file.name}", 1).encode()
    return made.MAKERS[file.suffix](made.made_up(file.seed))


def _read(raw: Path, planned: list[File]) -> None:
    """Twice: the second time comes from the row store."""
    started = time.perf_counter()
    corpus = read_corpus(raw)
    first = time.perf_counter() - started
    counts = preprocess(corpus, PreprocessParams("article", 1200, annexes=True, addenda=False, max_bad_share=1.0)).counts
    started = time.perf_counter()
    same = read_corpus(raw) == corpus
    again = time.perf_counter() - started

    reasons = {row.source: row.reason for row in corpus.dropped}
    wrong = [file for file in planned if reasons.get(file.name, "") != (made.BROKEN[file.broken][1] if file.broken else "")]
    adds_up = counts.read == sum(counts.kept.values()) + sum(counts.dropped.values()) == len(planned)
    print(f"{len(planned)} files of {len(made.MAKERS)} formats, {sum(bool(file.broken) for file in planned)} of them broken")
    print(
        f"read in {first:.1f} s, again in {again:.1f} s ({'the same' if same else 'OTHER'}); {counts.passages['doc']:,} passages"
    )
    print(f"kept {counts.kept['doc']}, dropped {dict(counts.dropped)}; counts {'add up' if adds_up else 'DO NOT ADD UP'}")
    for way, number in Counter(file.broken for file in planned if file.broken).items():
        print(f"  {number} x {way}: {made.BROKEN[way][1]}")
    print("each broken file has its reason, each sound one is kept" if not wrong else f"WRONG: {wrong}")
    if wrong or not same or not adds_up:
        sys.exit(1)


def _measure_pdf(work: Path, pages: int) -> None:
    folder = work / "pdf"
    folder.mkdir()
    sources = [f"{n}.pdf" for n in range(4 * CORES)]
    for n, source in enumerate(sources):
        (folder / source).write_bytes(made.pdf(made.made_up(n, parts=pages * 6 // len(sources), sentences=30)))
    started = time.perf_counter()
    read = convert_all(folder, sources)
    seconds = time.perf_counter() - started
    number = sum(max(block.page for block in content.blocks) for content in read.values() if hasattr(content, "blocks"))
    print(f"PDF: {number} pages in {seconds:.1f} s on {CORES} cores, {number / seconds:.0f} pages a second")


PLACE = click.Path(exists=True, path_type=Path)
keeping = click.option("--keep", type=click.Path(path_type=Path), help="a folder for the project, which stays")


@main.command(name="folder")
@click.argument("documents", type=PLACE)
@keeping
def folder_alone(documents: Path, keep: Path | None) -> None:
    """`haechi testset refresh && dvc repro` on these documents: time, memory, and what the run says at its end."""
    with _place(keep) as place:
        _project(place)
        if documents.is_dir():
            shutil.copytree(documents, place / "data/raw/documents")
        else:
            write_jsonl(place / "data/raw/documents.jsonl", _by_hash(documents))
        _measured_run(place)


@main.command()
@click.argument("laws", type=PLACE)
@click.argument("decisions", type=PLACE)
@keeping
def laws(laws: Path, decisions: Path, keep: Path | None) -> None:
    """A run on laws and rules without a decision, then asked issues of the newest decisions, of which it saw none."""
    with _place(keep) as place, tempfile.TemporaryDirectory() as apart:
        _project(place)
        shutil.copytree(laws, place / "data/raw/laws")
        _measured_run(place)
        shutil.copytree(place / "data/raw", Path(apart, "raw"))
        shutil.copytree(decisions, Path(apart, "raw/decisions"))
        freeze(
            read_corpus(Path(apart, "raw")), load_section(ROOT / "params.yaml", "testset", TestsetParams), Path(apart, "asked")
        )
        click.echo(f"\nissues of decisions\n{_asked(place, Path(apart))}")


def _asked(folder: Path, apart: Path) -> str:
    """The stage evaluate of this project on another test set; nothing of it stays but what it prints."""
    inputs = {
        "encoder": "models/encoder", "base": "models/base", "corpus": "data/processed/merged_corpus.jsonl",
        "train-pairs": "data/processed/pairs_train.jsonl", "valid-pairs": "data/processed/pairs_train_valid.jsonl",
        "on-new": "data/qa/on_new.jsonl", "probes": "data/probes", "testset": apart / "asked",
        "runs": apart / "runs", "plots": apart / "plots", "per-query": apart / "per_query.json",
        "metrics": apart / "metrics.json", "details": apart / "details.json", "mixture": apart / "fusion.json",
    }  # fmt: skip
    options = [word for name, value in inputs.items() for word in (f"--{name}", str(value))]
    project.run(folder, sys.executable, "stages/evaluate.py", *options)
    found = evaluation_of(json.loads((apart / "details.json").read_text(encoding="utf-8")))
    columns, rows = result_table(found)
    lines = [f"{name}: {gap_told(gap[HEADLINE])}" for name, gap in found.difference.items()]
    return "\n".join([f"{found.n_queries} queries", *("  ".join(row) for row in (columns, *rows)), *lines])


@main.command()
@click.argument("documents", type=PLACE)
@click.option("--later", default=40, help="documents that come later, drawn by the hash of their id")
@keeping
def update(documents: Path, later: int, keep: Path | None) -> None:
    """New documents later: the processor time of `haechi update` against that of the whole run, and what was gained."""
    with _place(keep) as folder:
        rows = _by_hash(documents)
        seconds = folder / ".haechi" / "seconds.json"
        if not seconds.is_file():
            whole = _whole_run(folder, rows[later:])
            seconds.write_text(json.dumps(whole), encoding="utf-8")
        whole = json.loads(seconds.read_text(encoding="utf-8"))
        (folder / ".haechi" / "rows.log.jsonl").unlink(missing_ok=True)
        write_jsonl(folder / "data/raw/docs/docs.jsonl", rows)
        before = _processor_seconds()
        log = _haechi(folder, "update")
        needed = _processor_seconds() - before
        click.echo("\n".join(line for line in log.splitlines() if re.match(r"frozen test|[\d,]+ new or|No question", line)))
        click.echo(f"whole run {whole:.0f} s, update {needed:.0f} s of processor time: {needed / whole:.0%}")
        for line in (folder / ".haechi" / "rows.log.jsonl").read_text(encoding="utf-8").splitlines():
            made = json.loads(line)
            click.echo(f"  {made['by']}: { ({name: tally['computed'] for name, tally in made['rows'].items()}) } made")


def _by_hash(documents: Path) -> list[dict[str, Any]]:
    """All documents, in the order of a hash of their ids."""
    unpack: Any = lzma.open if documents.suffix == ".xz" else open
    with unpack(documents, "rt", encoding="utf-8") as lines:
        return sorted(map(json.loads, lines), key=lambda row: hashlib.sha256(row["docid"].encode()).digest())


def _whole_run(folder: Path, rows: list[dict[str, Any]]) -> float:
    """A project of these documents alone with its first run; the processor seconds of that."""
    _project(folder)
    write_jsonl(folder / "data/raw/docs/docs.jsonl", rows)
    before = _processor_seconds()
    _run(folder)
    return _processor_seconds() - before


@contextmanager
def _place(keep: Path | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as nowhere:
        yield keep or Path(nowhere) / "project"


def _project(folder: Path) -> None:
    """A new project with our parameters and probes, and nothing in data/raw."""
    shutil.rmtree(folder, ignore_errors=True)
    project.make_project(folder)
    shutil.copy(ROOT / "params.yaml", folder / "params.yaml")
    shutil.copytree(ROOT / "data/probes", folder / "data/probes", dirs_exist_ok=True)
    shutil.rmtree(folder / "data/raw")
    (folder / "data/raw").mkdir()


def _run(folder: Path) -> str:
    """Both commands of a newcomer, and what is said in the end."""
    project.commit(folder, "documents")
    project.refresh_testset(folder)
    log = project.dvc(folder, "repro").stdout
    project.commit(folder, "the whole run")
    return log.partition("Running stage 'report'")[2].partition("\n")[2].partition("\n")[2].partition("Updating lock")[0]


def _measured_run(folder: Path) -> None:
    started, before = time.perf_counter(), _processor_seconds()
    with _memory() as most:
        told = _run(folder)
    seconds, needed = time.perf_counter() - started, _processor_seconds() - before
    click.echo(told)
    click.echo(f"{seconds:.0f} s, {needed:.0f} s of processor time, {max(most) / 1e9:.2f} GB at most")


@contextmanager
def _memory() -> Iterator[list[int]]:
    """The bytes of all processes that were begun here together, every half second; what they share counts for each."""
    seen, done = [0], threading.Event()

    def look() -> None:
        while not done.wait(0.5):
            sizes = 0
            for process in psutil.Process().children(recursive=True):
                try:
                    sizes += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            seen.append(sizes)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()


def _haechi(folder: Path, *words: str) -> str:
    code = f"import sys; sys.argv = ['haechi', *{list(words)!r}]; from haechi.cli.main import entry; entry()"
    return project.run(folder, sys.executable, "-c", code, PYTHONPATH=str(folder / "src")).stdout


def _processor_seconds() -> float:
    """Of all processes that were begun here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
