from haechi.question_writer.write import of_one_text
from haechi.records.question import Question


def asked(number: int, text: str, key: str) -> Question:
    return Question(f"Q_{number}", f"{key}_{number}", key, text, "plain", "offline")


def test_a_question_about_two_texts_has_no_one_answer_and_one_about_two_passages_of_a_text_has() -> None:
    """However it is spaced or cased."""
    one, again = asked(1, "등대는 무엇인가요?", "DOC_a"), asked(2, "등대는 무엇인가요?", "DOC_a")
    shared = [asked(3, "DNA 검사란?", "DOC_a"), asked(4, "dna  검사란?", "DOC_b")]

    assert of_one_text(iter([one, *shared, again])) == [one, again]
