"""Asks for every answer that the row store lacks, many at a time, and writes each down before the next call takes its place.

Calls stream through: what is in memory is what is in flight. A call that fails goes to the ledger and holds up nobody; a
budget that is spent, or an endpoint that can't be used, ends the run with what is stored so far. The same command goes on
from there. Answers come in any order and at any time, so nothing here decides what a stage puts out: that is read from the
store afterwards.
"""

import asyncio
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from haechi.llm.budget import Budget, about
from haechi.llm.endpoint import Limits, endpoint_from, limits_from
from haechi.llm.failure_log import Failure, Ledger, ledger_path
from haechi.llm.rate_limit import Pace, backoff
from haechi.llm.requests import Call, Task, answered, is_done, prompt_tokens, to_row
from haechi.llm.types import ADAPTED, Answer, Trouble, Usage
from haechi.rowstore.store import Row, Store, connect, offline
from haechi.runtime.errors import HaechiError
from haechi.runtime.progress import say, track

if TYPE_CHECKING:
    from haechi.llm.client import Client

_LONGEST_WAIT = 600.0  # seconds that a Retry-After is honoured in place; beyond, the run ends
_GIVE_UP = 20  # calls in a row, not failed in an earlier run, without an answer: the endpoint is down or tired of us


class EndpointError(HaechiError):
    """The language model can't be used, or not any more."""


class BudgetSpent(HaechiError):
    """The run would spend more than it may."""


def fill(task: Task, store: Store, calls: Callable[[], Iterable[Call]], environ: Mapping[str, str]) -> None:
    """Ask for what is missing and say what that took; `calls` is gone through more than once."""
    missing = sum(not is_done(task, one, answers) for one, answers in answered(task, store, calls()))
    if not missing:
        return  # a clone with all rows needs neither endpoint nor key
    if offline():
        raise HaechiError(
            f"HAECHI_OFFLINE=1, and {missing} answers of {task.model.name} are not in the row store {store.path}; "
            "bring them with `haechi rows import`, or unset HAECHI_OFFLINE to ask for them"
        )
    from haechi.llm.client import Client  # half a second, for those who ask

    endpoint, limits = endpoint_from(environ), limits_from(environ)

    async def run() -> None:
        client = Client(endpoint, limits)
        filling = _Filling(task, store, client, limits, Ledger(ledger_path(task.namespace.name)))
        try:
            await filling.run(calls, missing)
        finally:
            await client.close()
            say(f"{task.model.name}: {filling.account()}")

    asyncio.run(run())


class _Stopped(Exception):
    """The run is ending: nothing new is asked."""


