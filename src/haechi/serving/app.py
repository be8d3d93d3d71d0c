"""The search page and its API: `/`, `/api/search`, `/api/filters`, `/health`.

Whoever asks under another name than this machine's own is refused (a foreign page could otherwise point its name at 127.0.0.1
and read what is here), and so is a request that another site's page sends. Texts go out as JSON and are put into the page as
text, never as markup; the content policy forbids any script but the page's own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import anyio.to_thread
import msgspec
import orjson
from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from haechi.runtime.errors import HaechiError
from haechi.serving.engine import LONGEST, MOST, Engine, Only
from haechi.serving.limits import DEFAULT, Gate, Limits, TooMany

PAGE = Path(__file__).parent / "page"
FILES = {"/": ("index.html", "text/html"), "/app.js": ("app.js", "text/javascript"), "/style.css": ("style.css", "text/css")}
NAMES = ("127.0.0.1", "localhost")
PATIENCE = 10.0
"""Seconds for a request's body to arrive."""
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}


class SearchRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What may stand in the body of a search, or in its address."""

    q: str
    law: list[str] = []
    type: list[str] = []
    k: int = 10


class Refused(Exception):
    """A request that is not answered: status, a short name for programs, a sentence for people."""

    def __init__(self, status: int, error: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        self.status, self.error, self.message, self.headers = status, error, message, dict(headers or {})
        super().__init__(message)


def make_app(engine: Engine, limits: Limits = DEFAULT) -> Starlette:
    """The web application of one engine."""
    gate, workers = Gate(limits), CapacityLimiter(limits.workers)

    async def search(request: Request) -> Response:
        wanted = await _read_request(request, limits.body)
        try:
            with gate.entered():
                only = Only(tuple(wanted.law), tuple(wanted.type))
                answer = await anyio.to_thread.run_sync(engine.ask, wanted.q, wanted.k, only, limiter=workers)
        except HaechiError as error:
            raise Refused(400, _kind_of(wanted), str(error)) from error
        except TooMany as error:
            name = "busy" if error.busy else "too_fast"
            raise Refused(503 if error.busy else 429, name, f"{error}; try again soon", {"retry-after": "1"}) from error
        return _json(answer)

    async def filters(_: Request) -> Response:
        return _json({"laws": engine.laws, "types": engine.types})

    async def health(_: Request) -> Response:
        fusion = engine.fusion
        state = {"status": "ok", "model": engine.index.model, "passages": len(engine.index.passages)}
        return _json({**state, "systems": engine.systems, "form": fusion.mixture.form, "note": fusion.note})

    def file(name: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
        content = (PAGE / name).read_bytes()

        async def give(_: Request) -> Response:
            return Response(content, media_type=kind)

        return give

    routes = [Route(path, file(*page)) for path, page in FILES.items()]
    routes += [
        Route("/api/search", search, methods=["GET", "POST"]),
        Route("/api/filters", filters),
        Route("/health", health),
    ]
    middleware = [Middleware(Guarded), Middleware(TrustedHostMiddleware, allowed_hosts=list(NAMES), www_redirect=False)]
    handlers: Any = {Refused: _refused}
    return Starlette(routes=routes, middleware=middleware, exception_handlers=handlers)


class Guarded:
    """Puts the security headers on every answer and refuses what other sites' pages send."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *((k.encode(), v.encode()) for k, v in HEADERS.items())]
            await send(message)

        site = dict(scope["headers"]).get(b"sec-fetch-site", b"")
        if site in (b"cross-site", b"same-site") and scope["path"] != "/":
            refusal = Refused(403, "other_site", "another site's page may not search here")
            await _refused(None, refusal)(scope, receive, sent)
        else:
            await self._app(scope, receive, sent)


async def _read_request(request: Request, most: int) -> SearchRequest:
    """The search that a request asks for, read from its address or from a JSON body of so many bytes at most."""
    posted = request.method == "POST"
    if posted:
        value: Any = _parsed(await _body(request, most))
    else:
        fields = request.query_params
        value = {name: fields.getlist(name) if name in ("law", "type") else fields[name] for name in fields}
    try:
        wanted = msgspec.convert(value, SearchRequest, strict=posted)  # in an address every number is a text
    except msgspec.ValidationError as error:
        raise Refused(400, "bad_request", f"the search can't be read: {str(error)[0].lower()}{str(error)[1:]}") from error
    if not 1 <= wanted.k <= MOST:
        raise Refused(400, "bad_request", f"k is how many results are wanted, from 1 to {MOST}")
    return wanted


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused(400, "bad_request", f"the body is not JSON ({error})") from error


async def _body(request: Request, most: int) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, "bad_request", "a search is sent as application/json")
    body = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise Refused(413, "too_long", f"the request is longer than {most} bytes", {"connection": "close"})
    except TimeoutError as error:
        raise Refused(408, "bad_request", "the request took too long to arrive", {"connection": "close"}) from error
    return bytes(body)


def _kind_of(wanted: SearchRequest) -> str:
    """A short name of what the engine found wrong."""
    text = wanted.q.strip()
    return "empty" if not text else "too_long" if len(text) > LONGEST else "bad_filter"


def _json(value: Any) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")


def _refused(_: Request | None, refusal: Any) -> Response:
    content = orjson.dumps({"error": refusal.error, "message": refusal.message})
    return Response(content, refusal.status, refusal.headers, "application/json")
