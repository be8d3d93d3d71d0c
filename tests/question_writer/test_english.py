"""The offline writer in English: what it reads in sentences, what it leaves alone, and how it puts questions."""

import re
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from question_writer.test_write import RICH, SHARES, rich, write
from small_law import passage

from haechi.question_writer.english import clean_title, facts
from haechi.question_writer.english_sentences import as_mine, sentences
from haechi.question_writer.english_templates import HELD_OUT, TRAINING, frames_beside
from haechi.question_writer.english_words import VERBS
from haechi.question_writer.templates import HELD_OUT as KOREAN_HELD_OUT
from haechi.question_writer.templates import STYLES, Frames
from haechi.question_writer.templates import TRAINING as KOREAN_TRAINING
from haechi.question_writer.write import Wording
from haechi.records.passage import Passage
from haechi.text.language import language
from haechi.text.normalize import fold

SLOT = re.compile(r"\{(\??\w+)\}")
WELLS = (
    "A draw well is a shaft from which people of a village draw water. The village council was founded by John Miller in 1901.\n"
    "To clean the well cover, pour warm water over the stone. If the water smells of sulphur, the keeper closes the well.\n"
    "You can report a broken rope by calling the village office. Village wells are inspected by measuring the depth of the water.\n"
    "The depth of the well is 12 metres. Every well keeper must keep a list of all repairs.\n"
    "Well covers are painted red because children play near the square. A well licence costs two silver coins."
)


def document(body: str, title: str = "", id: str = "DOC_1_1") -> Passage:
    return passage(id, f"{title}\n{body}".strip(), title=title, type="doc", law_name="")


def asked(body: str, frames: Frames = TRAINING, title: str = "") -> dict[str, set[str]]:
    """Kind -> everything that may be asked of a text, in the plain style."""
    questions = defaultdict(set)
    for fact in facts(document(body, title)):
        slots = {**fact.slots, **{f"?{name}": "" for name in fact.slots}}
        for frame in frames["plain"].get(fact.kind, ()):
            if set(SLOT.findall(frame)) <= slots.keys():
                text = frame
                for name, part in slots.items():
                    text = text.replace(f"{{{name}}}", str(part))
                questions[fact.kind].add(text[:1].upper() + text[1:])
    return questions


@pytest.mark.parametrize(
    ("sentence", "kind", "question"),
    [
        ("A draw well is a shaft from which people draw water.", "definition", "What is a draw well?"),
        ("BVW stands for Bureau of Village Wells.", "abbreviation", "What does BVW stand for?"),
        ("The oldest well in town is called Lion Well.", "called", "What is the oldest well in town called?"),
        ("Well hooks are used to lift lost buckets.", "purpose", "What are well hooks used for?"),
        ("To clean the well cover, pour warm water over it.", "howto", "How do I clean the well cover?"),
        ("If you want to draw more water, you need a longer rope.", "howto", "How do I draw more water?"),
        ("Use a brass hook to lift your bucket.", "howto", "How can I lift my bucket?"),
        ("A permit is required to dig a new well.", "need", "What is needed to dig a new well?"),
        ("It is forbidden to wash clothes in the trough.", "judgement", "Is it forbidden to wash clothes in the trough?"),
        ("Never throw salt into a well.", "permission", "Can I throw salt into a well?"),
        ("If the rope breaks, the village pays.", "condition", "What happens if the rope breaks?"),
        ("When you lose your key, tell the keeper.", "condition", "What happens when I lose my key?"),
        ("The village well is closed when the water freezes.", "circumstance", "When is the village well closed?"),
        ("Well covers are painted red because children play there.", "reason", "Why are well covers painted red?"),
        ("The village well dries up due to long droughts.", "reason", None),
        ("The difference between a well and a spring is the depth.", "difference", "How do a well and a spring differ?"),
        ("The village council was founded by John Miller.", "agent", "Who was the village council founded by?"),
        ("The village council was founded in 1901.", "time", "When was the village council founded?"),
        ("The depth of the well is 12 metres.", "amount", "What is the depth of the well?"),
        ("A well licence costs two silver coins.", "count", "How many silver coins does a well licence cost?"),
        ("There are three kinds of wells.", "number", "How many kinds of wells are there?"),
        ("A full inspection takes two days.", "duration", "How long does a full inspection take?"),
        ("A new keeper must report within 30 days.", "deadline", "How soon must a new keeper report?"),
        ("Village wells are inspected by measuring the depth.", "manner", "How are village wells inspected?"),
        ("The spare ropes are kept in the town hall.", "place", "Where are the spare ropes kept?"),
        ("Every keeper must keep a list of repairs.", "duty", "Does every keeper have to keep a list of repairs?"),
        ("Visitors may not throw stones into the well.", "permission", "Can visitors throw stones into the well?"),
        ("The wooden lid protects the water from leaves.", "object", "What does the wooden lid protect?"),
        ("The water of Lion Well tastes of iron.", "whether", None),
    ],
)
def test_each_kind_of_sentence_is_asked_about_in_its_own_way(sentence: str, kind: str, question: str | None) -> None:
    found = asked(sentence)

    assert question is None or question in found[kind]
    assert question or kind not in found, "a verb that is in no list gives no question, not a wrong one"


