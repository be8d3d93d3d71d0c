from small_law import passage

from haechi.corpus.duplicates import link_twins, one_name, with_duplicates


def documents(*rows: tuple[str, str, str]) -> list:
    return link_twins([passage(f"DOC_{i}_1", text, article_key=f"DOC_{i}", type="doc", title=title) for i, title, text in rows])


def test_the_same_body_under_another_title_is_a_twin() -> None:
    first, second = documents(("a", "환불", "환불\n고객센터로 연락한다."), ("b", "반품", "반품\n고객센터로 연락한다."))

    assert (first.twins, second.twins) == (("DOC_b_1",), ("DOC_a_1",))


def test_the_first_line_of_an_untitled_document_is_part_of_its_body() -> None:
    """Two notices that end alike are not the same notice."""
    first, second = documents(("a", "", "환불 안내\n고객센터로 연락한다."), ("b", "", "배송 안내\n고객센터로 연락한다."))

    assert first.twins == second.twins == ()


def test_what_repeats_a_held_out_passage_is_held_out_too() -> None:
    passages = documents(("a", "가", "가\n같은 글이다."), ("b", "나", "나\n같은 글이다."), ("c", "다", "다\n다른 글이다."))

    assert with_duplicates(frozenset({"DOC_a"}), passages) == {"DOC_a", "DOC_b"}
    assert with_duplicates(frozenset({"DOC_c"}), passages) == {"DOC_c"}


def test_a_document_that_is_held_out_takes_its_sections_with_it() -> None:
    """And what repeats one of them elsewhere; a section alone takes only itself."""
    first, second, other = (
        passage(f"DOC_{i}_1", f"가\n{text}", article_key=f"DOC_{i}#절", parent_id=f"DOC_{i}", type="doc", title="가")
        for i, text in (("a", "글이다."), ("b", "글이다."), ("c", "다른 글이다."))
    )
    passages = link_twins([first, second, other])

    assert with_duplicates(frozenset({"DOC_a"}), passages) == {"DOC_a", "DOC_a#절", "DOC_b#절"}
    assert with_duplicates(frozenset({"DOC_c#절"}), passages) == {"DOC_c#절"}


def test_articles_that_say_the_same_have_one_name_and_others_keep_theirs() -> None:
    """The same first passage is not enough: all of the article must be there."""
    same = documents(("a", "가", "가\n같은 글이다."), ("b", "나", "나\n같은 글이다."), ("c", "다", "다\n다른 글이다."))
    longer = [passage("DOC_b_1_c2", "나\n이어지는 글이다.", article_key="DOC_b", type="doc", title="나")]

    assert one_name(same) == {"DOC_a": "DOC_a", "DOC_b": "DOC_a", "DOC_c": "DOC_c"}
    assert one_name([*same, *longer])["DOC_b"] == "DOC_b"
