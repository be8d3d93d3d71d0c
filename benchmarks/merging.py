"""Selection: its time and memory on ten checkpoints, what mixing holds in memory, and how often the voters are right.

    python benchmarks/merging.py time PROJECT RUN
    python benchmarks/merging.py memory
    python benchmarks/merging.py votes

time: the stage's own command on a project whose stages have run, with the run in RUN (train it with `train.keep: 10` and twelve
evaluations); wall clock with imports, and the largest resident memory beside that of loading one model.
memory: the mean of ten static models of 400 MB: resident memory above what the process had, in models; beside it
sentence-transformers' own merge of two.
votes: a thousand made-up histories of each kind (tests/selection/courses.py).
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]
os.environ["PYTHONPATH"] = str(ROOT / "src")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np  # noqa: E402  (only now is the path right)

WORDS, WIDTH, MODELS = 200_000, 500, 10
HISTORIES = 1000
MB = 2**20


def main() -> None:
    """Run one of the three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("time", "memory", "votes"))
    parser.add_argument("project", type=Path, nargs="?")
    parser.add_argument("run", type=Path, nargs="?")
    arguments = parser.parse_args()
    if arguments.what == "time":
        timed(arguments.project, arguments.run)
    elif arguments.what == "memory":
        memory()
    else:
        votes()


def timed(project: Path, run: Path) -> None:
    """The stage as it is, and one model alone."""
    load = "import sys, pathlib; from haechi.models.load import load_encoder; load_encoder(pathlib.Path(sys.argv[1]))"
    _, alone = measured([sys.executable, "-c", load, str(project / "models/base")])
    with tempfile.TemporaryDirectory() as out:
        data = project / "data/processed"
        command = [sys.executable, str(ROOT / "stages/select.py"), "--run", str(run), "--base", str(project / "models/base")]
        command += ["--valid-pairs", str(data / "pairs_train_valid.jsonl"), "--corpus", str(data / "merged_corpus.jsonl")]
        command += ["--out", f"{out}/encoder", "--per-query", f"{out}/rows.json"]
        command += ["--metrics", f"{out}/select.json", "--details", f"{out}/details.json", "--params", str(ROOT / "params.yaml")]
        seconds, peak = measured(command)
    size = sum(file.stat().st_size for file in (project / "models/base").rglob("*.safetensors")) / MB
    print(f"select: {seconds:.1f} s, {peak:.0f} MB; a process with one model ({size:.0f} MB): {alone:.0f} MB")


def measured(command: list[str]) -> tuple[float, float]:
    """Seconds and the largest resident memory in MB of a command."""
    began = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[1]} failed")
    return time.perf_counter() - began, used.ru_maxrss / 1024


def memory() -> None:
    """Our mixture of ten and the library's of two."""
    import torch
    from safetensors.torch import save_file
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models

    from haechi.models.load import load_encoder, save_encoder
    from haechi.selection.weights import Share, blend

    words = Tokenizer(models.WordLevel({f"w{i}": i for i in range(WORDS)}, unk_token="w0"))
    size = WORDS * WIDTH * 4 / MB
    with tempfile.TemporaryDirectory() as place:
        folders = [Path(place) / f"m{i}" for i in range(MODELS)]
        save_encoder(SentenceTransformer(modules=[StaticEmbedding(words, embedding_dim=WIDTH)], device="cpu"), folders[0])
        for folder in folders[1:]:
            shutil.copytree(folders[0], folder)
            save_file({"embedding.weight": torch.randn(WORDS, WIDTH)}, folder / "model.safetensors")
        shares = [Share(folder, 1 / MODELS) for folder in folders]
        print(f"mean of {MODELS}: {grown(lambda: blend(shares, Path(place) / 'out')) / size:.2f} models of {size:.0f} MB")

        def theirs() -> None:
            SentenceTransformer.merge([load_encoder(folder) for folder in folders[:2]])

        print(f"sentence-transformers' merge of 2: {grown(theirs) / size:.2f} models")


def grown(work: Callable[[], None]) -> float:
    """The most that anonymous and file-backed memory of this process grew by while it worked, in MB."""
    start, most, done = resident(), [0.0], threading.Event()

    def watch() -> None:
        while not done.is_set():
            most[0] = max(most[0], resident())
            time.sleep(0.002)

    thread = threading.Thread(target=watch)
    thread.start()
    work()
    done.set()
    thread.join()
    return most[0] - start


def resident() -> float:
    """Resident memory in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MB


def votes() -> None:
    """Right within one step, abstained, refused."""
    from selection.courses import copied, late_overfitting, noise_only, planted_plateau
    from selection.made import SELECT, VOTERS

    from haechi.runtime.errors import HaechiError
    from haechi.selection.history import check
    from haechi.selection.sweet_spot import vote

    params = replace(SELECT, voters=VOTERS)
    for planted in (planted_plateau, late_overfitting):
        right = silent = 0
        for seed in range(HISTORIES):
            made, step = planted(np.random.default_rng(seed))
            found = vote(made, params).step
            silent += found is None
            right += found is not None and abs(found - step) <= 1
        print(f"{planted.__name__}: {right} right within one step, {silent} abstained, of {HISTORIES}")
    silent = sum(vote(noise_only(np.random.default_rng(seed)), params).step is None for seed in range(HISTORIES))
    print(f"noise_only: {silent} abstained, of {HISTORIES}")
    refused = 0
    for seed in range(HISTORIES):
        try:
            check(copied(np.random.default_rng(seed)), Path("history.jsonl"))
        except HaechiError:
            refused += 1
    print(f"copied: {refused} refused, of {HISTORIES}")


if __name__ == "__main__":
    main()
