"""How fast the client asks a model, beside a bare HTTP client, and how much memory it takes.

    python benchmarks/llm_client.py [--passages 100000]

A server on 127.0.0.1 answers after a fixed time; the client builds prompts, asks, stores and reads as the stage does.
"""

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx

from haechi.llm.params import LlmParams
from haechi.questions.llm import LlmSetup, stream_questions
from haechi.questions.params import GenerateQaParams
from haechi.questions.prompts.writing import writing
from haechi.records.passage import Passage
from haechi.rowstore.store import open_store
from haechi.runtime.params import load_section

ROOT = Path(__file__).resolve().parents[1]
IN_FLIGHT = 64
BODY = "사업자는 신고를 한 날부터 30일 안에 관청에 서류를 내야 한다. 다만, 대통령령으로 정하는 경우에는 그러하지 아니하다.\n" * 6


class Passages:
    """So many passages, made while they are gone through."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self) -> Iterator[Passage]:
        for n in range(self.count):
            id = f"LAW_{n:06}_제1조"
            yield Passage(id, id, id, "law", f"마을법 {n} | 제1조(신고)\n{n} {BODY}", "신고", "마을법", "제1조", "", "x.json")


@contextmanager
def server(latency: float) -> Iterator[str]:
    """The test server in a process of its own."""
    script = ROOT / "tests" / "llm" / "chat_server.py"
    process = subprocess.Popen([sys.executable, script, "--latency", str(latency)], stdout=subprocess.PIPE, text=True)
    try:
        yield (process.stdout or sys.stdin).readline().strip()
    finally:
        process.kill()
        process.wait()


def ours(url: str, calls: int) -> float:
    """Seconds to ask, store and read so many passages, one question each."""
    params = load_section(ROOT / "params.yaml", "generate_qa", GenerateQaParams)
    llm = load_section(ROOT / "params.yaml", "llm", LlmParams)
    environ = {"HAECHI_LLM_URL": url, "HAECHI_LLM_KEY": "none", "HAECHI_LLM_CONCURRENCY": str(IN_FLIGHT)}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DVC_ROOT"] = folder
        with open_store(Path(folder) / "rows.sqlite") as store:
            start, found = time.perf_counter(), 0
            setup = LlmSetup(replace(params, questions_per_passage=1), llm, store, (), environ)
            for written in stream_questions(Passages(calls), setup):
                found += len(written.questions)
            seconds = time.perf_counter() - start
    if found != calls:
        raise SystemExit(f"{found} questions of {calls}")
    return seconds


def bare(url: str, calls: int) -> float:
    """Seconds that httpx alone takes for as many requests of the same size, nothing built, read or kept."""
    body = {"model": "m", "messages": writing("fact", next(iter(Passages(1))).text, "ko", 1, ()), "max_tokens": 1024}

    async def run() -> float:
        limits = httpx.Limits(max_connections=IN_FLIGHT, max_keepalive_connections=IN_FLIGHT)
        todo = iter(range(calls))
        async with httpx.AsyncClient(limits=limits, timeout=60) as client:

            async def work() -> None:
                for _ in todo:
                    (await client.post(f"{url}/chat/completions", json=body)).raise_for_status()

            start = time.perf_counter()
            await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
            return time.perf_counter() - start

    return asyncio.run(run())


def memory() -> float:
    """Megabytes of this process now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def flat(url: str, calls: int) -> None:
    """Memory along the way, while asking and while reading."""
    seen: list[float] = []

    class Watched(Passages):
        def __iter__(self) -> Iterator[Passage]:
            for n, passage in enumerate(super().__iter__()):
                if n % max(1, self.count // 10) == 0:
                    seen.append(memory())
                yield passage

    params = load_section(ROOT / "params.yaml", "generate_qa", GenerateQaParams)
    llm = load_section(ROOT / "params.yaml", "llm", LlmParams)
    environ = {"HAECHI_LLM_URL": url, "HAECHI_LLM_KEY": "none", "HAECHI_LLM_CONCURRENCY": str(IN_FLIGHT)}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DVC_ROOT"] = folder
        with open_store(Path(folder) / "rows.sqlite") as store:
            start = time.perf_counter()
            setup = LlmSetup(replace(params, questions_per_passage=1), llm, store, (), environ)
            found = sum(len(written.questions) for written in stream_questions(Watched(calls), setup))
            seconds = time.perf_counter() - start
    print(f"{calls} passages, {found} questions: {seconds:.0f} s ({calls / seconds:.0f} a second)")
    for name, part in zip(("looking up", "asking", "reading"), (seen[:10], seen[10:20], seen[20:]), strict=True):
        print(f"  MB while {name}, at each tenth: {' '.join(f'{value:.0f}' for value in part)}")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--passages", type=int, default=100_000)
    given = parser.parse_args()
    for latency, rounds in ((1.0, 20), (0.1, 40)):
        calls = IN_FLIGHT * rounds
        with server(latency) as url:
            ours(url, IN_FLIGHT)  # imports and connections apart
            seconds = [ours(url, calls) for _ in range(1 if latency == 1 else 2)]
            others = [bare(url, calls) for _ in seconds]
        ideal = latency * rounds
        load = os.getloadavg()[0]
        print(f"latency {latency} s, {calls} calls, {IN_FLIGHT} in flight: ideal {ideal:.1f} s (load of the machine {load:.1f})")
        print(f"  haechi {' '.join(f'{s:.2f}' for s in seconds)} s, best {ideal / min(seconds):.1%} of ideal throughput")
        print(f"  httpx  {' '.join(f'{s:.2f}' for s in others)} s, haechi/httpx throughput {min(others) / min(seconds):.2f}")
    with server(0.0) as url:
        flat(url, given.passages)


if __name__ == "__main__":
    main()
