from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from small_law import BOOK, BY_ARTICLE, PASSAGES, decision, key, section
from strategies import courts

from haechi.pairs.build import Pairs, build_pairs
from haechi.pairs.params import MakePairsParams
from haechi.pairs.sections import LabelledSection, decision_keys, label_sections
from haechi.pairs.stage import leakage, refuse_leaks
from haechi.pairs.user_queries import LabelledUserQuery
from haechi.records.decision import Decision
from haechi.records.held_out import HeldOut

PARAMS = MakePairsParams(7, 0.3, 0.0, 0.0, 5, 2, True, True, False, True, False)
NOTHING = HeldOut("9999", "9999", frozenset(), frozenset(), frozenset(), frozenset(), (), 0.8)


def label(decisions: list[Decision]) -> tuple[LabelledSection, ...]:
    return label_sections(decisions, BOOK, old_citations=False, admin=True).sections


def build(decisions: list[Decision], held_out: HeldOut = NOTHING, params: MakePairsParams = PARAMS) -> Pairs:
    return build_pairs(label(decisions), USERS, BY_ARTICLE, BOOK, held_out, params)


USERS = [
    LabelledUserQuery("USER_1", "우물은 누가 고치나요", (key(4),), False),
    LabelledUserQuery("USER_2", "담장은 얼마나 높아도 되나요", (key(6),), False),
]


@st.composite
def held_outs(draw: st.DrawFn, decisions: list[Decision]) -> HeldOut:
    chosen = draw(st.lists(st.sampled_from(decisions), max_size=3))
    return HeldOut(
        first_date=draw(st.sampled_from([d.date for d in decisions] + ["20190101"])),
        cutoff=draw(st.sampled_from([d.date for d in decisions] + ["20190101"])),
        articles=frozenset(draw(st.lists(st.sampled_from(sorted(BY_ARTICLE)), max_size=3))),
        sources=frozenset([f"PREC_{d.id}" for d in chosen[:2]] + draw(st.sampled_from(([], ["USER_1"])))),
        keys=frozenset(k for d in chosen[1:] for k in decision_keys(d)),
        gold=frozenset(),
        query_texts=tuple(
            draw(st.lists(st.sampled_from(["우물은 누가 고치나요?", "마을법 정의", "1번 사건의 0번째 쟁점"]), max_size=2))
        ),
        near_duplicate=0.8,
    )


@given(st.data(), courts())
def test_no_pair_touches_what_the_test_set_holds_out(data: st.DataObject, decisions: list[Decision]) -> None:
    held_out = data.draw(held_outs(decisions))
    pairs = build(decisions, held_out)
    keys_of = {f"PREC_{d.id}": set(decision_keys(d)) for d in decisions}

    for pair in (*pairs.train, *pairs.valid):
        assert pair.meta.source_id not in held_out.sources
        assert not set(pair.meta.article_keys) & held_out.articles
        assert pair.meta.date < held_out.first_date
        assert pair.meta.date <= held_out.cutoff
        assert not keys_of.get(pair.meta.source_id, set()) & held_out.keys
        assert not set(pair.hard_negatives) & held_out.articles
    assert not any(leakage(pairs.train, pairs.valid, held_out).values())


@given(courts())
def test_groups_never_straddle_the_splits_and_validation_is_issues_only(decisions: list[Decision]) -> None:
    pairs = build(decisions)

    assert not {p.meta.group for p in pairs.train} & {p.meta.group for p in pairs.valid}
    assert {p.meta.type for p in pairs.valid} <= {"precedent"}
    old = [p.meta.group for p in pairs.train if p.meta.type == "precedent"]
    newest = {g: max(p.meta.date for p in (*pairs.train, *pairs.valid) if p.meta.group == g) for g in old}
    newest_valid = {p.meta.group: max(q.meta.date for q in pairs.valid if q.meta.group == p.meta.group) for p in pairs.valid}
    assert max(newest.values(), default="") <= min(newest_valid.values(), default="9")


