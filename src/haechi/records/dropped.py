"""Something that was set aside, with its reason."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dropped:
    """A row of quarantine.jsonl: where it was, why it was set aside, and a short excerpt."""

    source: str
    position: str
    """The place inside the file: an article key, a line number, or empty for the whole file."""
    reason: str
    """A short fixed name that is counted, such as `not_json` or `deleted_article`."""
    detail: str = ""
