"""Users' queries for validation: a slice of its own that training never reads."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_law import BOOK, BY_ARTICLE, key

from haechi.pairs import build as building
from haechi.pairs.build import Pairs, build_pairs
from haechi.pairs.params import MakePairsParams
from haechi.pairs.stage import leakage, refuse_leaks
from haechi.pairs.user_queries import LabelledUserQuery
from haechi.records.held_out import HeldOut
from haechi.runtime.errors import HaechiError

TEXTS = ("우물이 말랐는데 누구한테 말해요", "옆집 담이 너무 높아서 해가 안 들어요", "소가 밭에 들어왔어요 어쩌죠")
PARAMS = MakePairsParams(7, 0.3, 0.0, 0.0, 5, 2, True, True, False, True, False)
NOTHING = HeldOut("9999", "9999", frozenset(), frozenset(), frozenset(), frozenset(), (), 0.8)


def users(*uses: str | None) -> list[LabelledUserQuery]:
    return [LabelledUserQuery(f"USER_{n}", TEXTS[n], (key(n + 3),), False, use) for n, use in enumerate(uses)]


def build(asked: list[LabelledUserQuery], held_out: HeldOut = NOTHING) -> Pairs:
    return build_pairs((), asked, BY_ARTICLE, BOOK, held_out, PARAMS)


@given(st.lists(st.sampled_from([None, "test", "validation", "training"]), min_size=3, max_size=3), st.integers(0, 4))
def test_a_query_for_validation_is_never_trained_on(uses: list[str | None], fewest: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(building, "FEWEST", fewest)
        asked = users(*uses)
        pairs = build(asked, replace(NOTHING, sources=frozenset(u.query_id for u in asked if u.use == "test")))
    trained = {pair.query_id for pair in pairs.train if pair.meta.type == "user"}
    judged = {pair.query_id for pair in pairs.valid if pair.meta.slice == "user"}
    wanted = {u.query_id for u in asked if u.use == "validation"}

    assert trained == {u.query_id for u in asked if u.use in (None, "training")}
    assert judged == (wanted if len(wanted) >= fewest else set())
    assert not any(leakage(pairs.train, pairs.valid, NOTHING).values())
    assert set(pairs.kept.asked) == {u.text for u in asked if u.use == "validation"}, "so generate_qa keeps away from them"
    assert bool(pairs.said) == (0 < len(wanted) < fewest)


def test_too_few_are_left_out_with_one_sentence() -> None:
    pairs = build(users("validation", "validation", None))

    assert {pair.meta.slice for pair in pairs.valid} <= {"seen"}
    assert [pair.query_id for pair in pairs.train if pair.meta.type == "user"] == ["USER_2"]
    assert pairs.said == (
        "no users' queries are in validation: of those with `use: validation` 2 can be asked, and a slice takes 30; "
        "they train nothing either",
    )


def test_what_nearly_repeats_a_question_of_validation_does_not_train(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the gate sees one that is planted."""
    monkeypatch.setattr(building, "FEWEST", 1)
    twin = LabelledUserQuery("USER_9", TEXTS[0] + "?", (key(5),), False)
    pairs = build([*users("validation"), twin])

    assert "USER_9" not in {pair.query_id for pair in pairs.train}
    assert pairs.counts["dropped.near_duplicate_of_validation"] == 1
    (asked,) = (pair for pair in pairs.valid if pair.meta.slice == "user")
    planted = replace(asked, query_id="P", meta=replace(asked.meta, group="P"))
    report = leakage([*pairs.train, planted], pairs.valid, NOTHING)
    assert report["validation_user"] == 1
    with pytest.raises(HaechiError, match="leak"):
        refuse_leaks(report)


def test_reserved_articles_are_asked_about_by_the_test_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "FEWEST", 1)
    pairs = build(users("validation", "validation"), replace(NOTHING, articles=frozenset({key(3)})))

    assert [pair.query_id for pair in pairs.valid if pair.meta.slice == "user"] == ["USER_1"]
    assert pairs.counts["dropped.user.reserved_article"] == 1