@given(courts(), st.randoms(use_true_random=False))
def test_the_order_of_input_does_not_matter(decisions: list[Decision], random) -> None:
    shuffled = list(decisions)
    random.shuffle(shuffled)

    assert build(shuffled) == build(decisions)


@settings(max_examples=15)
@given(courts())
def test_the_same_seed_gives_the_same_pairs_and_a_query_keeps_its_negatives_without_its_neighbours(
    decisions: list[Decision],
) -> None:
    whole, again = build(decisions), build(decisions)
    alone = build(decisions[:1])
    kept = {p.query_id: p for p in (*whole.train, *whole.valid)}

    assert whole == again
    for pair in alone.train:
        if pair.meta.type in ("precedent", "holding") and pair.query_id in kept:
            assert pair.hard_negatives == kept[pair.query_id].hard_negatives


@given(courts())
def test_structural_negatives_are_neither_cited_nor_more_than_asked(decisions: list[Decision]) -> None:
    pairs = build(decisions)

    for pair in (*pairs.train, *pairs.valid):
        assert len(pair.hard_negatives) <= PARAMS.hn_per_q
        assert len(set(pair.hard_negatives)) == len(pair.hard_negatives)
        assert not set(pair.hard_negatives) & {*pair.positive_passages, *pair.meta.cocited}


@given(courts())
def test_every_section_is_a_pair_or_counted_as_dropped(decisions: list[Decision]) -> None:
    params = replace(PARAMS, holdings=False, titles=False)
    labelled = label_sections(decisions, BOOK, old_citations=False, admin=True)
    held_out = replace(NOTHING, first_date="20150101", articles=frozenset({key(2)}))
    counts = build_pairs(labelled.sections, (), BY_ARTICLE, BOOK, held_out, params).counts

    assert sum(n for name, n in counts.items() if not name.startswith("slice.")) == len(labelled.sections)
    read = labelled.counts.get("sections.read", 0)
    assert read == sum(n for name, n in labelled.counts.items() if name.startswith("sections.") and name != "sections.read")


def test_each_reason_to_drop_a_section_has_its_name() -> None:
    cite = "마을법 제3조"
    decisions = [
        decision("1", "20100101", (section(1, "가장 오래된 나무를 베어도 되는지", cite),)),
        decision("2", "20100102", (section(1, "남의 집 앞 나무를 옮길 수 있는지", cite),)),
        decision("3", "20160101", (section(1, "검사 기간에 들어간 나무의 소유자", cite),)),
        decision("4", "20170101", (section(1, "마감 뒤에 나온 나무 사건의 결론", cite),)),
        decision("5", "20100105", (section(1, "예약된 조문을 든 우물 사건", "마을법 제4조"),)),
        decision(
            "6",
            "20100106",
            (section(1, "너무 넓게 인용한 사건의 쟁점", "마을법 제1조, 제2조, 제3조, 제5조, 제6조, 시장법 제1조"),),
        ),
        decision("7", "20100107", (section(1, "남는 사건에서 다리를 고칠 책임", "마을법 제5조"),)),
        decision("8", "20100108", (section(1, "시장법 조문이 말뭉치에 없는 경우", "시장법 제6조"),)),
    ]
    held_out = HeldOut(
        "20150101",
        "20161231",
        frozenset({key(4)}),
        frozenset({"PREC_1"}),
        frozenset(decision_keys(decisions[1])),
        frozenset(),
        (),
        0.8,
    )
    passages = {k: v for k, v in BY_ARTICLE.items() if k != key(6, "000002")}
    params = replace(PARAMS, holdings=False, titles=False)
    counts = build_pairs(label(decisions), (), passages, BOOK, held_out, params).counts

    assert counts == {
        "dropped.held_out_for_test": 1,
        "dropped.shares_case_or_text_with_test": 1,
        "dropped.in_test_period": 1,
        "dropped.after_cutoff": 1,
        "dropped.reserved_article": 1,
        "dropped.too_many_articles": 1,
        "dropped.article_without_passage": 1,
        "train.precedent": 1,
    }


