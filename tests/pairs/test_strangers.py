"""What validation keeps for itself: the laws of a split in which training never names some articles and some whole laws."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_law import BOOK, BY_ARTICLE, PASSAGES, decision, key, section
from strategies import courts

from haechi.corpus.duplicates import link_twins, repeated_by
from haechi.pairs import strangers
from haechi.pairs.build import Pairs, build_pairs
from haechi.pairs.params import MakePairsParams
from haechi.pairs.sections import LabelledSection, label_sections
from haechi.pairs.stage import leakage
from haechi.pairs.user_queries import LabelledUserQuery
from haechi.records.decision import Decision
from haechi.records.held_out import HeldOut

PARAMS = MakePairsParams(7, 0.3, 0.3, 0.3, 5, 2, True, True, False, True, False)
NOTHING = HeldOut("9999", "9999", frozenset(), frozenset(), frozenset(), frozenset(), (), 0.8)
USERS = [LabelledUserQuery("USER_1", "우물은 누가 고치나요", (key(4),), False)]
LAWS = {article: BOOK.law_key(article) for article in BOOK.article_keys}


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice of one query is one here: these corpora have a dozen."""
    monkeypatch.setattr(strangers, "FEWEST", 1)


def label(decisions: list[Decision]) -> tuple[LabelledSection, ...]:
    return label_sections(decisions, BOOK, old_citations=False, admin=True).sections


def build(decisions: list[Decision], params: MakePairsParams = PARAMS, held_out: HeldOut = NOTHING) -> Pairs:
    return build_pairs(label(decisions), USERS, BY_ARTICLE, BOOK, held_out, params)


@given(courts(), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_training_names_nothing_that_validation_keeps(decisions: list[Decision], articles: float, laws: float) -> None:
    pairs = build(decisions, replace(PARAMS, valid_unseen_articles=articles, valid_unseen_laws=laws))
    kept = set(pairs.kept.articles)

    for pair in pairs.train:
        assert not kept & set(pair.meta.article_keys)
        assert not kept & {LAW_OF[id] for id in (*pair.positive_passages, *pair.hard_negatives)}
        assert pair.meta.slice == "seen"
    assert not any(leakage(pairs.train, pairs.valid, NOTHING, kept).values())


LAW_OF = {id: article for article, ids in BY_ARTICLE.items() for id in ids}


@given(courts(), st.integers(0, 5))
def test_the_slice_of_a_validation_query_says_what_training_knows_of_its_answers(decisions: list[Decision], seed: int) -> None:
    pairs = build(decisions, replace(PARAMS, seed=seed, valid_unseen_laws=1.0))
    kept, laws = set(pairs.kept.articles), set(pairs.kept.laws)

    assert {article for article in LAWS if LAWS[article] in laws} <= kept, "a law is kept whole"
    for pair in pairs.valid:
        answers = set(pair.meta.article_keys)
        expected = "seen" if not answers & kept else "unseen_law" if {LAWS[a] for a in answers} <= laws else "unseen_article"
        assert pair.meta.slice == expected
        assert answers <= kept or not answers & kept, "training names all of its answers, or none"


@given(courts(), st.floats(0.0, 0.5))
def test_it_costs_no_more_training_issues_than_the_shares_say(decisions: list[Decision], share: float) -> None:
    params = replace(PARAMS, holdings=False, titles=False)
    without = build(decisions, replace(params, valid_unseen_articles=0.0, valid_unseen_laws=0.0))
    for changed in ({"valid_unseen_laws": 0.0}, {"valid_unseen_articles": 0.0}):
        pairs = build(decisions, replace(params, **{"valid_unseen_articles": share, "valid_unseen_laws": share, **changed}))
        issues = [sum(p.meta.type == "precedent" for p in side.train) for side in (without, pairs)]
        assert issues[0] - issues[1] <= share * issues[0]
        assert {p.query_id for p in pairs.train} <= {p.query_id for p in without.train}


@given(courts())
def test_without_shares_nothing_is_kept_and_every_query_is_seen(decisions: list[Decision]) -> None:
    pairs = build(decisions, replace(PARAMS, valid_unseen_articles=0.0, valid_unseen_laws=0.0))

    assert pairs.kept.articles == pairs.kept.laws == pairs.said == ()
    assert {pair.meta.slice for pair in pairs.valid} <= {"seen"}


@given(courts(), st.randoms(use_true_random=False))
def test_the_choice_does_not_depend_on_the_order_of_decisions(decisions: list[Decision], random) -> None:
    shuffled = list(decisions)
    random.shuffle(shuffled)

    assert build(shuffled) == build(decisions)


@given(courts(), st.sets(st.sampled_from(sorted(BY_ARTICLE)), max_size=4))
def test_what_the_test_set_reserves_is_never_chosen(decisions: list[Decision], reserved: set[str]) -> None:
    pairs = build(decisions, replace(PARAMS, valid_unseen_laws=1.0), replace(NOTHING, articles=frozenset(reserved)))

    assert not reserved & set(pairs.kept.articles)


def test_the_answers_of_the_test_set_are_not_looked_at() -> None:
    decisions = village(8)

    assert build(decisions) == build(decisions, held_out=replace(NOTHING, gold=frozenset(build(decisions).kept.articles)))


def village(number: int, articles: int = 5) -> list[Decision]:
    """A decision a year on the first few articles; each third cites the market's law."""
    return [
        decision(
            f"{n}",
            f"20{n:02d}0101",
            (
                section(
                    1,
                    f"{n}번째 사건에서 나무와 우물을 두고 다툰 쟁점 {n * 7}",
                    f"{'시장법' if n % 3 == 0 else '마을법'} 제{n % articles + 1}조",
                ),
            ),
        )
        for n in range(1, number + 1)
    ]


def test_another_seed_may_choose_others() -> None:
    chosen = {build(village(40), replace(PARAMS, seed=seed, valid_unseen_articles=0.1)).kept for seed in range(8)}

    assert len(chosen) > 1


def test_where_a_slice_has_too_few_queries_nothing_is_kept_and_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strangers, "FEWEST", 30)
    few = build(village(40))

    assert few.kept.articles == few.kept.laws == ()
    assert [sentence.partition(":")[0] for sentence in few.said] == [
        "no laws are kept out of training for validation",
        "no articles are kept out of training for validation",
    ]
    assert all("a slice takes 30" in sentence and "\n" not in sentence for sentence in few.said)


