"""A chat endpoint on 127.0.0.1 that answers, misbehaves on order, and writes down what it was asked.

Speaks HTTP/1.1 over plain asyncio streams, so that it can do what a well-kept server never does: hang, close half way, drip.
`python chat_server.py --latency 1` serves alone, for benchmarks.
"""

import argparse
import asyncio
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Reply:
    """What the server does with one request."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    manner: str = "whole"
    """`whole`, `half` (closes in the middle of the body), `drop` (closes without a byte) or `drip` (never comes to an end)."""
    label: str = "answer"


@dataclass(frozen=True)
class Asked:
    """One request: its body, its headers, and what came of it."""

    number: int
    body: dict[str, Any]
    headers: dict[str, str]
    path: str
    label: str
    tokens: tuple[int, int]

    @property
    def subject(self) -> str:
        """What identifies the question asked."""
        return hashlib.sha256(json.dumps(self.body["messages"]).encode()).hexdigest()


Plan = Callable[[int, dict[str, Any]], Reply]


def answer(content: object, tokens: tuple[int, int] = (100, 20), finish: str = "stop", **reply: Any) -> Reply:
    """A sound reply with this content."""
    message = {"role": "assistant", "content": content}
    usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
    body = {
        "id": "x",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": usage,
    }
    return Reply(body=json.dumps(body).encode(), **reply)


def questions(*texts: str, **reply: Any) -> Reply:
    """A sound reply with these questions."""
    return answer(json.dumps({"questions": [{"question": text, "answer": ""} for text in texts]}, ensure_ascii=False), **reply)


def refusal(status: int, message: str = "no", **reply: Any) -> Reply:
    """An error as OpenAI writes it."""
    return Reply(status, json.dumps({"error": {"message": message, "code": None}}).encode(), label=f"http {status}", **reply)


def obliging(number: int, body: dict[str, Any]) -> Reply:
    """Three questions made of a hash of what was asked; more words are billed than for the next."""
    digest = hashlib.sha256(json.dumps(body["messages"]).encode()).hexdigest()
    texts = [f"{digest[n : n + 6]}에 관한 기한은 언제까지인가요?" for n in range(3)]
    return questions(*texts, tokens=(100 + int(digest[:2], 16), 20 + int(digest[2:4], 16)))


@dataclass
class Server:
    """A running server."""

    plan: Plan
    latency: float = 0.0
    gather: int = 0
    """Nobody is answered before so many requests are open at once."""
    asked: list[Asked] = field(default_factory=list)
    open: int = 0
    most_open: int = 0
    connected: int = 0
    port: int = 0
    remember: bool = True
    _count: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def all_read(self) -> bool:
        """Whether nobody who is connected may still have a request on its way: each waits for its answer."""
        return self.connected == self.open

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected += 1
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass
        finally:
            self.connected -= 1
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines if ": " in line)
        length = int(next((value for name, value in headers.items() if name.lower() == "content-length"), "0"))
        body = json.loads(await reader.readexactly(length) or b"{}")
        number, self._count = self._count, self._count + 1
        reply = self.plan(number, body)
        if self.remember:
            usage = (json.loads(reply.body).get("usage") or {}) if reply.label == "answer" and reply.body[:1] == b"{" else {}
            tokens = (usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0))
            self.asked.append(Asked(number, body, headers, first.split(" ")[1], reply.label, tokens))
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await asyncio.sleep(self.latency + reply.delay)
            while self.most_open < self.gather:
                await asyncio.sleep(0.005)
        finally:
            self.open -= 1
        if reply.manner == "drop":
            return False
        more = "".join(f"{name}: {value}\r\n" for name, value in reply.headers)
        writer.write(
            f"HTTP/1.1 {reply.status} X\r\nContent-Type: application/json\r\nContent-Length: {len(reply.body)}\r\n{more}\r\n".encode()
        )
        if reply.manner == "half":
            writer.write(reply.body[: len(reply.body) // 2])
            await writer.drain()
            return False
        if reply.manner == "drip":
            for byte in reply.body:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.05)
        writer.write(reply.body)
        await writer.drain()
        return True

    async def start(self, port: int = 0) -> asyncio.Server:
        server = await asyncio.start_server(self.handle, "127.0.0.1", port, limit=1 << 24, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        return server


@contextmanager
def serving(plan: Plan = obliging, latency: float = 0.0, gather: int = 0) -> Iterator[Server]:
    """A server in a thread, for the length of a block."""
    server, ready, done = Server(plan, latency, gather), threading.Event(), threading.Event()

    async def main() -> None:
        listening = await server.start()
        ready.set()
        while not done.is_set():
            await asyncio.sleep(0.02)
        listening.close()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)  # which cancels the handlers that still wait
    thread.start()
    assert ready.wait(10)
    try:
        yield server
    finally:
        done.set()
        thread.join(10)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", type=float, default=0.0)
    given = parser.parse_args()

    async def alone() -> None:
        ready = obliging(0, {"messages": []})
        server = Server(lambda number, body: ready, given.latency, remember=False)
        listening = await server.start()
        print(server.url, flush=True)  # noqa: T201
        await listening.serve_forever()

    asyncio.run(alone())
