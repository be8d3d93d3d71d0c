"""Serves the search page on this machine alone."""

import socket
from collections.abc import Callable

import uvicorn
from threadpoolctl import threadpool_limits

from haechi.runtime.errors import HaechiError
from haechi.runtime.progress import say
from haechi.serving.app import make_app
from haechi.serving.engine import Engine
from haechi.serving.limits import DEFAULT, Limits

HOST = "127.0.0.1"
ADDRESS = 65_536
"""Bytes of a request's line and headers: the longest query in an address, each character escaped, fits."""


def bound(port: int) -> socket.socket:
    """The port, taken before any work; a busy one is one sentence. 0 takes any that is free."""
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a page that was just stopped holds no port
    try:
        taken.bind((HOST, port))
        taken.listen(128)  # so that a second page on this port fails at once, not after loading its model
    except OSError as error:
        taken.close()
        raise HaechiError(f"port {port} can't be had ({error.strerror}); choose another with --port, or 0 for any") from error
    return taken


def serve(taken: socket.socket, opened: Callable[[], Engine], limits: Limits = DEFAULT) -> None:
    """Answer until stopped."""
    with taken:
        engine = opened()
        if engine.fusion.note:
            say(engine.fusion.note)
        config = uvicorn.Config(
            make_app(engine, limits),
            log_level="warning",
            access_log=False,  # what people ask is theirs
            server_header=False,
            lifespan="off",
            ws="none",
            limit_concurrency=limits.connections,
            h11_max_incomplete_event_size=ADDRESS,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=2,
        )
        say(f"searching {len(engine.index.passages)} passages at http://{HOST}:{taken.getsockname()[1]}/ (Ctrl-C ends it)")
        with threadpool_limits(1, user_api="blas"):  # products share their threads badly: several searches at once are faster
            uvicorn.Server(config).run(sockets=[taken])
