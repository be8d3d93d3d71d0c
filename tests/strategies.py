"""The things that laws are tested on, named as nouns."""

from hypothesis import strategies as st
from small_law import decision, section

from haechi.records.decision import Decision

WORDS = ("나무", "우물", "다리", "담장", "시장", "마을", "수선", "책임", "이용", "보호", "회의", "이웃", "높이", "비용")


def words(low: int = 1, high: int = 8) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(WORDS), min_size=low, max_size=high)


def short_texts() -> st.SearchStrategy[str]:
    """Few letters, so that texts share 5-grams."""
    return st.text(alphabet="가나다 ", max_size=14)


def key_tables() -> st.SearchStrategy[dict[str, list[int]]]:
    """Items with the keys they hold."""
    return st.dictionaries(st.sampled_from("abcdefghij"), st.lists(st.integers(0, 8), max_size=3), max_size=10)


def scores_with_ties() -> st.SearchStrategy[float]:
    return st.sampled_from((-1.0, 0.0, 0.25, 0.5, 1.0)) | st.floats(-2, 2, width=32)


def ranked_lists(ids: tuple[str, ...] = tuple(f"a{i}" for i in range(12))) -> st.SearchStrategy[list[tuple[str, float]]]:
    """Unordered results of one query."""
    return st.lists(st.tuples(st.sampled_from(ids), scores_with_ties()), unique_by=lambda pair: pair[0], max_size=len(ids))


def lists_by_query() -> st.SearchStrategy[dict[str, list[tuple[str, float]]]]:
    return st.dictionaries(st.sampled_from(("q1", "q2", "q3", "q4")), ranked_lists(), max_size=4)


def golds() -> st.SearchStrategy[dict[str, tuple[str, ...]]]:
    """Several gold articles a query, some of which no run can find."""
    keys = st.lists(st.sampled_from([f"a{i}" for i in range(14)]), min_size=1, max_size=5, unique=True).map(tuple)
    return st.dictionaries(st.sampled_from(("q1", "q2", "q3", "q4", "q5")), keys, min_size=1, max_size=5)


@st.composite
def courts(draw: st.DrawFn) -> list[Decision]:
    """Decisions of twenty years; some share a case number, some an issue; some cite nothing that is known."""
    decisions = []
    for number in range(draw(st.integers(3, 14))):
        sections = []
        for place in range(draw(st.integers(1, 3))):
            law = draw(st.sampled_from(("마을법", "시장법", "모르는법")))
            cited = draw(st.lists(st.integers(1, 7), min_size=1, max_size=3))
            citations = f"{law} " + ", ".join(f"제{n}조" for n in cited)
            shared = draw(st.integers(0, 9))
            asked = (
                f"{WORDS[shared]}의 {WORDS[-shared - 1]}에 관한 같은 쟁점"
                if shared < 2
                else f"{number}번 사건의 {place}번째 쟁점"
            )
            extra = " ".join(draw(words(3, 6)))
            issue = asked if shared < 2 else f"{asked} {extra}"
            sections.append(section(place + 1, f"{issue} (적극)", citations, holding=f"{extra} 판결 요지 {number}-{place}"))
        date = f"20{draw(st.integers(0, 20)):02d}0{draw(st.integers(1, 9))}01"
        cases = (f"다{draw(st.integers(0, 30))}",)
        decisions.append(decision(f"{900000 + number}", date, tuple(sections), cases))
    return decisions
