"""Runs a command that must not outlive whoever started it: when standard input closes, the whole group of processes ends.

    python leash.py COMMAND ...

An agent that is killed hard can't end its trial, and DVC's own children would train on beside whoever takes the trial over.
The agent holds the other end of this process's input, and the kernel closes it however the agent ends.
"""

import os
import signal
import subprocess
import sys
import threading


def main() -> int:
    """The command's exit code."""
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    threading.Thread(target=_watch, daemon=True).start()
    return child.wait()


def _watch() -> None:
    while os.read(0, 1024):  # nothing comes, until it closes
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    os._exit(main())  # at once: the thread is still reading