class _Filling:
    """One run: the workers share its iterator of calls, its pace, its budget and its writer."""

    def __init__(self, task: Task, store: Store, client: "Client", limits: Limits, ledger: Ledger) -> None:
        self._task, self._store, self._client, self._limits, self._ledger = task, store, client, limits, ledger
        self._pace = Pace(limits.requests_per_minute, limits.tokens_per_minute)
        self._budget = Budget(limits)
        self._writer = _Writer(store.path, task)
        self._rng = Random()  # noqa: S311  # jitter, no secret
        self._failed_before = frozenset(failure.key for failure in ledger)
        self._in_flight: set[bytes] = set()  # twins have one key: the second waits for the answer of the first
        self._in_a_row = 0
        self._heard = False
        self._settled, self._stopping = asyncio.Event(), asyncio.Event()
        self._why: BaseException | None = None
        self._off_the_list: set[str] = set()
        self._failed = 0

    async def run(self, calls: Callable[[], Iterable[Call]], missing: int) -> None:
        """First what was never tried, then what failed in an earlier run: however much that is, it holds up nothing."""
        with _interrupted_by(lambda: self._stop(KeyboardInterrupt())):
            try:
                for again in (False, True) if self._failed_before else (False,):
                    todo = track(self._missing(calls(), again), "asking", missing)
                    async with asyncio.TaskGroup() as group:
                        for _ in range(self._limits.concurrency):
                            group.create_task(self._work(todo))
            finally:
                await self._writer.close()
        self._ledger.clear(self._off_the_list)
        if self._why:
            raise self._why

    def account(self) -> str:
        """What the run took, in words; none of it goes into metrics, since it depends on what the store had."""
        return f"{self._budget.spent}; {self._failed} calls failed"

    def _missing(self, calls: Iterable[Call], again: bool) -> Iterator[tuple[Call, int]]:
        """Calls to make, each with the number of answers that it has."""
        for one, answers in answered(self._task, self._store, calls):
            failed_before = one.keys[0].hex() in self._failed_before
            if failed_before == again and not is_done(self._task, one, answers) and one.keys[0] not in self._in_flight:
                _, answers = next(answered(self._task, self._store, [one]))  # a twin may have been answered since
            if is_done(self._task, one, answers):
                if failed_before:
                    self._off_the_list.add(one.keys[0].hex())
            elif failed_before == again and one.keys[0] not in self._in_flight:
                yield one, len(answers)

    async def _work(self, todo: Iterator[tuple[Call, int]]) -> None:
        try:
            for one, had in todo:
                self._in_flight.add(one.keys[0])
                try:
                    await self._bring(one, had)
                finally:
                    self._in_flight.discard(one.keys[0])
        except _Stopped:
            pass
        except HaechiError as error:
            self._stop(error)

    def _stop(self, why: BaseException) -> None:
        """Let what is in flight arrive, since it is paid for, and ask nothing more."""
        self._why = self._why or why
        self._stopping.set()
        self._settled.set()

    async def _bring(self, one: Call, had: int) -> None:
        """Ask until an answer can be read or there are as many as allowed; store each, or write the failure down."""
        for key in one.keys[had:]:
            result = await self._answer(one)
            if isinstance(result, Failure):
                self._fail(result)
                return
            answer, used, cost = result
            await self._writer.write(key, answer, used, cost)
            if self._task.readable(answer):
                break
        if one.keys[0] in self._ledger:
            self._off_the_list.add(one.keys[0].hex())

    async def _answer(self, one: Call) -> tuple[Answer, Usage, float] | Failure:
        """An answer with its usage and cost, after as many tries as it takes; or why there is none."""
        tokens_in = prompt_tokens(one)
        most = Usage(tokens_in, self._task.model.max_tokens)
        trouble, made = Trouble("never tried"), 0
        while made < self._limits.tries:
            await self._turn(most)
            result: Answer | Trouble | None = None
            used = None
            try:
                result = await self._client.ask(self._task.model, one.messages, one.schema)
                if isinstance(result, Answer):
                    used = result.usage or Usage(tokens_in, about(result.text))
            finally:
                cost = self._settle(most, used)
            if isinstance(result, Answer) and used:
                self._heard, self._in_a_row = True, 0
                return result, used, cost
            if isinstance(result, Trouble) and result.reason != ADAPTED:
                made, trouble = made + 1, result
                self._check(trouble)
                if not trouble.again:
                    break
                if made < self._limits.tries:
                    self._pace.hold(_now() + trouble.wait)
                    await self._pause(max(trouble.wait, backoff(made - 1, self._rng, self._limits.backoff)))
        return Failure(one.keys[0].hex(), one.id, trouble.reason, trouble.detail, made, 1)

    async def _turn(self, most: Usage) -> None:
        """Wait until the budget and the pace let a request go."""
        await self._pause(0)
        while lacks := self._budget.lacks(most):
            if not self._budget.in_flight:
                raise BudgetSpent(self._budget.sentence(lacks))
            self._settled.clear()
            await self._settled.wait()
            await self._pause(0)
        self._budget.take(most)
        try:
            await self._pause(self._pace.start(_now(), most.tokens) - _now())
            while wait := self._pace.held(_now()):
                await self._pause(wait)
        except BaseException:
            self._settle(most, None, sent=False)
            raise

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond the end of the run."""
        if seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)
        if self._stopping.is_set():
            raise _Stopped

    def _settle(self, most: Usage, used: Usage | None, sent: bool = True) -> float:
        self._pace.correct((used.tokens if used else 0) - most.tokens)
        self._settled.set()
        return self._budget.settle(most, used, sent)

    def _check(self, trouble: Trouble) -> None:
        """End the run where going on makes no sense."""
        if trouble.fatal:
            raise EndpointError(f"{trouble.detail}; what was answered so far is kept")
        if trouble.unheard and not self._heard:
            raise EndpointError("nothing answers at the address in HAECHI_LLM_URL; is it right, and is the server running?")
        self._heard = self._heard or not trouble.unheard
        if trouble.wait > _LONGEST_WAIT:
            raise EndpointError(
                f"the endpoint asks to wait {trouble.wait:.0f} s ({trouble.reason}); what was answered so far is kept, "
                "run the same command again after that"
            )

    def _fail(self, failure: Failure) -> None:
        self._ledger.add(failure)
        self._failed += 1
        if failure.key not in self._failed_before:
            self._in_a_row += 1
            if self._in_a_row >= _GIVE_UP:
                detail = f": {failure.detail}" if failure.detail else ""
                raise EndpointError(
                    f"{_GIVE_UP} calls in a row got no answer (the last: {failure.reason}{detail}), so the run stops; "
                    "what was answered so far is kept, run the same command again once the endpoint works"
                )


class _Writer:
    """Puts answers into the store; whoever wrote waits until the disk has it, and nobody else.

    The disk is waited for in a thread with a connection of its own; what arrives meanwhile goes into the next transaction.
    """

    def __init__(self, path: Path, task: Task) -> None:
        self._path, self._task = path, task
        self._thread = ThreadPoolExecutor(1, "answers")
        self._store: Store | None = None
        self._rows: list[Row] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._writing = False

    async def write(self, key: bytes, answer: Answer, used: Usage, cost: float) -> None:
        """Store an answer."""
        loop = asyncio.get_running_loop()
        stored: asyncio.Future[None] = loop.create_future()
        self._rows.append(Row(key, to_row(answer, used), cost))
        self._waiting.append(stored)
        if not self._writing:
            self._next(loop)
        await stored

    async def close(self) -> None:
        """Wait for the last transaction."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._end)
        self._thread.shutdown()

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        rows, waiting, self._rows, self._waiting = self._rows, self._waiting, [], []
        self._writing = bool(rows)
        if rows:
            loop.run_in_executor(self._thread, self._put, rows).add_done_callback(lambda done: self._wake(loop, waiting, done))

    def _wake(self, loop: asyncio.AbstractEventLoop, waiting: list["asyncio.Future[None]"], done: "asyncio.Future[None]") -> None:
        error = done.exception()
        for stored in waiting:
            if not stored.done():  # its worker was cancelled
                stored.set_exception(error) if error else stored.set_result(None)
        self._next(loop)

    def _put(self, rows: list[Row]) -> None:
        self._store = self._store or connect(self._path)
        self._store.put(self._task.namespace, rows, {"model": self._task.model.name})

    def _end(self) -> None:
        if self._store:
            self._store.close()


@contextmanager
def _interrupted_by(stop: Callable[[], None]) -> Iterator[None]:
    """A first Ctrl-C lets calls in flight arrive; a second one ends at once."""
    loop = asyncio.get_running_loop()

    def first() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        stop()

    with suppress(RuntimeError, ValueError):  # not in the main thread
        loop.add_signal_handler(signal.SIGINT, first)
    try:
        yield
    finally:
        with suppress(RuntimeError, ValueError):
            loop.remove_signal_handler(signal.SIGINT)


def _now() -> float:
    return asyncio.get_running_loop().time()
