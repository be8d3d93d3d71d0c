"""The process that reads one document after another for `worker_pool`: it may be killed, and has no keys in its environment.

Takes `name size` on a line and the bytes; gives the length of the answer in eight bytes and the answer as JSON.
"""

import os
import resource
import sys

import orjson

from haechi.parsing.formats import convert

MEMORY = 4 * 1024**3  # bytes of addresses: beyond that a document is refused, not the machine slowed down


def main() -> None:
    """Until standard input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    while head := sys.stdin.buffer.readline():
        name, size = head.split()
        answer = orjson.dumps(convert(name.decode(), sys.stdin.buffer.read(int(size))))
        answers.write(len(answer).to_bytes(8, "big") + answer)
        answers.flush()


if __name__ == "__main__":
    main()
