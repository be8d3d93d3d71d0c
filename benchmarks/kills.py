"""Kills `dvc repro` at random moments, restarts it until it is done, and compares every byte with an undisturbed run.

    python benchmarks/kills.py [--project tiny|mini|sample] [--kills 50] [--seed 1] [--share 0.5] [--llm] [--keep FOLDER]

Half of the kills hit the whole process group, as a machine that goes down; half hit `dvc` alone, which leaves its script
running, and the next run meets it. SIGKILL each time, so nobody can tidy up. Where a pipeline is done before all kills are
spent, the next one begins from nothing. Compared are all files of the project but those of git, DVC and .haechi: so dvc.lock,
metrics, every file in every output folder, and nothing left lying about.

With --llm a local endpoint writes the questions and counts what it is asked. A call is repeated if the same body was answered
before in the same pipeline; one that was in the air when the kill came can't have been kept, and is counted apart.

`tiny` is no pipeline of this project but three short scripts over its locks, row store and writers; it always asks.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from proofs import project  # noqa: E402  (only now is the path right)

from haechi.doctor.repo import check_dvc, check_running  # noqa: E402

GROUP, ALONE = "the process group", "dvc alone"
NOT_COMPARED = {".git", ".dvc", ".haechi", "__pycache__"}
REPRO = (sys.executable, "-m", "dvc", "repro")
TINY = {
    "params.yaml": "{}\n",
    "dvc.yaml": """
stages:
  ask:
    cmd: python ask.py
    deps: [ask.py]
    outs: [answers.jsonl]
  spread:
    cmd: python spread.py
    deps: [spread.py, answers.jsonl]
    outs: [pieces]
    metrics: [{metrics.json: {cache: false}}]
  join:
    cmd: python join.py
    deps: [join.py, pieces]
    outs: [joined.txt]
""",
    "ask.py": """
import json, os, urllib.request
from pathlib import Path
from haechi.runtime.files import write_jsonl
from haechi.runtime.locks import writing
from haechi.rowstore.encoding import Keys
from haechi.rowstore.namespaces import QUESTIONS
from haechi.rowstore.store import open_store
def ask(places):
    bodies = [json.dumps({"messages": [{"role": "user", "content": f"text {place}"}]}).encode() for place in places]
    address = os.environ["HAECHI_LLM_URL"] + "/chat/completions"
    return [json.load(urllib.request.urlopen(urllib.request.Request(address, body)))["choices"][0] for body in bodies]
with writing(Path("answers.jsonl")), open_store() as store:
    keys = [Keys({"prompt": 1}).of(text=number) for number in range(30)]
    write_jsonl(Path("answers.jsonl"), store.through(QUESTIONS, keys, ask, batch=1))
""",
    "spread.py": """
import time
from pathlib import Path
from haechi.runtime.files import atomic_folder, read_records, write_json
from haechi.runtime.locks import writing
with writing(Path("pieces"), Path("metrics.json")):
    with atomic_folder(Path("pieces")) as folder:
        for number, row in enumerate(read_records(Path("answers.jsonl"), dict)):
            write_json(folder / str(number % 3) / f"{number}.json", row)
            time.sleep(0.05)
    write_json(Path("metrics.json"), {"rows": number + 1})
""",
    "join.py": """
import time
from pathlib import Path
from haechi.runtime.files import atomic_file
from haechi.runtime.locks import writing
with writing(Path("joined.txt")), atomic_file(Path("joined.txt")) as stream:
    for path in sorted(Path("pieces").rglob("*.json")):
        stream.write(path.read_bytes())
        time.sleep(0.05)
""",
    ".gitignore": ".haechi/\n__pycache__/\n",
}
LATENCY = 0.1
"""Seconds that the local endpoint takes for an answer."""
IN_THE_AIR = 0.5
"""An answer given so shortly before a kill may not have reached the row store."""


@dataclass
class Endpoint:
    """What the local language model was asked in one pipeline."""

    port: int
    answered: dict[str, list[float]] = field(default_factory=dict)
    """Hash of a request's body -> when it was answered."""
    killed: list[float] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """How a stage finds it."""
        return {"HAECHI_LLM_URL": f"http://127.0.0.1:{self.port}/v1", "HAECHI_LLM_KEY": "none", "PYTHONPATH": str(ROOT / "src")}

    def repeated(self) -> tuple[int, int]:
        """Calls whose answer had been given before: those that a kill caught in the air, and the others."""
        caught = other = 0
        for times in self.answered.values():
            for before in times[:-1]:
                near = any(before - LATENCY - IN_THE_AIR <= kill <= before + IN_THE_AIR for kill in self.killed)
                caught, other = caught + near, other + (not near)
        return caught, other