def test_a_decision_that_gives_one_issue_to_validation_leaves_training_with_the_others() -> None:
    two = decision(
        "99", "20000101", (section(1, "우물을 메운 책임", "마을법 제6조"), section(2, "다리를 고칠 책임", "마을법 제1조"))
    )
    pairs = build([*village(40, 2), two], replace(PARAMS, valid_unseen_articles=0.1, valid_unseen_laws=0.0))

    assert key(6) in pairs.kept.articles, "no other decision cites it"
    assert [p.meta.slice for p in pairs.valid if p.meta.source_id == "PREC_99"] == ["unseen_article"]
    assert not [p for p in pairs.train if p.meta.source_id == "PREC_99"]


def test_what_repeats_a_kept_article_is_kept_too() -> None:
    body = "우물은 마을 회의가 정한 사람이 고친다."
    same = {key(6), key(6, "000002")}
    passages = link_twins([replace(p, text=f"{p.header}\n{body}") if p.article_key in same else p for p in PASSAGES])
    alone = decision("99", "20000101", (section(1, "우물을 메운 책임", "마을법 제6조"),))
    twins = repeated_by(passages)
    params = replace(PARAMS, valid_unseen_articles=0.1, valid_unseen_laws=0.0)
    pairs = build_pairs(label([*village(40, 2), alone]), (), BY_ARTICLE, BOOK, NOTHING, params, twins)

    assert twins[key(6)] == {key(6, "000002")}
    assert same <= set(pairs.kept.articles)


def test_a_law_takes_its_annexes_along() -> None:
    annex = "LAW_000002_별표1"
    pairs = build_pairs(
        label(village(40)), (), {**BY_ARTICLE, annex: [annex]}, BOOK, NOTHING, replace(PARAMS, valid_unseen_laws=0.6)
    )

    assert "LAW_000002" in pairs.kept.laws
    assert annex in pairs.kept.articles


def test_counts_tell_the_slices() -> None:
    pairs = build(village(40), replace(PARAMS, valid_unseen_articles=0.1))
    told = {name.removeprefix("slice."): n for name, n in pairs.counts.items() if name.startswith("slice.")}

    assert told == Counter(pair.meta.slice for pair in pairs.valid)