@pytest.mark.parametrize(
    "sentence",
    [
        "It is a shaft from which people draw water.",
        "This well is closed when the water freezes.",
        "The following table is a list of wells.",
        "If this breaks, call us.",
        "To do so, see the section above.",
        "He was chosen because they liked him.",
        "They must do it within 30 days.",
        "Is the well deep?",
        "List of wells",
        "foo(bar) -> baz[i] because x == y.",
    ],
)
def test_nothing_is_asked_of_a_sentence_that_points_elsewhere_or_is_none(sentence: str) -> None:
    assert asked(sentence) == {}


@pytest.mark.parametrize(
    ("title", "wanted"),
    [
        ("How to clean a well", "How do I clean a well?"),
        ("Cleaning the keeper's well", "How do I go about cleaning the keeper's well?"),
        ("2.1 The village well", "What should I know about the village well?"),
        ("Manual > Part 2 > Well keepers", "What should I know about Well keepers?"),
        ("well.depth(unit)", "How is well.depth used?"),
        ("Manual of village wells > Overview", "What should I know about Manual of village wells?"),
        ("Overview", None),
        ("About", None),
        ("3.", None),
        ("Wells", None),
    ],
)
def test_a_title_is_asked_about_by_what_it_names(title: str, wanted: str | None) -> None:
    assert asked("Nothing.", title=title)["title"] == ({wanted} if wanted else set())


def test_a_section_is_asked_about_by_its_own_heading() -> None:
    one = passage("DOC_1_2", "Manual > Village wells\nNothing.", title="Manual", type="doc", law_name="")

    assert [fact.slots["title"] for fact in facts(one) if fact.kind == "title"] == ["Village wells"]


def test_a_case_in_code_says_where() -> None:
    body = "If unit is missing, metres are meant."

    assert asked(body, title="well.depth(unit)")["condition"] == {"What happens if unit is missing in well.depth?"}
    assert asked(body, title="Depths of wells")["condition"] == {"What happens if unit is missing?"}


def test_a_title_that_says_nothing_is_none() -> None:
    assert [clean_title(title) for title in ("Introduction", "1. Overview and notes", "", "§ 3", "[1.2.0]")] == [""] * 5


def test_wrapped_lines_are_one_sentence_and_headings_and_items_are_not_part_of_one() -> None:
    body = (
        "Well rules\nThe keeper of the well looks after the rope and the bucket and\nthe lid (of oak).\n"
        "1. Bring a rope of\n- However, children need company, e.g. a parent."
    )

    assert [sentence.plain for sentence in sentences(body)] == [
        "The keeper of the well looks after the rope and the bucket and the lid",
        "Children need company, e.g. a parent",
    ]
    assert all(fold(sentence.text) in fold(body) for sentence in sentences(body))


@pytest.mark.parametrize(
    ("text", "mine"),
    [
        ("you lose your key", "I lose my key"),
        ("you are late", "I am late"),
        ("the hook lets you lift what is yours", "the hook lets me lift what is mine"),
        ("somebody asks you", "somebody asks me"),
        ("you hurt yourself", "I hurt myself"),
        ("the youth of yore", "the youth of yore"),
    ],
)
def test_who_asks_speaks_of_themselves(text: str, mine: str) -> None:
    assert as_mine(text) == mine


def test_verbs_have_their_third_person() -> None:
    assert {VERBS[form] for form in ("has", "carries", "passes", "goes", "pays")} == {
        (base, "does") for base in ("have", "carry", "pass", "go", "pay")
    }


