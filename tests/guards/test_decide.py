"""Made-up curves and what is to be done about them; each rule is seen firing and silent."""

import math
from dataclasses import replace

import pytest
from guards.curves import EVERY, FALLING, RISING, RULES, Rows, curve, skipped
from hypothesis import given
from hypothesis import strategies as st

from haechi.guards.decide import STRENGTH, decide, fired
from haechi.guards.history import HistoryRow, row_of
from haechi.runtime.errors import HaechiError

HEALTHY = curve(FALLING, loss_=[v + 0.3 for v in FALLING], recall=RISING, ndcg=RISING, similarity=[0.3] * 10)
DAY = 24  # so many curves at the least

CURVES: dict[str, tuple[Rows, str, str]] = {
    # name: (history, action, rule)
    "everything as it should be": (HEALTHY, "continue", ""),
    "only the base has been validated": (curve(ndcg=[0.2], recall=[0.3]), "continue", ""),
    "one row of the log": (curve([4.0]), "continue", ""),
    # non_finite
    "two steps skipped": (skipped(curve(FALLING), 89, 90), "continue", ""),
    "three in a row": (skipped(curve(FALLING), 88, 89, 90), "stop", "non_finite"),
    "three, not in a row": (skipped(curve(FALLING), 84, 87, 90), "continue", ""),
    "three in a row, long ago": (skipped(curve(FALLING), 21, 22, 23), "continue", ""),
    "a validation loss that is not a number": (curve(FALLING[:3], loss_=[4.0, 3.5, math.nan]), "continue", ""),  # a log row came after
    "the last figure is not a number": ([*curve(FALLING[:3]), HistoryRow(30, {"valid_loss": math.nan})], "stop", "non_finite"),
    "the last figure was lost as null": ([*curve(FALLING[:3]), HistoryRow(30, {"valid_loss": None})], "stop", "non_finite"),
    # divergence
    "three losses more than twice the first": (curve([2.0, 1.5, 5.0, 6.0, 7.0]), "stop", "divergence"),
    "warm-up shakes, then it falls": (curve([4.2, 4.0, 5.5, 4.6, 3.0, 2.0]), "continue", ""),
    "two losses more than twice the first": (curve([2.0, 1.5, 1.2, 6.0, 7.0]), "continue", ""),
    "a loss that rises below twice the first": (curve([2.0, 2.5, 3.0, 3.5, 3.9]), "continue", ""),
    # collapse
    "two validations all alike": (curve(FALLING[:4], similarity=[0.3, 0.6, 0.96, 0.98]), "rollback", "collapse"),
    "one of them is not enough": (curve(FALLING[:4], similarity=[0.3, 0.6, 0.7, 0.98]), "continue", ""),
    "a narrow space that stays as it is": (curve(FALLING[:4], similarity=[0.85, 0.86, 0.85, 0.86]), "continue", ""),
    # overfitting
    "validation loss turns while training falls": (
        curve(FALLING[:7], loss_=[4.0, 3.2, 2.4, 1.9, 2.05, 2.1, 2.14]),
        "rollback",
        "overfitting",
    ),
    "it turns by less than the tolerance": (curve(FALLING[:7], loss_=[4.0, 3.2, 2.4, 1.9, 1.92, 1.95, 1.96]), "continue", ""),
    "it turned, and comes back": (curve(FALLING[:7], loss_=[4.0, 3.2, 2.4, 1.9, 2.1, 2.2, 1.85]), "continue", ""),
    "both losses rise: that is no overfitting": (
        curve([2.0, 1.9, 1.8, 2.1, 2.3, 2.5], loss_=[2.5, 2.4, 2.3, 2.6, 2.8, 3.0]),
        "continue",
        "",
    ),
    # gap
    "validation loss far above training loss, twice": (curve(FALLING[:4], loss_=[4.2, 3.6, 3.6, 3.5]), "continue", ""),
    "and further": (curve(FALLING[:7], loss_=[4.2, 3.6, 3.4, 3.3, 3.3, 3.3, 3.3]), "stop", "gap"),
    # degradation
    "recall falls three times": (curve(FALLING[:6], recall=[0.3, 0.5, 0.6, 0.58, 0.56, 0.54]), "rollback", "degradation"),
    "it falls twice": (curve(FALLING[:5], recall=[0.3, 0.5, 0.6, 0.58, 0.56]), "continue", ""),
    "it falls three times by next to nothing": (curve(FALLING[:6], recall=[0.3, 0.5, 0.6, 0.599, 0.598, 0.597]), "continue", ""),
    "it falls, rises and falls": (curve(FALLING[:6], recall=[0.6, 0.55, 0.57, 0.52, 0.54, 0.5]), "continue", ""),
    # early stopping
    "five validations without a better one": (curve(FALLING[:7], ndcg=[0.2, 0.5, 0.49, 0.5, 0.495, 0.5, 0.4995]), "stop", "early_stopping"),
    "the fifth is better": (curve(FALLING[:7], ndcg=[0.2, 0.5, 0.49, 0.5, 0.495, 0.5, 0.51]), "continue", ""),
    "better by less than the tolerance": (curve(FALLING[:7], ndcg=[0.2, 0.5, 0.5001, 0.5, 0.5004, 0.5, 0.5009]), "stop", "early_stopping"),
    # stall
    "the loss stays where it is": (curve([2.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5]), "lower_lr", "stall"),
    "it moves by more than the tolerance": (curve([2.0, 1.0, 0.5, 0.51, 0.5, 0.51, 0.5]), "continue", ""),
    "the rate has just been lowered for it": (
        [*curve([2.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5]), HistoryRow(60, event="lower_lr", rule="stall"), HistoryRow(70, {"loss": 0.5})],
        "continue",
        "",
    ),
    # several at once: the strongest
    "a stall and no better score": (
        curve([2.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5], ndcg=[0.2, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]),
        "stop",
        "early_stopping",
    ),
    "degraded and stalled": (
        curve([0.5] * 6, recall=[0.3, 0.5, 0.6, 0.58, 0.56, 0.54]),
        "rollback",
        "degradation",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CURVES)
def test_each_curve_gets_the_decision_that_was_declared(name: str) -> None:
    history, action, rule = CURVES[name]
    found = decide(history, RULES)

    assert (found.action, found.rule) == (action, rule)
    assert bool(found.reason) == bool(rule)


def test_there_are_curves_enough_and_each_rule_is_seen_firing_and_silent() -> None:
    assert len(CURVES) >= DAY
    firing = {rule for _, _, rule in CURVES.values()} - {""}
    assert firing == {rule.name for rule in RULES}
    assert fired(HEALTHY, RULES) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_rule_fires_alone_on_its_own_curve_and_the_others_do_not_stand_in(rule) -> None:
    for history, _, name in CURVES.values():
        if name == rule.name:
            assert decide(history, [rule]).rule == name
            assert name not in {d.rule for d in fired(history, [r for r in RULES if r.name != name])}


def test_a_rule_that_only_notes_gives_its_reason_and_changes_nothing() -> None:
    history = CURVES["recall falls three times"][0]
    noting = [replace(rule, action="note") for rule in RULES]

    assert decide(history, noting).action == "continue"
    assert [d.rule for d in fired(history, noting)] == ["degradation"]


def test_a_bound_of_the_validation_loss_fires_at_once() -> None:
    bounded = [replace(rule, bound=1.2) for rule in RULES if rule.name == "overfitting"]

    assert decide(curve([1.0], loss_=[1.3]), bounded).rule == "overfitting"
    assert decide(curve([1.0], loss_=[1.1]), bounded).rule == ""


@pytest.mark.parametrize("n", [1, 2, 5])
def test_patience_is_exact(n: int) -> None:
    """So many falls fire, one less doesn't; so for skipped steps."""
    falls = [0.9 - 0.05 * i for i in range(n + 1)]
    rules = [replace(rule, patience=n) for rule in RULES if rule.name in ("degradation", "non_finite")]

    assert decide(curve(recall=falls), rules).rule == "degradation"
    assert decide(curve(recall=falls[:-1]), rules).rule == ""
    assert decide(skipped([], *range(1, n + 1)), rules).rule == "non_finite"
    assert n == 1 or decide(skipped([], *range(1, n)), rules).rule == ""


def test_an_empty_history_is_one_sentence() -> None:
    with pytest.raises(HaechiError, match="the history is empty"):
        decide([], RULES)


figures = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.none(), st.floats(0, 5))
rows = st.fixed_dictionaries(
    {},
    optional={
        "loss": figures,
        "valid_loss": figures,
        "valid_recall@10": figures,
        "valid_ndcg@10": figures,
        "valid_similarity": figures,
        "skipped": st.just("loss"),
        "event": st.just("lower_lr"),
    },
)


@given(st.lists(rows, min_size=1, max_size=30))
def test_whatever_happens_exactly_one_action_follows_and_it_is_the_strongest(made: list[dict]) -> None:
    history = [row_of({"step": i * EVERY, **row}) for i, row in enumerate(made)]
    found, all_of_them = decide(history, RULES), fired(history, RULES)

    assert found.action in STRENGTH
    strongest = max((STRENGTH.index(d.action) for d in all_of_them), default=0)
    assert STRENGTH.index(found.action) == strongest
    assert decide(history, list(reversed(RULES))).action == found.action
