"""Where a study is kept: a journal file or a database URL, and turns in which one agent at a time may decide something.

In a file the turn is flock(2) beside it, in a database server its own advisory lock; the kernel, or the server, frees it
however the agent ends. So whatever is decided within a turn (what comes next, whose trial it is) is decided once.
"""

import fcntl
import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from haechi.runtime.errors import HaechiError
from haechi.runtime.locks import taken

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from sqlalchemy.engine import Engine

T = TypeVar("T")
PATIENCE = 60.0
"""Seconds that an agent waits for its turn; turns take a fraction of one."""
POLL = 0.02
SERVERS = {"postgresql": "SELECT pg_try_advisory_lock({key})", "mysql": "SELECT GET_LOCK('haechi-{key}', 0)"}
RELEASES = {"postgresql": "SELECT pg_advisory_unlock({key})", "mysql": "SELECT RELEASE_LOCK('haechi-{key}')"}


class Storage:
    """An Optuna storage, with turns."""

    def __init__(self, url: str) -> None:
        """A URL (sqlite:///, postgresql://, mysql://) or the path of a journal file."""
        self.url = url
        self.shown = _without_password(url)
        self._kind = url.partition("://")[0].partition("+")[0] if "://" in url else "journal"
        if self._kind not in ("journal", "sqlite", *SERVERS):
            raise HaechiError(f"storage {self.shown}: expected a file, or a URL that begins with sqlite, postgresql or mysql")
        self._file = Path(url.partition(":///")[2] if self._kind == "sqlite" else url)
        self.optuna: BaseStorage = self.guarded(self._opened)

    @contextmanager
    def turn(self, patience: float = PATIENCE) -> Iterator[None]:
        """Decide alone; not to be nested."""
        with self._server_turn(patience) if self._kind in SERVERS else self._file_turn(patience):
            yield

    def guarded(self, action: Callable[[], T]) -> T:
        """Do something with the storage; what goes wrong with it is one sentence."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            return action()
        except OSError as error:
            raise self._unusable(f"can't be used: {error.strerror or error}") from error
        except ImportError as error:
            how = "pip install -e '.[postgresql]' -c constraints.txt" if self._kind == "postgresql" else "pip install mysqlclient"
            raise self._unusable(f"needs a driver ({error.name}): {how}") from error
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise self._unusable(f"is locked, gone, or can't be reached: {_masked(reason, self.url)}") from error

    def _unusable(self, reason: str) -> HaechiError:
        return HaechiError(f"storage {self.shown} {reason} (what has been measured is in the ledger)")

    def _opened(self) -> "BaseStorage":
        import optuna
        from optuna.storages.journal import JournalFileBackend, JournalStorage

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
        if self._kind == "journal":
            self._file.parent.mkdir(parents=True, exist_ok=True)
            return JournalStorage(JournalFileBackend(str(self._file), lock_obj=_Flock(self._file)))  # type: ignore[arg-type]  # has its two methods
        if self._kind == "sqlite":
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.touch()
            with self._file_turn(PATIENCE):  # tables are made by one agent alone
                return optuna.storages.RDBStorage(self.url, engine_kwargs={"connect_args": {"timeout": 30}})
        with self._server_turn(PATIENCE):
            return optuna.storages.RDBStorage(self.url, engine_kwargs={"pool_pre_ping": True})

    @cached_property
    def _engine(self) -> "Engine":
        """Of the turns' own connection: a lock belongs to a connection, and Optuna's come from its pool."""
        from sqlalchemy import create_engine

        return create_engine(self.url, pool_pre_ping=True)

    @contextmanager
    def _file_turn(self, patience: float) -> Iterator[None]:
        deadline = time.monotonic() + patience
        if not self._file.exists():
            raise self._unusable("is gone")
        with _open_lock(self._file, ".turn") as handle:
            while not taken(handle):
                if time.monotonic() > deadline:
                    raise self._unusable(f"has been locked by another agent for longer than {patience:g} s")
                time.sleep(POLL)
            yield

    @contextmanager
    def _server_turn(self, patience: float) -> Iterator[None]:
        from sqlalchemy import text

        deadline = time.monotonic() + patience
        connection = self.guarded(self._engine.connect)
        try:
            while not self.guarded(lambda: connection.execute(text(SERVERS[self._kind].format(key=_KEY))).scalar()):
                if time.monotonic() > deadline:
                    raise self._unusable(f"has been locked by another agent for longer than {patience:g} s")
                time.sleep(POLL)
            try:
                yield
            finally:
                self.guarded(lambda: connection.execute(text(RELEASES[self._kind].format(key=_KEY))))
        finally:
            connection.close()


_KEY = 7_236_471
"""One turn a server: turns are short, whatever the study."""


class _Flock:
    """Optuna's journal under flock: freed with its process, and the torn line that a killed writer left is cut off."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._handle: Any = None

    def acquire(self) -> bool:
        """Wait for the file, and mend its end."""
        self._handle = _open_lock(self._file, ".writing")
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        _mend(self._file)
        return True

    def release(self) -> None:
        """Let it go."""
        self._handle.close()


def _open_lock(file: Path, suffix: str) -> Any:
    try:
        return file.with_name(file.name + suffix).open("ab")
    except OSError as error:
        raise HaechiError(f"storage {file} can't be used: {error.strerror}") from error


def _mend(file: Path) -> None:
    """Cut off a last line without its end."""
    with file.open("r+b") as stream:
        size = stream.seek(0, os.SEEK_END)
        if not size:
            return
        stream.seek(size - 1)
        if stream.read(1) == b"\n":
            return
        stream.seek(0)
        stream.truncate(stream.read().rfind(b"\n") + 1)


def _without_password(url: str) -> str:
    if "://" not in url:
        return url
    scheme, _, rest = url.partition("://")
    login, at, place = rest.rpartition("@")
    return f"{scheme}://{login.partition(':')[0]}:***@{place}" if at and ":" in login else url


def _masked(text: str, url: str) -> str:
    login = url.partition("://")[2].rpartition("@")[0]
    password = login.partition(":")[2]
    return text.replace(password, "***") if password else text