@pytest.mark.parametrize(
    "kind", ["exact_text", "near_duplicate_text", "source", "reserved_article", "test_period", "train_valid_group"]
)
def test_the_leakage_report_catches_a_planted_leak(kind: str) -> None:
    decisions = [
        decision(
            str(n),
            f"20{n:02d}0101",
            (section(1, f"{n}번째 {word} 사건에서 {word}의 값을 정하는 방법", f"마을법 제{n % 6 + 1}조"),),
        )
        for n, word in enumerate(("나무", "우물", "다리", "담장", "시장", "회의", "이웃", "비용"))
    ]
    pairs = build(decisions)
    victim = next(p for p in pairs.train if p.meta.type == "precedent")
    planted = {
        "exact_text": replace(NOTHING, query_texts=(victim.query_text,)),
        "near_duplicate_text": replace(NOTHING, query_texts=(victim.query_text + "은",)),
        "source": replace(NOTHING, sources=frozenset({victim.meta.source_id})),
        "reserved_article": replace(NOTHING, articles=frozenset(victim.meta.article_keys)),
        "test_period": replace(NOTHING, first_date=max(p.meta.date for p in (*pairs.train, *pairs.valid))),
        "train_valid_group": NOTHING,
    }[kind]
    valid = (*pairs.valid, victim) if kind == "train_valid_group" else pairs.valid
    report = leakage(pairs.train, valid, planted)

    assert report[kind] > 0
    with pytest.raises(Exception, match=kind):
        refuse_leaks(report)
    assert not any(leakage(pairs.train, pairs.valid, NOTHING).values())


def test_the_same_case_number_or_the_same_issue_in_other_dress_makes_one_group() -> None:
    decisions = [
        decision("1", "20100101", (section(1, "우물을 메워도 되는지 (적극)", "마을법 제4조"),), ("다1", "다2")),
        decision("2", "20100101", (section(1, "우물을  메워도 되는지(소극)", "마을법 제4조"),), ("다3",)),
        decision("3", "20100101", (section(1, "나무를 베어도 되는지", "마을법 제3조"),), ("다2",)),
        decision("4", "20100101", (section(1, "다리를 놓아도 되는지", "마을법 제5조"),), ("다4",)),
    ]

    assert [s.group for s in label(decisions)] == ["PREC_1", "PREC_1", "PREC_1", "PREC_4"]


def test_a_newcomer_that_hangs_on_the_test_set_through_a_third_decision_is_held_out() -> None:
    """1 is test; 2 has its case number but cites nothing known; 3 asks what 2 asks: one group, so 3 may not train."""
    tested = decision("1", "20200101", (section(1, "우물을 메워도 되는지", "마을법 제4조"),), ("다1",))
    between = decision("2", "20100101", (section(1, "울타리의 소유자가 누구인지", "모르는법 제1조"),), ("다1",))
    newcomer = decision("3", "20100102", (section(1, "울타리의 소유자가 누구인지", "마을법 제6조"),), ("다3",))
    held_out = replace(NOTHING, sources=frozenset({"PREC_1"}), keys=frozenset(decision_keys(tested)))
    pairs = build([tested, between, newcomer], held_out)

    assert not [p for p in (*pairs.train, *pairs.valid) if p.meta.source_id in ("PREC_1", "PREC_3")]
    assert [p for p in build([tested, newcomer], held_out).train if p.meta.source_id == "PREC_3"]


def test_a_title_pair_asks_only_for_articles_that_no_training_decision_cites() -> None:
    pairs = build([decision("1", "20100101", (section(1, "나무를 베어도 되는지", "마을법 제3조"),))])
    titles = {p.meta.article_keys[0] for p in pairs.train if p.meta.type == "title"}

    assert key(3) not in titles
    assert titles == set(BY_ARTICLE) - {key(3)}
    assert len(PASSAGES) == len(BY_ARTICLE)


@given(courts())
def test_two_decisions_with_one_case_number_or_one_issue_share_a_group(decisions: list[Decision]) -> None:
    sections = label(decisions)
    assume(len(sections) > 1)

    for one in sections:
        for other in sections:
            if set(one.keys) & set(other.keys):
                assert one.group == other.group
