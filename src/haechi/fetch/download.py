"""Lists of the law service to files, one a record, named by id; what is on disk is not fetched again.

Each file is whole or absent. What can't be had goes to .failures.jsonl beside the files and is asked for again by the
next run. Gives up noticing that a record changed at the service: delete its file to have it anew.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from haechi.fetch.client import Client, LawServiceError, RequestFailed
from haechi.fetch.replies import TARGETS, Target, WrongReply, id_of, parse_list, unwrap
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import ensure_writable, read_json, read_records, write_json, write_jsonl
from haechi.runtime.progress import track

LEDGER = ".failures.jsonl"

_ROWS = "100"  # of a page: the most that the service gives
_GIVE_UP = 10  # records in a row, not tried before, without an answer: the service is down or tired of us


@dataclass(frozen=True)
class Failure:
    """A record that could not be had; a line of the ledger."""

    target: str
    id: str
    reason: str
    tries: int
    """Requests made for it so far, over all runs."""


@dataclass(frozen=True)
class Listing:
    """The ids of a list in its order; announced is how many the service says there are."""

    ids: tuple[str, ...]
    announced: int


@dataclass(frozen=True)
class Outcome:
    """listed + from_ledger = present + fetched + sum of failed."""

    announced: int
    listed: int
    from_ledger: int
    """Failed in an earlier run and not in this run's list."""
    present: int
    fetched: int
    failed: dict[str, int]
    """Records by reason."""


def download(client: Client, target: Target, out: Path, query: str = "*", most: int | None = None) -> Outcome:
    """Fetch what the list names (its first `most`) and what failed before, less what is in the folder."""
    ledger = _read_ledger(out)
    ensure_writable(out / LEDGER)
    listing = list_ids(client, target, query, most)
    before = {id: failure for (code, id), failure in ledger.items() if code == target.code}
    from_ledger = [id for id in before if id not in set(listing.ids)]
    wanted = [*listing.ids, *from_ledger]
    missing = [id for id in wanted if not _is_there(out / f"{id}.json", target, id)]
    # Those that failed before come last: however many there are, they don't keep the others from being had.
    todo = [id for id in missing if id not in before] + [id for id in missing if id in before]
    for id in set(before) - set(missing):
        del ledger[target.code, id]

    failed: Counter[str] = Counter()
    in_a_row = 0
    try:
        for id in track(todo, f"fetch {target.name}"):
            try:
                _fetch(client, target, out, id)
                ledger.pop((target.code, id), None)
                in_a_row = 0
            except RequestFailed as error:
                tries = error.tries + (before[id].tries if id in before else 0)
                ledger[target.code, id] = Failure(target.code, id, error.reason, tries)
                failed[error.reason] += 1
                in_a_row = in_a_row + 1 if error.silent and id not in before else 0
                if in_a_row == _GIVE_UP:
                    raise LawServiceError(
                        f"{_GIVE_UP} records in a row got no answer ({error.reason}), so the run stops with "
                        f"{failed.total()} failed of {len(todo)} to fetch; run the same command again later"
                    ) from None
    finally:
        _write_ledger(out, ledger)
    return Outcome(
        announced=listing.announced,
        listed=len(listing.ids),
        from_ledger=len(from_ledger),
        present=len(wanted) - len(todo),
        fetched=len(todo) - failed.total(),
        failed=dict(sorted(failed.items())),
    )


def list_ids(client: Client, target: Target, query: str = "*", most: int | None = None) -> Listing:
    """Page through a list until the service's total is reached, a page brings nothing new, or `most` are there."""
    ids: dict[str, None] = {}  # a list may move between two pages and name a record twice
    rows, number = 0, 0
    while True:
        number += 1
        question = {"target": target.code, "query": query, "display": _ROWS, "page": str(number)}
        try:
            page = parse_list(client.get("lawSearch.do", question).payload, target)
        except (RequestFailed, WrongReply) as error:
            why = client.hide(str(error))
            raise LawServiceError(f"page {number} of the list of {target.name} can't be read: {why}") from None
        known = len(ids)
        ids.update(dict.fromkeys(page.ids))
        rows += len(page.ids)
        if most is not None and len(ids) >= most:
            return Listing(tuple(ids)[:most], most)
        if len(ids) == known or (page.total is not None and rows >= page.total):
            return Listing(tuple(ids), len(ids) if page.total is None else page.total)


def _fetch(client: Client, target: Target, out: Path, id: str) -> None:
    """Write the record's file; RequestFailed if it can't be had."""
    answer = client.get("lawService.do", {"target": target.code, "ID": id})
    try:
        record = unwrap(answer.payload, target)
    except WrongReply as error:
        raise RequestFailed(client.hide(error.reason), answer.tries) from None
    if id_of(record, target) != id:
        raise RequestFailed("another record than the one asked for", answer.tries)
    write_json(out / f"{id}.json", record)


def _is_there(path: Path, target: Target, id: str) -> bool:
    """Whether the file holds the record; a file that is no JSON or another record is fetched anew."""
    if not path.exists():
        return False
    try:
        record = read_json(path)
    except HaechiError:
        return False
    for other in TARGETS.values():
        if other != target and id_of(record, other) == id:
            raise HaechiError(f"{path} holds one of the {other.name}; give the {target.name} a folder of their own")
    return id_of(record, target) == id


def _read_ledger(out: Path) -> dict[tuple[str, str], Failure]:
    path = out / LEDGER
    if not path.exists():
        return {}
    return {(failure.target, failure.id): failure for failure in read_records(path, Failure)}


def _write_ledger(out: Path, ledger: dict[tuple[str, str], Failure]) -> None:
    if ledger:
        write_jsonl(out / LEDGER, ledger.values())
    else:
        (out / LEDGER).unlink(missing_ok=True)
