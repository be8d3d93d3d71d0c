"""The files of a replay against those that dvc.lock and git promise, one verdict a file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from haechi.pipeline.dvc_lock import Out, files_of, listed, md5_of

Verdict = Literal["agrees", "differs", "missing"]


@dataclass(frozen=True)
class Compared:
    """One file: whether the replay wrote what was promised, and what there is to say about it."""

    path: str
    stage: str
    verdict: Verdict
    note: str = ""


def compare(
    outs: Sequence[Out], replay: Path, committed: Mapping[str, str], caches: list[Path], frozen: frozenset[str]
) -> list[Compared]:
    """Every file of every output; `committed` holds the hashes of those that lay in git."""
    found: list[Compared] = []
    for out in outs:
        note = "frozen: not replayed" if out.stage in frozen else ""
        if committed.get(out.path, out.md5) != out.md5:
            found.append(Compared(out.path, out.stage, "differs", "git holds other bytes than dvc.lock says"))
        elif not (replay / out.path).exists():
            found.append(Compared(out.path, out.stage, "missing", "the replay didn't write it"))
        elif out.is_folder:
            found += _folder(out, replay / out.path, caches, note)
        else:
            found.append(_file(out.path, out.stage, out.md5, md5_of(replay / out.path), note))
    return found


def _folder(out: Out, folder: Path, caches: list[Path], note: str) -> Iterator[Compared]:
    """A folder file by file, where its list is known; else as a whole."""
    made = dict(files_of(folder))
    wanted = made if md5_of(folder) == out.md5 else listed(out.md5, caches)
    if wanted is None:
        yield Compared(f"{out.path}/", out.stage, "differs", "as a whole: the list of its files is not in the local cache")
        return
    for name in sorted(wanted.keys() | made.keys()):
        path = f"{out.path}/{name}"
        if name not in made:
            yield Compared(path, out.stage, "missing", "the replay didn't write it")
        elif name not in wanted:
            yield Compared(path, out.stage, "differs", "dvc.lock knows no such file")
        else:
            yield _file(path, out.stage, wanted[name], made[name], note)


def _file(path: str, stage: str, wanted: str, found: str, note: str) -> Compared:
    if wanted == found:
        return Compared(path, stage, "agrees", note)
    return Compared(path, stage, "differs", f"dvc.lock says {wanted[:8]}, the replay wrote {found[:8]}")
