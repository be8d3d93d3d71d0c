"""One request to a chat endpoint through the `openai` package: an answer, or what is wrong and whether to try again.

The package's own retries are off (they are ours, so that each is counted) and so are redirects (one would carry the key
elsewhere). Key and headers are put on below the level at which the libraries log and raise: what they see holds a
placeholder, and nothing of this machine is sent along.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2
import openai
import orjson

from haechi.llm.endpoint import Endpoint, Limits
from haechi.llm.rate_limit import retry_after
from haechi.llm.types import ADAPTED, Answer, Message, Model, Trouble, Usage
from haechi.text.normalize import one_line

LONGEST_ANSWER = 20_000
"""Characters kept of an answer; the questions that are asked for take a few hundred."""

_LARGEST_BODY = 8 << 20
_LONGEST_DETAIL = 200
_PASSING = frozenset({408, 409, 425, 429})
_NEEDED = frozenset({"host", "accept", "accept-encoding", "connection", "content-type", "content-length", "transfer-encoding"})


class Client:
    """Asks one endpoint; remembers what the endpoint turned out not to take."""

    def __init__(self, endpoint: Endpoint, limits: Limits) -> None:
        self._endpoint, self._limits = endpoint, limits
        self._schema = True
        self._longest = "max_tokens"
        for name in ("openai", "httpx", "httpx2", "httpcore", "httpcore2"):  # they log addresses and headers
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._http = httpx2.AsyncClient(transport=_Plain(endpoint), timeout=limits.timeout)
        self._openai = openai.AsyncOpenAI(
            base_url=endpoint.url, api_key="placeholder", max_retries=0, timeout=limits.timeout, http_client=self._http
        )

    async def ask(self, model: Model, messages: Sequence[Message], schema: Mapping[str, object] | None) -> Answer | Trouble:
        """The answer to a conversation."""
        try:
            async with asyncio.timeout(self._limits.timeout):  # httpx times each read: a server that drips would never end
                return await self._send(self._body(model, messages, schema))
        except (TimeoutError, openai.APITimeoutError, httpx2.TimeoutException):
            return Trouble("timeout", again=True)
        except openai.APIStatusError as error:
            return self._refused(error, model)
        except openai.APIConnectionError as error:
            return Trouble("no connection or a broken one", again=True, unheard=isinstance(error.__cause__, httpx2.ConnectError))
        except (httpx2.HTTPError, httpx2.StreamError):
            return Trouble("no connection or a broken one", again=True)

    async def close(self) -> None:
        """Drop the connections."""
        await self._http.aclose()

    def _body(self, model: Model, messages: Sequence[Message], schema: Mapping[str, object] | None) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": model.name,
            "messages": list(messages),
            "temperature": model.temperature,
            "top_p": model.top_p,
            self._longest: model.max_tokens,
        }
        if schema and self._schema:
            body["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
        return body

    async def _send(self, body: dict[str, Any]) -> Answer | Trouble:
        received = bytearray()
        # In extra_body, since the package would take apart and check each argument, which costs as much as sending it.
        create = self._openai.chat.completions.with_streaming_response.create
        async with create(model=body["model"], messages=(), extra_body=body) as response:
            async for part in response.iter_bytes():
                received += part
                if len(received) > _LARGEST_BODY:
                    return Trouble("answer too large")
        return read_answer(bytes(received), self._endpoint)

    def _refused(self, error: openai.APIStatusError, model: Model) -> Trouble:
        status, message = error.status_code, said(error.response.content, self._endpoint)
        if status in (400, 422) and self._adapted(message):
            return Trouble(ADAPTED, again=True)
        if status in (401, 403):
            return Trouble(f"http {status}", f"the endpoint refuses HAECHI_LLM_KEY ({message})", fatal=True)
        if status in (402,) or "insufficient_quota" in message:
            return Trouble(f"http {status}", f"the endpoint says that the account can't pay ({message})", fatal=True)
        if status in (404, 405) or 300 <= status < 400:
            why = f"HAECHI_LLM_URL is wrong or the model {model.name!r} is unknown there (http {status}: {message})"
            return Trouble(f"http {status}", why, fatal=True)
        wait = retry_after(error.response.headers.get("Retry-After"), datetime.now(UTC))
        return Trouble(f"http {status}", message, again=status in _PASSING or status >= 500, wait=wait)

    def _adapted(self, message: str) -> bool:
        """Whether the endpoint named a part of the request that can be left out or called otherwise; then it is, from now on."""
        if self._schema and any(name in message for name in ("response_format", "json_schema", "guided", "schema")):
            self._schema = False
            return True
        if self._longest == "max_tokens" and "max_completion_tokens" in message:
            self._longest = "max_completion_tokens"
            return True
        return False


def read_answer(body: bytes, endpoint: Endpoint) -> Answer | Trouble:
    """The answer in the body of a reply; a body that holds none is worth another try."""
    try:
        reply = orjson.loads(body)
        message, finish = reply["choices"][0]["message"], reply["choices"][0].get("finish_reason")
        content, refusal = message.get("content"), message.get("refusal")
        used = reply.get("usage")
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
        return Trouble("malformed reply", again=True)
    if isinstance(content, list):  # some servers send the answer in parts
        content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    text = content if isinstance(content, str) else refusal if isinstance(refusal, str) else ""
    whole = endpoint.hide(text.encode(errors="ignore").decode())
    cut = len(whole) > LONGEST_ANSWER
    ended = "length" if cut else "refusal" if refusal and not content else str(finish or "stop")
    return Answer(whole[:LONGEST_ANSWER], ended[:40], _usage(used))


def said(body: bytes, endpoint: Endpoint) -> str:
    """The message of an error reply, short and without secrets; nothing where it isn't the JSON that one expects."""
    try:
        reply = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    texts = [reply.get(name) for name in ("error", "detail", "message")] if isinstance(reply, dict) else []
    inner = next((value for value in texts if value), "")
    if isinstance(inner, dict):
        inner = " ".join(str(inner[name]) for name in ("code", "message") if inner.get(name))
    return one_line(endpoint.hide(str(inner)))[:_LONGEST_DETAIL]


