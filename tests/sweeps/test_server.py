"""Agents over a real PostgreSQL server, started in a folder of its own; skipped where there is none."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sweeps import fake
from sweeps.test_agents import Instant, killed_at_random

from haechi.runtime.errors import HaechiError
from haechi.sweeps.engine.agent import Agent
from haechi.sweeps.engine.storage import Storage

INITDB, PG_CTL = shutil.which("initdb"), shutil.which("pg_ctl")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (INITDB and PG_CTL), reason="no PostgreSQL server (initdb, pg_ctl) on this machine"),
]


class Server:
    """Of one test module; reached by a socket in its folder, so no port is taken."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"postgresql://haechi:secret@/postgres?host={folder}"
        # PostgreSQL refuses to be run by root
        self._who: dict[str, str] = {"user": "nobody", "group": "nogroup"} if os.getuid() == 0 else {}

    def make(self) -> None:
        self._run(INITDB, "-D", self.folder / "data", "-U", "haechi", "-A", "trust", "--no-sync")

    def start(self) -> None:
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off"
        self._run(PG_CTL, "-D", self.folder / "data", "-l", self.folder / "log", "-o", options, "-w", "start")

    def stop(self) -> None:
        self._run(PG_CTL, "-D", self.folder / "data", "-m", "immediate", "-w", "stop")

    def _run(self, *command: object) -> None:
        words = [str(word) for word in command]
        subprocess.run(words, check=True, cwd=self.folder, stdout=subprocess.DEVNULL, **self._who)  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    pytest.importorskip("psycopg")
    folder = Path(tempfile.mkdtemp(prefix="haechi-pg-"))
    if os.getuid() == 0:
        shutil.chown(folder, "nobody", "nogroup")
    made = Server(folder)
    made.make()
    made.start()
    yield made
    made.stop()
    shutil.rmtree(folder)


def test_two_agents_over_postgresql_finish_twenty_trials_under_kills(server: Server, tmp_path: Path) -> None:
    killed_at_random(tmp_path, server.url, "bayes")


def test_a_server_that_stops_is_one_sentence_without_the_password_and_goes_on_when_it_is_back(
    server: Server, tmp_path: Path
) -> None:
    place = f"{server.url}&application_name=again"
    study = fake.study(tmp_path, plan := fake.sweep(4), place)
    server.stop()
    try:
        with pytest.raises(HaechiError, match="is locked, gone, or can't be reached") as caught:
            study.claim()
        with pytest.raises(HaechiError, match="is locked, gone, or can't be reached"):
            Storage(server.url)
    finally:
        server.start()
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    again = fake.study(tmp_path, plan, place)
    Agent(again, Instant()).work()
    assert {trial.state for trial in again.trials()} == {"complete"}
