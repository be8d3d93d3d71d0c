"""What the test set keeps away from training."""

from dataclasses import dataclass

from haechi.records.query import TestQuery


@dataclass(frozen=True)
class KeptApart:
    """What validation keeps for itself: data/processed/valid_unseen.json."""

    articles: tuple[str, ...] = ()
    """No training pair answers with one, no question is made from one, none is mined; those of whole laws are among them."""
    laws: tuple[str, ...] = ()
    """Laws that are kept apart as a whole."""
    asked: tuple[str, ...] = ()
    """Texts of the users' queries that validation asks; no question that is made may nearly repeat one."""


@dataclass(frozen=True)
class HeldOut:
    """What training must not touch, as the test set's manifest says."""

    first_date: str
    """The first day of the test period; empty where no decision is a test."""
    cutoff: str
    articles: frozenset[str]
    sources: frozenset[str]
    keys: frozenset[str]
    gold: frozenset[str]
    """Of the test queries."""
    query_texts: tuple[str, ...]
    """Of test and validation."""
    near_duplicate: float
    validation: tuple[TestQuery, ...] = ()
    """Questions by which models are chosen, about texts that are held out for them."""

    def in_test_period(self, date: str) -> bool:
        """Whether a decision of this day is too new to train on."""
        return bool(self.first_date) and date >= self.first_date

    def after_cutoff(self, date: str) -> bool:
        """Whether a decision came after the set was frozen."""
        return bool(self.cutoff) and date > self.cutoff