@dataclass
class Outcome:
    """What a series of kills led to."""

    kills: Counter[str] = field(default_factory=Counter)
    hit: Counter[str] = field(default_factory=Counter)
    """Stage that was running -> kills."""
    waited: int = 0
    """Runs that met a script of a killed run and waited for it."""
    pipelines: int = 0
    differing: list[str] = field(default_factory=list)
    """Files that came out otherwise than undisturbed."""
    left_running: int = 0
    """Scripts that outlived the pipeline's end."""
    mended: Counter[str] = field(default_factory=Counter)
    """What a killed dvc had left that dvc then refused, so that the doctor's remedy was needed."""
    calls: int = 0
    """Different calls to the language model."""
    caught: int = 0
    """Calls repeated because a kill came while they were in the air."""
    repeated: int = 0
    """Calls repeated although their answer had been there in time to be kept."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", choices=["tiny", "mini", "sample"], default="mini")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=0.5, help="latest kill, as a share of the undisturbed run's time")
    parser.add_argument("--llm", action="store_true", help="let a local language model write the questions, and count its calls")
    parser.add_argument("--keep", type=Path, help="work here and leave it")
    arguments = parser.parse_args()
    work = arguments.keep or Path(tempfile.mkdtemp(prefix="haechi-kills-"))
    began = time.monotonic()

    with endpoint() if arguments.llm or arguments.project == "tiny" else nullcontext() as model:
        start = make_start(work / "start", arguments.project, llm=arguments.llm)
        calm = project.copy_of(start, work / "calm")
        seconds = undisturbed(calm, model)
        print(f"undisturbed: {seconds:.0f} s{f', {len(model.answered)} calls' if model else ''}", flush=True)
        chance = random.Random(arguments.seed)  # noqa: S311  # moments, no secrets
        outcome = disturb(start, work / "killed", files_of(calm), arguments.kills, seconds * arguments.share, chance, model)

    print(f"{sum(outcome.kills.values())} kills ({', '.join(f'{n} of {what}' for what, n in sorted(outcome.kills.items()))})")
    print(f"while these ran: {', '.join(f'{stage} {n}' for stage, n in outcome.hit.most_common())}")
    print(f"{outcome.waited} runs waited for a script that a killed dvc had left")
    print(f"haechi doctor's remedy was needed for: {dict(outcome.mended) or 'nothing'}")
    print(f"{outcome.pipelines} pipelines finished, {outcome.left_running} scripts left running")
    print(f"{len(outcome.differing)} files differ from the undisturbed run")
    if model:
        print(f"{outcome.calls} calls, {outcome.repeated} repeated, {outcome.caught} more that a kill caught in the air")
    print(f"{(time.monotonic() - began) / 60:.0f} minutes in all")
    for name in outcome.differing[:20]:
        print(f"  {name}")
    if not arguments.keep:
        shutil.rmtree(work)
    sys.exit(bool(outcome.differing or outcome.left_running or outcome.repeated))


def make_start(folder: Path, kind: str, llm: bool = False) -> Path:
    """A project over this checkout's code, ready for its first `dvc repro`."""
    if kind == "tiny":
        return make_tiny(folder)
    project.make_project(folder)
    if kind == "mini":
        project.refresh_testset(folder)
    else:
        shutil.copy(ROOT / "params.yaml", folder / "params.yaml")
        for name in ("raw", "probes", "testset"):
            shutil.rmtree(folder / "data" / name, ignore_errors=True)
            shutil.copytree(ROOT / "data" / name, folder / "data" / name)
        (folder / "metrics").mkdir(exist_ok=True)
        shutil.copy(ROOT / "metrics" / "testset.json", folder / "metrics")
    if llm:
        yaml = YAML()
        params = yaml.load(folder / "params.yaml")
        params["generate_qa"]["generator"] = "openai"
        yaml.dump(params, folder / "params.yaml")
    project.commit(folder, "ready")
    return folder


def make_tiny(folder: Path) -> Path:
    """Three scripts that take a few seconds: one that pays for rows, one that writes a folder, one that writes a file."""
    for name, text in TINY.items():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for command in (["init", "-q"], ["config", "user.email", "t@example.invalid"], ["config", "user.name", "t"]):
        project.git(folder, *command)
    project.dvc(folder, "init", "-q")
    project.commit(folder, "ready")
    return folder


def undisturbed(folder: Path, model: Endpoint | None) -> float:
    """Run the pipeline; wall seconds."""
    began = time.monotonic()
    project.dvc(folder, "repro", **(model.environment if model else {}))
    return time.monotonic() - began


