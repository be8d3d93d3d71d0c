"""What becomes of a folder of documents that are no law: a subcommand a question.

    python benchmarks/documents.py formats

Everything is made here, of no one's texts.
"""

import os
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

import made_documents as made  # noqa: E402  (only now is the path right)

from haechi.parsing.convert import convert_all  # noqa: E402
from haechi.parsing.ingest import preprocess, read_corpus  # noqa: E402
from haechi.parsing.params import PreprocessParams  # noqa: E402

CORES = 2


@dataclass(frozen=True)
class File:
    """A file to make: sound where `broken` is empty."""

    name: str
    suffix: str
    seed: int
    broken: str = ""


@click.group(help=__doc__)
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


if __name__ == "__main__":
    main()
