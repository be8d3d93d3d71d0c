"""The errors a user may meet: each is one sentence, with the file and the id where there is one.

`HaechiError` ends a command with exit code 1, `UsageError` with 2; anything else is a bug and keeps its traceback.
"""

import re
from collections.abc import Sequence
from pathlib import Path

LONGEST = 200
"""Characters of somebody's data that an error shows."""
LONGEST_SENTENCE = 1200
"""Characters of a whole message: some sentences name several places and two remedies."""


def shorten(data: str, longest: int = LONGEST) -> str:
    """Data as an error shows them: the beginning, and how long they are."""
    return data if len(data) <= longest else f"{data[:longest]}… ({len(data)} characters)"


class HaechiError(Exception):
    """Something outside the code is wrong; the message is the whole explanation."""

    exit_code = 1

    def __str__(self) -> str:
        """The message, whatever data it was made with: no endless word, and its end, where the remedy is, is kept."""
        said = re.sub(rf"[^\s/]{{{LONGEST + 1},}}", lambda word: shorten(word[0]), super().__str__())
        if len(said) <= LONGEST_SENTENCE:
            return said
        half = LONGEST_SENTENCE // 2
        return f"{said[:half]} … {said[-half:]}"


class UsageError(HaechiError):
    """The command line asks for something that makes no sense."""

    exit_code = 2


class ParamsError(HaechiError):
    """params.yaml is missing, malformed, or holds a value that can't be used."""


class MissingFile(HaechiError):
    """A file that isn't there; the command line adds which stage makes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"{path}: no such file")


class BadRecord(HaechiError):
    """A line of a file does not hold the record that it should."""

    def __init__(self, path: Path, line: int, expected: str, found: str) -> None:
        self.path, self.line, self.expected, self.found = path, line, expected, found
        super().__init__(f"{path}:{line}: expected {expected}, found {shorten(found)}")


class DuplicateId(HaechiError):
    """Two passages claim one id; one of them would silently vanish."""

    def __init__(self, passage_id: str, first: str, second: str) -> None:
        self.passage_id, self.first, self.second = passage_id, first, second
        super().__init__(f"passage id {shorten(passage_id)} occurs twice: in {first} and in {second}")


class ConflictingIds(HaechiError):
    """Files claim one id and say different things; only the user knows which is right."""

    def __init__(self, pairs: Sequence[tuple[str, str, str]]) -> None:
        self.pairs = tuple(pairs)
        named = "; ".join(f"{id} in {first} and in {second}" for id, first, second in self.pairs[:5])
        more = f"; and {len(self.pairs) - 5} more" if len(self.pairs) > 5 else ""
        super().__init__(f"one id with two contents: {named}{more}; keep one of each pair, or give one of them another id")


class TestSetChanged(HaechiError):
    """The frozen test set is not the one that its manifest describes."""

    __test__ = False  # the name begins with Test; pytest must not collect it

    def __init__(self, path: Path, expected: str, found: str) -> None:
        self.path, self.expected, self.found = path, expected, found
        super().__init__(
            f"{path}: the frozen test set was edited (manifest says sha256 {expected[:12]}, the file has {found[:12]}); "
            "restore it with git, or rebuild it on purpose with `haechi testset refresh`"
        )


class RerankerUnreachable(HaechiError):
    """A reranker is neither on disk nor to be had, or is no reranker."""

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"reranker {name!r} can't be used: {reason}; name another one, or `none`, which needs no download")


class PackageMissing(HaechiError):
    """A model comes with a package that isn't installed."""


class ModelUnreachable(HaechiError):
    """A base model is neither on disk nor to be had."""

    def __init__(self, name: str, looked: str) -> None:
        self.name, self.looked = name, looked
        super().__init__(
            f"model {name!r} can't be loaded: looked for it in {looked}; either put it there "
            "(`hf download` on a machine with network, then set model.base to the folder), "
            "or set model.base to `static`, which needs no download"
        )