def disturb(
    start: Path,
    folder: Path,
    wanted: Mapping[str, str],
    kills: int,
    latest: float,
    chance: random.Random,
    model: Endpoint | None = None,
) -> Outcome:
    """Kill and restart until all kills are spent and the last pipeline is done; each pipeline is held against `wanted`."""
    outcome = Outcome()
    while sum(outcome.kills.values()) < kills:
        shutil.rmtree(folder, ignore_errors=True)
        project.copy_of(start, folder)
        if model:
            model.answered.clear()
            model.killed.clear()
        done = False
        while not done:
            spent = sum(outcome.kills.values()) >= kills
            done = attempt(folder, None if spent else chance.uniform(0, latest), chance.choice([GROUP, ALONE]), outcome, model)
        outcome.pipelines += 1
        outcome.left_running += len(scripts_in(folder))
        outcome.differing += differences(wanted, files_of(folder))
        if model:
            caught, repeated = model.repeated()
            outcome.calls += len(model.answered)
            outcome.caught += caught
            outcome.repeated += repeated
        print(f"pipeline {outcome.pipelines}: {sum(outcome.kills.values())} kills so far", flush=True)
    return outcome


def attempt(folder: Path, after: float | None, what: str, outcome: Outcome, model: Endpoint | None = None) -> bool:
    """One `dvc repro`, killed after so many seconds if it isn't done by then; whether it was."""
    log = folder.with_name(f"{folder.name}-{sum(outcome.kills.values())}.log")
    environment = project.environment(**(model.environment if model else {}))
    with log.open("w") as stream:
        run = subprocess.Popen(
            REPRO, cwd=folder, env=environment, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code = run.wait(after)
        except subprocess.TimeoutExpired:
            code = None
            if model and what == GROUP:  # a script that lives on keeps what it is told
                model.killed.append(time.monotonic())
            (os.killpg if what == GROUP else os.kill)(run.pid, signal.SIGKILL)
            run.wait()
    said = log.read_text(encoding="utf-8", errors="replace")
    outcome.waited += "waiting up to" in said
    if code is None:
        outcome.kills[what] += 1
        outcome.hit[(project.stages_run(said) or ["(none yet)"])[-1]] += 1
    elif code and (found := mended(folder)):
        outcome.mended[found] += 1
    elif code:
        sys.exit(f"`dvc repro` ended with {code} although nobody killed it:\n{said[-3000:]}")
    return code == 0


def mended(folder: Path) -> str:
    """Do what `haechi doctor` says of files that a killed dvc left half written; what was done, if anything."""
    if check_running(folder, folder / ".haechi").level == "fail":
        (folder / ".dvc" / "tmp" / "rwlock").unlink()
        return "removed .dvc/tmp/rwlock"
    if check_dvc(folder).level == "fail" and "dvc.lock" in check_dvc(folder).said:
        if project.git(folder, "ls-files", "dvc.lock"):
            project.git(folder, "checkout", "dvc.lock")
        else:
            (folder / "dvc.lock").unlink()
        return "restored dvc.lock"
    return ""


@contextmanager
def endpoint() -> Iterator[Endpoint]:
    """An OpenAI-compatible endpoint whose answers are a pure function of what it is asked."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(LATENCY)
            digest = sha256(json.dumps(json.loads(body)["messages"]).encode()).hexdigest()
            asked = [{"question": f"{digest[n : n + 6]}에 관한 기한은 언제까지인가요?", "answer": ""} for n in range(3)]
            message = {"role": "assistant", "content": json.dumps({"questions": asked}, ensure_ascii=False)}
            value = {
                "id": "x",
                "object": "chat.completion",
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
            }
            reply = json.dumps(value).encode()
            with lock:
                state.answered.setdefault(sha256(body).hexdigest(), []).append(time.monotonic())
            try:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)
            except OSError:  # whoever asked was killed
                self.close_connection = True

        def log_message(self, *_: object) -> None: ...

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Whoever asked was killed: nothing to report."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    lock, state = threading.Lock(), Endpoint(server.server_port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()


def scripts_in(folder: Path) -> list[int]:
    """Processes that still work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve() == folder.resolve():
                found.append(int(process.name))
        except OSError:  # ended in between
            continue
    return found


def files_of(folder: Path) -> dict[str, str]:
    """Every file of a project that isn't git's, DVC's or ours alone, with the hash of its bytes."""
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not NOT_COMPARED & set(path.relative_to(folder).parts)
    }


def differences(wanted: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """Files that are missing, too many, or hold other bytes."""
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


if __name__ == "__main__":
    main()
