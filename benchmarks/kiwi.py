"""Kiwi with one worker and with two, on the wall clock, which only idle cores can tell.

python benchmarks/kiwi.py FOLDER [--texts 2000]
"""

import sys
import time
from pathlib import Path

import click
from kiwipiepy import Kiwi

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from haechi.records.passage import Passage
from haechi.runtime.files import read_records


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.option("--texts", default=2000, show_default=True)
def main(folder: Path, texts: int) -> None:
    """Print seconds and their ratio."""
    some = [p.text for p in read_records(folder / "data/processed/merged_corpus.jsonl", Passage)][:texts]
    seconds = [min(_once(workers, some) for _ in range(3)) for workers in (1, 2)]
    print(f"one worker {seconds[0]:.2f} s, two {seconds[1]:.2f} s: {seconds[0] / seconds[1]:.2f} times")


def _once(workers: int, texts: list[str]) -> float:
    analyser = Kiwi(num_workers=workers)
    analyser.tokenize("준비")
    start = time.perf_counter()
    list(analyser.tokenize(texts))
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