def _usage(value: object) -> Usage | None:
    if not isinstance(value, dict):
        return None
    counts = [value.get(name) for name in ("prompt_tokens", "completion_tokens")]
    sound = [count for count in counts if isinstance(count, int) and 0 <= count < 1 << 31]
    return Usage(sound[0], sound[1]) if len(sound) == 2 else None


class _Plain(httpx2.AsyncBaseTransport):
    """Sends the needed headers and the key alone; the request that the libraries log and raise has neither.

    Each task has a connection of its own: in a shared pool every request looks through all connections.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        parts = urlsplit(endpoint.url)
        self._proxy = None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)
        self._trusted = httpx2.create_ssl_context()
        self._key = endpoint.key
        self._connections: dict[object, httpx2.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it."""
        headers = {name: value for name, value in request.headers.items() if name.lower() in _NEEDED}
        headers["User-Agent"] = "haechi"
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        stream, extensions = request.stream, request.extensions
        plain = httpx2.Request(request.method, request.url, headers=headers, stream=stream, extensions=extensions)
        return await self._connection().handle_async_request(plain)

    async def aclose(self) -> None:
        """Close every connection."""
        for connection in self._connections.values():
            await connection.aclose()

    def _connection(self) -> httpx2.AsyncHTTPTransport:
        task = asyncio.current_task()
        if task not in self._connections:
            one = httpx2.Limits(max_connections=1, max_keepalive_connections=1)
            self._connections[task] = httpx2.AsyncHTTPTransport(verify=self._trusted, proxy=self._proxy, limits=one)
        return self._connections[task]
