"""A law service of our own on 127.0.0.1, which can be told to misbehave; it counts what it is asked."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

KEY = "secret-key/of+ours&1"


@dataclass
class Reply:
    """What goes over the wire; `cut` promises more bytes than come."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0
    cut: bool = False


def as_json(value: Any, **more: Any) -> Reply:
    return Reply(json.dumps(value, ensure_ascii=False).encode(), **more)


def busy(seconds: float) -> Reply:
    return Reply(b"slow down", 429, {"Retry-After": f"{seconds:g}"})


def busy_until(seconds: float) -> Reply:
    return Reply(b"", 503, {"Retry-After": formatdate(time.time() + seconds, usegmt=True)})


BROKEN = Reply(b"", 500)
HTML = Reply("<!DOCTYPE html><html><body>페이지를 찾을 수 없습니다</body></html>".encode())
HALF = Reply('{"PrecService": {"판례정보일련번호": "1'.encode())
CUT = Reply(b'{"PrecService": {}}', cut=True)
LATE = Reply(b"{}", wait=3.0)
NO_RECORD = as_json({"Law": "일치하는 판례가 없습니다.  판례명을 확인하여 주십시오."})
MOVED = Reply(b"", 302, {"Location": f"https://127.0.0.1/DRF/lawSearch.do?OC={quote(KEY, safe='')}&target=prec"})
REFUSED = as_json({"result": "사용자 정보 검증에 실패하였습니다.", "msg": f"등록되지 않은 키입니다: {KEY}"})


@dataclass
class LawService:
    """Answers with `records` by id; `spoiled[id]` holds replies given first, `always[id]` one given for ever."""

    target: str
    wrapper: str
    row_id: str
    records: dict[str, Any]
    page_size: int = 100
    spoiled: dict[str, list[Reply]] = field(default_factory=dict)
    always: dict[str, Reply] = field(default_factory=dict)
    asked: list[tuple[str, str, float]] = field(default_factory=list)
    """(page of the service, id or page number, time)."""
    wrong_keys: int = 0
    url: str = ""

    def details(self) -> Counter[str]:
        return Counter(id for page, id, _ in self.asked if page == "lawService.do")

    def pages(self) -> list[str]:
        return [number for page, number, _ in self.asked if page == "lawSearch.do"]

    def answer(self, path: str, question: dict[str, str]) -> Reply:
        page = path.rsplit("/", 1)[-1]
        place = question.get("ID") or question.get("page", "")
        self.asked.append((page, place, time.monotonic()))
        if question.get("OC") != KEY or question.get("target") != self.target or question.get("type") != "JSON":
            self.wrong_keys += 1
            return REFUSED
        name = place if "ID" in question else f"page {place}"
        if self.spoiled.get(name):
            return self.spoiled[name].pop(0)
        if name in self.always:
            return self.always[name]
        if "ID" in question:
            return as_json(self.records[place])
        return as_json(self.listing(int(place), min(int(question["display"]), self.page_size)))

    def listing(self, number: int, size: int) -> dict[str, Any]:
        chosen = list(self.records)[(number - 1) * size : number * size]
        rows: Any = [{self.row_id: id, "상세링크": f"/DRF/lawService.do?OC={KEY}&ID={id}"} for id in chosen]
        found = {"totalCnt": str(len(self.records)), "page": str(number), "resultCode": "00"}
        if rows:
            found[self.target] = rows[0] if len(rows) == 1 else rows  # the service loses the list of a single row
        return {self.wrapper: found}


@contextmanager
def running(service: LawService) -> Iterator[LawService]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            reply = service.answer(parts.path, {key: values[0] for key, values in parse_qs(parts.query).items()})
            time.sleep(reply.wait)
            try:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body) + (9 if reply.cut else 0)))
                self.end_headers()
                self.wfile.write(reply.body)
            except OSError:
                pass  # the client has gone
            self.close_connection = reply.cut or reply.wait > 0

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # a killed client is part of the play

    server = Server(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_address[1]}/DRF"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def precedent(id: str) -> dict[str, Any]:
    """As the service gives it: wrapped, under its own names, with a link that holds the key."""
    return {
        "PrecService": {
            "판례정보일련번호": id,
            "사건명": "손해배상",
            "사건번호": f"2010다{id}",
            "선고일자": "2010.12.23",
            "선고": "선고",
            "법원명": "대법원",
            "법원종류코드": "400201",
            "사건종류명": "민사",
            "판결유형": "판결",
            "판시사항": "[1] 나무를 벤 자의 책임<br/>",
            "판결요지": "[1] 벤 자가 책임을 진다.",
            "참조조문": f"[1] 마을나무법 제1조 <a href='/DRF/lawService.do?OC={KEY}&ID=1'>",
            "참조판례": None,
            "판례내용": "【주 문】 상고를 기각한다.",
        }
    }


def precedents(count: int, **more: Any) -> LawService:
    ids = [str(70000 + number) for number in range(count)]
    return LawService("prec", "PrecSearch", "판례일련번호", {id: precedent(id) for id in ids}, **more)
