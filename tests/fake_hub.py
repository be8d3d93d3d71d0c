"""A hub on this machine that serves a repository as the real one does, and has the faults that it is told to have.

Small files come from the hub itself; weights from a CDN of another host name, behind a redirect, with ranges.
"""

import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlparse

from hub_models import COMMIT

LARGE = (".safetensors", ".bin", ".pt")


@dataclass
class Hub:
    """What is served, what goes wrong, and what was asked for."""

    name: str
    files: Mapping[str, bytes]
    conversion: Mapping[str, bytes] = field(default_factory=dict)
    """Files of a pull request of the hub's converter; none where empty."""
    status: int = 0
    """Every answer, where it is not 0."""
    code: str = ""
    """The `X-Error-Code` of these."""
    busy: Counter[str] = field(default_factory=Counter)
    """Kind of address (api, resolve, cdn) -> how often it answers 429 before it serves."""
    retry_after: str = "0"
    cuts: int = 0
    """How often the connection breaks in the middle of a shard."""
    token: str = ""
    """Wanted from whoever asks, where not empty."""
    asked: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Method, path, range and whether it came with a token."""
    port: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fetched(self) -> set[str]:
        """The files whose content was asked for."""
        found = (re.match(r"/(?:.*/resolve/[^/]+|cdn/[^/]+)/(.*)", path) for method, path, _, _ in self.asked if method == "GET")
        return {match[1] for match in found if match}


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Serve it while the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: object) -> None:
        """Tests print what they want to see."""

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_GET  # noqa: N815

    def _answer(self) -> None:
        hub, path = self.hub, urlparse(self.path).path
        sent = self.headers.get("Authorization", "")
        hub.asked.append((self.command, path, self.headers.get("Range", ""), "token" if sent else ""))
        kind = "cdn" if path.startswith("/cdn/") else "api" if path.startswith("/api/") else "resolve"
        if hub.status:
            return self._send(hub.status, headers={"X-Error-Code": hub.code} if hub.code else {})
        if hub.token and kind != "cdn" and sent != f"Bearer {hub.token}":
            return self._send(401, headers={"X-Error-Code": "GatedRepo"})
        if self.command == "GET" and hub.busy[kind] > 0:
            hub.busy[kind] -= 1
            return self._send(429, headers={"Retry-After": hub.retry_after})
        return {"api": self._api, "resolve": self._resolve, "cdn": self._cdn}[kind](path)

    def _api(self, path: str) -> None:
        hub, root = self.hub, f"/api/models/{self.hub.name}"
        if path == f"{root}/discussions":
            found = [self._proposal()] if hub.conversion else []
            return self._json({"count": len(found), "start": 0, "discussions": found})
        match = re.fullmatch(rf"{root}(?:/(revision|tree)/(.+))?", path)
        if not match:
            return self._send(404, headers={"X-Error-Code": "RepoNotFound"})
        files, commit = self._revision(match[2] or "main")
        if match[1] == "tree":
            return self._json([self._listed(name, content) for name, content in files.items()])
        siblings = [{"rfilename": name, "size": len(content)} for name, content in files.items()]
        return self._json({"id": hub.name, "sha": commit, "siblings": siblings})

    def _resolve(self, path: str) -> None:
        match = re.fullmatch(rf"/{self.hub.name}/resolve/([^/]+)/(.+)", path)
        if not match:
            return self._send(404, headers={"X-Error-Code": "RepoNotFound"})
        files, commit = self._revision(match[1])
        if match[2] not in files:
            return self._send(404, headers={"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        content = files[match[2]]
        known = {"X-Repo-Commit": commit, "ETag": f'"{_hash(content)}"'}
        if not match[2].endswith(LARGE):
            return self._send(200, content, known)
        place = f"http://localhost:{self.server.server_port}/cdn/{commit}/{match[2]}"  # another host: no token goes there
        linked = {"X-Linked-Size": str(len(content)), "X-Linked-ETag": f'"{_hash(content)}"', "Location": place}
        return self._send(302, b"", known | linked)

    def _cdn(self, path: str) -> None:
        commit, _, name = path.removeprefix("/cdn/").partition("/")
        content = self._revision(commit)[0][name]
        begin = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(begin[1]) if begin else 0
        rest, total = content[start:], len(content)
        headers = {"ETag": f'"{_hash(content)}"', "Content-Length": str(len(rest)), "Accept-Ranges": "bytes"}
        if self.hub.cuts > 0 and name.endswith(".safetensors"):
            self.hub.cuts -= 1
            rest, self.close_connection = rest[: len(rest) // 2], True
        status = 206 if begin else 200
        self._send(status, rest, headers | ({"Content-Range": f"bytes {start}-{total - 1}/{total}"} if begin else {}))

    def _revision(self, name: str) -> tuple[Mapping[str, bytes], str]:
        proposed = name in ("refs%2Fpr%2F3", "refs/pr/3", COMMIT[::-1])
        return (self.hub.conversion, COMMIT[::-1]) if proposed else (self.hub.files, COMMIT)

    def _proposal(self) -> dict[str, object]:
        said = {"title": "Adding `safetensors` variant of this model", "num": 3, "status": "open", "isPullRequest": True}
        repository = {"name": self.hub.name, "type": "model"}
        return said | {"author": {"name": "SFconvertbot"}, "createdAt": "2023-01-01T00:00:00.000Z", "repo": repository}

    def _listed(self, name: str, content: bytes) -> dict[str, object]:
        row: dict[str, object] = {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}  # noqa: S324
        large = {"lfs": {"oid": _hash(content), "size": len(content), "pointerSize": 130}}
        return row | (large if name.endswith(LARGE) else {})

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, content: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | dict(headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