@pytest.mark.parametrize("frames", [TRAINING, HELD_OUT])
def test_every_frame_asks_for_parts_that_its_kind_has(frames: Frames) -> None:
    """A frame whose part no fact ever has would never be used."""
    slots = {
        "title": {"title", "subject", "doing", "name", "act"},
        "words": {"words"},
        "definition": {"term", "bare", "be"},
        "abbreviation": {"term"},
        "called": {"subject", "be"},
        "purpose": {"subject", "bare", "be", "for"},
        "howto": {"act"},
        "need": {"to", "act"},
        "judgement": {"how", "act"},
        "condition": {"if", "case"},
        "difference": {"pair"},
        "agent": {"who", "be", "subject", "done"},
        "amount": {"be", "subject"},
        "count": {"things", "asked"},
        "number": {"things"},
        "duty": {"do", "subject", "whom", "act"},
        "permission": {"subject", "whom", "act"},
        "action": {"name", "verb"},
        **{
            kind: {"asked"}
            for kind in ("circumstance", "reason", "time", "duration", "deadline", "manner", "place", "object", "whether")
        },
    }
    for style, kinds in frames.items():
        assert style in STYLES
        for kind, texts in kinds.items():
            for text in texts:
                assert {slot.removeprefix("?") for slot in SLOT.findall(text)} <= slots[kind], text
                assert "{" not in SLOT.sub("", text), text


def test_held_out_frames_are_put_otherwise_than_training_s_and_go_with_the_korean_held_out_ones() -> None:
    def skeletons(frames: Frames) -> set[str]:
        return {SLOT.sub("", text).strip() for kinds in frames.values() for texts in kinds.values() for text in texts}

    assert not (skeletons(TRAINING) & skeletons(HELD_OUT)) - {""}
    assert "" not in skeletons(HELD_OUT), "a bare part would be training's bare part"
    assert frames_beside(KOREAN_HELD_OUT) is HELD_OUT
    assert frames_beside(KOREAN_TRAINING) is TRAINING


def test_a_passage_is_asked_in_its_own_language() -> None:
    english = [q.question for seed in range(9) for q in write([document(WELLS, "Wells of the village")], 4, seed)]
    korean = [q.question for seed in range(9) for q in write([rich()], 4, seed)]

    assert {language(text) for text in english} == {"en"}
    assert {language(text) for text in korean} == {"ko"}
    assert len(set(english)) > 20
    assert language(RICH) == "ko"


def test_training_and_held_out_wording_ask_nothing_alike_of_one_passage() -> None:
    def questions(frames: Frames) -> set[str]:
        wording = Wording(frames, SHARES, 0.5, "x")
        return {fold(q.question) for seed in range(20) for q in write([document(WELLS, "Village wells")], 6, seed, wording)}

    training, held_out = questions(KOREAN_TRAINING), questions(KOREAN_HELD_OUT)
    assert training
    assert held_out
    assert not training & held_out


def test_the_questions_of_a_passage_do_not_depend_on_its_neighbours() -> None:
    alone = write([document(WELLS, "Village wells")])

    assert alone
    assert [q for q in write([rich(), document(WELLS, "Village wells")]) if q.passage_id == "DOC_1_1"] == alone
    assert [q for q in write([document(WELLS, "Village wells"), rich()]) if q.passage_id == rich().id] == write([rich()])


PARTS = [
    *WELLS.split(),
    "if",
    "because",
    "you",
    "must",
    "within",
    "30",
    "days.",
    "(see",
    "3)",
    "it",
    "-",
    "e.g.",
    "is",
    "a",
    "to",
    "\n",
    ":",
    '"x"',
]


@settings(max_examples=60)
@given(st.lists(st.sampled_from(PARTS), max_size=60).map(" ".join), st.sampled_from([KOREAN_TRAINING, KOREAN_HELD_OUT]))
def test_any_text_gives_whole_questions_or_none(body: str, frames: Frames) -> None:
    one = document(f"The keeper of the well is paid by the village. {body}", "The wells")

    for q in write([one], 6, 7, Wording(frames, SHARES, 0.5, "x")):
        assert not re.search(r"[{}\0\n]|  ", q.question)
        assert q.question == q.question.strip() != ""
        assert q.style == "keyword" or (q.question[0].isupper() and q.question[-1] in "?.")
        assert fold(q.answer) in fold(one.text)
