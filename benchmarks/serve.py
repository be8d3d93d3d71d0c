"""The search page: how soon it answers, and how it holds up at twenty requests a second.

    python benchmarks/serve.py start [--project .]           # a finished project; index made anew, then kept; then a transformer
    python benchmarks/serve.py load PROJECT [--passages 20000] [--rate 20] [--seconds 60]

`start` counts from the start of the process to the first answer to a search. `load` takes that many passages of a finished
project (the corpus, then decisions) and its test queries, and asks at fixed moments, whether or not earlier answers have come.
Server and client share the machine; the client is a process of its own.
"""

import asyncio
import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import httpx
import numpy as np
import orjson

ROOT = Path(__file__).resolve().parents[1]
QUESTION = "개인정보가 유출되면 배상을 받을 수 있나요?"
STARTS = 5


@click.group(help=__doc__)
def main() -> None:
    """Measure."""


@main.command()
@click.option("--project", type=click.Path(path_type=Path, exists=True), default=ROOT, show_default=True)
def start(project: Path) -> None:
    """Seconds to the first answer."""
    with TemporaryDirectory() as folder:
        place = Path(folder)
        for name, model in (("static", project / "models" / "encoder"), ("transformer", _transformer(place / "made"))):
            home = place / name
            home.mkdir()
            times = [_first_answer(project, model, home) for _ in range(1 + STARTS)]
            kept = sorted(times[1:])
            print(f"{name}: index made {times[0][0]:.2f} s, {times[-1][2]:.0f} MiB")
            print(f"  kept {', '.join(f'{seconds:.2f} ({work:.2f} of a core)' for seconds, work, _ in kept)} s")


@main.command()
@click.argument("project", type=click.Path(path_type=Path, exists=True))
@click.option("--passages", default=20_000, show_default=True)
@click.option("--rate", default=20.0, show_default=True, help="Requests a second.")
@click.option("--seconds", default=60, show_default=True)
def load(project: Path, passages: int, rate: float, seconds: int) -> None:
    """Percentiles of the time to an answer."""
    with TemporaryDirectory() as folder:
        home = Path(folder)
        files = [project / "data" / "processed" / f"{name}.jsonl" for name in ("merged_corpus", "prec_passages")]
        lines = dict.fromkeys(line for file in files for line in file.read_bytes().splitlines(keepends=True))
        (home / "corpus.jsonl").write_bytes(b"".join(itertools.islice(lines, passages)))
        queries = [orjson.loads(line)["query_text"] for line in (project / "data" / "testset" / "queries.jsonl").open("rb")]
        with _server(project, project / "models" / "encoder", home, home / "corpus.jsonl") as (url, process):
            _wait(url, process)
            print(httpx.get(f"{url}/health").json()["passages"], "passages,", len(queries), "different queries")
            _told(f"{rate:g} requests/s", asyncio.run(_asked(url, queries, rate, seconds)))
            laws = list(httpx.get(f"{url}/api/filters").json()["laws"])
            _told("with a law as filter", asyncio.run(_asked(url, queries, rate, seconds // 4, laws)))
            print(f"server: {_megabytes(process.pid):.0f} MiB")


def _told(name: str, times: list[float]) -> None:
    p50, p95, p99 = np.percentile(np.array(times) * 1000, (50, 95, 99))
    print(f"{name}: {len(times)} answers, p50 {p50:.0f}, p95 {p95:.0f}, p99 {p99:.0f}, worst {max(times) * 1000:.0f} ms")


async def _asked(url: str, queries: list[str], rate: float, seconds: int, laws: list[str] | None = None) -> list[float]:
    """Seconds from the moment at which a request was due to its answer: a late sender counts as waiting."""
    begun, count = time.perf_counter() + 0.5, int(rate * seconds)
    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=64)) as client:

        async def one(number: int) -> float | None:
            due = begun + number / rate
            await asyncio.sleep(due - time.perf_counter())
            asked = {"q": queries[number % len(queries)], "law": [laws[number % len(laws)]] if laws else []}
            reply = await client.post(f"{url}/api/search", json=asked)
            return time.perf_counter() - due if reply.status_code == 200 else None

        times = await asyncio.gather(*(one(number) for number in range(count)))
    if refused := times.count(None):
        print(f"{refused} of {count} refused: the house was full")
    return [seconds for seconds in times if seconds is not None]


def _first_answer(project: Path, model: Path, home: Path) -> tuple[float, float, float]:
    """Seconds on the clock, seconds of a core, and the server's largest memory."""
    begun = time.perf_counter()
    with _server(project, model, home, project / "data" / "processed" / "merged_corpus.jsonl") as (url, process):
        _wait(url, process)
        return time.perf_counter() - begun, _work(process.pid), _megabytes(process.pid)


@contextmanager
def _server(project: Path, model: Path, home: Path, corpus: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    port = _free_port()
    paths = {
        "model": model,
        "corpus": corpus,
        "params": project / "params.yaml",
        "details": project / "reports/stages/evaluate.json",
    }
    options = [part for name, path in paths.items() for part in (f"--{name}", str(path.resolve()))]
    code = "from haechi.cli.main import entry; entry()"
    command = [sys.executable, "-c", code, "serve", "--port", str(port), *options]
    environment = {**os.environ, "DVC_ROOT": str(home), "PYTHONPATH": str(ROOT / "src"), "HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, text=True)
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.terminate()
        process.wait()


def _wait(url: str, process: "subprocess.Popen[str]") -> None:
    """Until a search is answered."""
    while process.poll() is None:
        try:
            httpx.post(f"{url}/api/search", json={"q": QUESTION}, timeout=600).raise_for_status()
        except httpx.ConnectError:  # the port isn't taken yet
            time.sleep(0.005)
        else:
            return
    raise SystemExit("the server ended")


def _free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _work(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _megabytes(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def _transformer(folder: Path) -> Path:
    """A random transformer as large as multilingual-e5-small: 12 layers of 384, 250 thousand pieces."""
    code = f"""
import sys
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
pieces = ["[PAD]", "[UNK]"] + [chr(0xAC00 + n) for n in range(11172)]
words = Tokenizer(models.WordLevel({{piece: n for n, piece in enumerate(pieces)}}, unk_token="[UNK]"))
words.pre_tokenizer = pre_tokenizers.Split("", "isolated")
config = BertConfig(vocab_size=250_037, hidden_size=384, num_hidden_layers=12, num_attention_heads=12, intermediate_size=1536)
BertModel(config).save_pretrained({json.dumps(str(folder / "bare"))})
PreTrainedTokenizerFast(tokenizer_object=words, model_max_length=512, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(
    {json.dumps(str(folder / "bare"))})
network = Transformer({json.dumps(str(folder / "bare"))})
SentenceTransformer(modules=[network, Pooling(384, pooling_mode="mean")], device="cpu").save({json.dumps(str(folder / "model"))})
"""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    shutil.rmtree(folder / "bare")
    return folder / "model"


if __name__ == "__main__":
    main()
