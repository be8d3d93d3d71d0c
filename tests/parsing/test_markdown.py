"""What a reader of a Markdown page sees, and nothing of its marks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.parsing.content import Block, Content
from haechi.parsing.markdown import read_markdown


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# 공기청정기 사용 설명서\n\n전원을 켠다.\n", "공기청정기 사용 설명서"),
        ("#  **사용** 설명서 #\n글", "사용 설명서"),
        ("사용 설명서\n===\n글", "사용 설명서"),
        ("머리말\n\n## 사용 설명서\n# 다음\n", "사용 설명서"),
        ("---\ndate: 2024-01-02\ntitle: '사용 설명서'\n---\n## 켜기\n글", "사용 설명서"),
        ("글에는 # 표가 있다.\n\n    # 코드\n\n```\n# 코드\n```\n", ""),
        ("한 문단이다.\n두 줄이다.\n---\n다음 문단이다.", ""),
        ("", ""),
    ],
)
def test_the_title_is_that_of_the_front_matter_or_the_first_heading(text: str, title: str) -> None:
    """No heading, no title; a paragraph over a rule is none either."""
    assert read_markdown(text).title == title


def test_the_title_stands_in_no_second_place() -> None:
    """Passages carry it as their first line; later headings stay headings."""
    switch = Block("heading", "켜기", 2)
    assert read_markdown("# 설명서\n글\n## 켜기\n누른다") == Content(
        "설명서", (Block("text", "글"), switch, Block("text", "누른다"))
    )
    assert read_markdown("---\ntitle: 설명서\n---\n# 설명서\n글") == Content("설명서", (Block("text", "글"),))
    assert read_markdown("---\ntitle: 설명서\n---\n## 켜기\n글") == Content("설명서", (switch, Block("text", "글")))


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("**전원**을 *길게* __누르고__ `모드`를 ~~본다~~", "전원을 길게 누르고 모드를 본다"),
        ("**필터(HEPA)**는 *등급(H13)*이다", "필터(HEPA)는 등급(H13)이다"),
        ("[고객 센터](https://a.example/b)와 ![버튼 그림](a.png)", "고객 센터와 버튼 그림"),
        ("[안내][1]를 본다\n\n[1]: https://a.example", "안내를 본다"),
        ("2 * 3 = 6이고 file_name_one은 그대로다", "2 * 3 = 6이고 file_name_one은 그대로다"),
        ("* 켠다\n* 끈다\n  - 길게", "켠다\n끈다\n길게"),
        ("1. 켠다\n2. 끈다", "1. 켠다\n2. 끈다"),
        ("> 인용한다\n\n---\n\n끝", "인용한다\n끝"),
        ("| 이름 | 값 |\n|---|---:|\n| 풍량<br>강 | **3** |\n| 소음 | |", "이름 | 값\n풍량 강 | 3\n소음 |"),
        ("```sh\nls **\n```", "ls **"),
        ("한 줄\n다음 줄", "한 줄\n다음 줄"),
        ("앞 <!-- 감춤 --> <별지 제1호 서식> 뒤", "앞 <별지 제1호 서식> 뒤"),
        ("제1조(목적) 이 규정은 ① 다음을 정한다.\r\n\r\n가. 이것", "제1조(목적) 이 규정은 ① 다음을 정한다.\n가. 이것"),
    ],
)
def test_marks_leave_the_text(marked: str, plain: str) -> None:
    """Words, numbers, line breaks and what only looks like a mark stay; so do bold words before a particle."""
    assert (read_markdown(marked).title, read_markdown(marked).text) == ("", plain)


@given(st.text(alphabet="가나 #*_`|-[]()<>!\n1.\\:", max_size=80))
def test_any_text_is_read(text: str) -> None:
    """And no word is made up."""
    read = read_markdown(text)

    assert set(read.title + read.text) <= set(text) | set(" |\n")
