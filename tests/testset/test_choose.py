from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from small_law import BOOK, decision, key, section
from strategies import courts

from haechi.pairs.sections import LabelledSection, label_sections
from haechi.pairs.user_queries import LabelledUserQuery
from haechi.runtime.errors import HaechiError
from haechi.testset.build import Choice, choose
from haechi.testset.params import TestsetParams

PARAMS = TestsetParams(7, 0.25, 3, 4, 0.4, 2, 0.5, 0.8, "auto", "offline", 30)
DOCUMENTS = [(f"DOC_{n}",) for n in range(5)]
USERS = [LabelledUserQuery(f"USER_{n}", f"물음 {n}", (key(n + 1),), False) for n in range(4)]


def label(decisions) -> tuple[LabelledSection, ...]:
    return label_sections(decisions, BOOK, old_citations=False, admin=True).sections


def chosen(sections, params: TestsetParams = PARAMS) -> Choice:
    return choose(sections, DOCUMENTS, USERS, BOOK, params)


def newest(sections) -> dict[str, str]:
    groups: dict[str, str] = {}
    for s in sections:
        groups[s.group] = max(s.date, groups.get(s.group, ""))
    return groups


def test_nothing_to_test_on_is_one_clear_sentence() -> None:
    with pytest.raises(HaechiError, match=r"it takes 30 .*here: \d\); add more, or court decisions with the laws that they cite"):
        chosen(())


@given(courts())
def test_the_newest_decisions_are_test_and_their_groups_come_whole(decisions) -> None:
    sections = label(decisions)
    assume(sections)
    choice = chosen(sections)
    groups, asked = newest(sections), {q.query_id for q in choice.queries}

    for s in sections:
        if groups[s.group] >= choice.first_date:
            assert s.query_id in asked
            assert s.source_id in choice.held_out
    share = sum(date >= choice.first_date for date in groups.values())
    assert share >= max(1, round(PARAMS.test_share * len(groups)))
    assert choice.cutoff == max(s.date for s in sections)


def test_decisions_of_the_first_test_day_go_together() -> None:
    """A quarter of four is one, but three fall on that day: the border is a date, not a rank."""
    cases = [("1", "20100101", 3), ("2", "20200101", 4), ("3", "20200101", 5), ("4", "20200101", 6)]
    decisions = [decision(id, date, (section(1, f"{n}조의 쟁점", f"마을법 제{n}조"),)) for id, date, n in cases]
    choice = chosen(label(decisions), replace(PARAMS, unseen_queries=0))

    assert choice.first_date == "20200101"
    assert {q.source_id for q in choice.queries if q.suite == "precedent"} == {"PREC_2", "PREC_3", "PREC_4"}
    assert "PREC_1" not in choice.held_out


@given(courts())
def test_a_group_never_straddles_the_border(decisions) -> None:
    sections = label(decisions)
    assume(sections)
    held = set(chosen(sections).held_out)

    for group in {s.group for s in sections}:
        assert len({s.source_id in held for s in sections if s.group == group}) == 1


@given(courts(), st.integers(0, 12))
def test_unseen_queries_have_only_reserved_gold_and_there_are_enough_where_possible(decisions, wanted: int) -> None:
    sections = label(decisions)
    assume(sections)
    choice = chosen(sections, replace(PARAMS, unseen_queries=wanted))
    reserved = set(choice.reserved)

    for query in choice.queries:
        assert query.unseen == (set(query.gold) <= reserved)
    unseen = [q for q in choice.queries if q.unseen and q.suite == "precedent"]
    assert len(unseen) >= min(wanted, len(sections))


@given(courts())
def test_no_decision_left_to_training_cites_a_reserved_article(decisions) -> None:
    sections = label(decisions)
    assume(sections)
    choice = chosen(sections)

    for s in sections:
        if s.source_id not in choice.held_out:
            assert not set(s.article_keys) & set(choice.reserved)


@given(courts())
def test_title_queries_ask_for_reserved_articles_alone(decisions) -> None:
    sections = label(decisions)
    assume(sections)
    choice = chosen(sections)
    titles = [q for q in choice.queries if q.suite == "title"]

    assert len(titles) <= PARAMS.title_queries
    assert {k for q in titles for k in q.gold} <= set(choice.reserved)


@given(courts())
def test_shares_of_documents_and_user_queries_are_held_out(decisions) -> None:
    sections = label(decisions)
    assume(sections)
    choice = chosen(sections)
    users = {q.query_id for q in choice.queries if q.suite == "user"}

    assert len({d for (d,) in DOCUMENTS} & set(choice.held_out)) == round(PARAMS.document_share * len(DOCUMENTS))
    assert len(users) == round(PARAMS.user_share * len(USERS))
    assert users <= set(choice.held_out)


@given(courts(), st.randoms(use_true_random=False))
def test_the_order_of_input_does_not_matter_and_the_seed_decides(decisions, random) -> None:
    sections = label(decisions)
    assume(sections)
    shuffled = random.sample(sections, len(sections))

    assert choose(shuffled, DOCUMENTS[::-1], USERS[::-1], BOOK, PARAMS) == chosen(sections)


@given(courts())
def test_an_older_decision_of_its_own_group_is_test_only_through_reserved_articles(decisions) -> None:
    """Adding it may widen the test share by one group and reserve other articles; it never joins by its date."""
    sections = label(decisions)
    assume(sections)
    older = replace(
        sections[0],
        query_id="PREC_1_s1",
        source_id="PREC_1",
        group="PREC_1",
        date="19000101",
        keys=("none",),
        article_keys=(key(1),),
    )
    choice = chosen((*sections, older))

    assert choice.first_date > older.date
    if older.query_id in {q.query_id for q in choice.queries}:
        assert key(1) in choice.reserved


@given(courts(), st.lists(st.sampled_from([None, "test", "validation", "training"]), min_size=4, max_size=4))
def test_a_query_that_says_its_use_gets_it_and_of_the_others_the_share_is_drawn(decisions, uses) -> None:
    sections = label(decisions)
    assume(sections)
    users = [replace(user, use=use) for user, use in zip(USERS, uses, strict=True)]
    of = {user.query_id: user.use for user in users}
    tested = [q.query_id for q in choose(sections, DOCUMENTS, users, BOOK, PARAMS).queries if q.suite == "user"]

    assert len(set(tested)) == len(tested)
    assert {id for id, use in of.items() if use == "test"} <= set(tested)
    assert not {id for id, use in of.items() if use in ("validation", "training")} & set(tested)
    assert sum(of[id] is None for id in tested) == round(PARAMS.user_share * uses.count(None))


def test_only_queries_that_may_test_make_a_folder_of_texts_a_user_suite() -> None:
    texts = [(f"DOC_{n}",) for n in range(40)]
    users = [LabelledUserQuery(f"USER_{n}", f"물음 {n}", (key(1),), False, "validation") for n in range(40)]

    assert choose((), texts, users, BOOK, PARAMS).primary == "synthetic"
    assert choose((), texts, [replace(user, use="test") for user in users], BOOK, PARAMS).primary == "user"
