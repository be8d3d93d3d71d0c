"""How fast the offline generator reads and asks, and how fast repeated questions are found.

    python benchmarks/questions.py CORPUS [--limit N]

CORPUS is a merged_corpus.jsonl. The first two rows are what the stage does for each passage: one Kiwi analysis, which BM25
shares, and the questions. The last one asks 100,000 questions, made by repeating those with another number in each.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from haechi.question_writer.sentences import analyse  # noqa: E402
from haechi.questions.generate import offline_writer  # noqa: E402
from haechi.questions.params import GenerateQaParams  # noqa: E402
from haechi.questions.repeats import Repeats  # noqa: E402
from haechi.questions.words import Words  # noqa: E402
from haechi.records.passage import Passage  # noqa: E402
from haechi.rowstore.store import open_store  # noqa: E402
from haechi.runtime.files import read_records  # noqa: E402  (only now is the path right)
from haechi.runtime.params import load_section  # noqa: E402
from haechi.text.morphemes import kiwi  # noqa: E402


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--limit", type=int, default=0)
    arguments = parser.parse_args()
    passages = list(read_records(arguments.corpus, Passage))[: arguments.limit or None]
    writer = offline_writer(load_section(ROOT / "params.yaml", "generate_qa", GenerateQaParams))
    kiwi().tokenize("준비")  # loading the model is no part of the rate
    print(f"{len(passages)} passages, {sum(len(p.text) for p in passages)} characters, {os.cpu_count()} cores")

    started = time.perf_counter()
    for _ in analyse([p.text for p in passages]):
        pass
    print(f"{'Kiwi analysis alone':44} {len(passages) / (time.perf_counter() - started):8.0f} passages/s")

    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "rows.sqlite") as store:
        started, busy = time.perf_counter(), time.process_time()
        written = writer(passages, Words(store)).questions
        both, worked = time.perf_counter() - started, time.process_time() - busy
    print(f"{'analysis, tokens stored, questions':44} {len(passages) / both:8.0f} passages/s")
    print(f"{'the same on two cores that do nothing else':44} {2 * len(passages) / worked:8.0f} passages/s at most")
    print(f"{'questions written':44} {len(written):8}")

    texts = [q.question for q in written]
    many = [f"{texts[i % len(texts)]} {i // len(texts)}호" for i in range(100_000)]
    started = time.perf_counter()
    seen = Repeats(many, 0.8)
    kept = 0
    for text in many:
        if not seen.find(text):
            seen.add(text)
            kept += 1
    print(f"{'near-duplicates of 100,000 questions':44} {time.perf_counter() - started:8.1f} s ({kept} kept)")


if __name__ == "__main__":
    main()
