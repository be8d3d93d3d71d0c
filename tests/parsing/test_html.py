"""What a reader of an HTML page sees, and nothing that a page could do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.parsing.content import Block
from haechi.parsing.html_blocks import html_blocks, read_html


@pytest.mark.parametrize(
    ("page", "texts"),
    [
        ("<p>물을 <b>긷</b>는다.<p>나무를 벤다.", ["물을 긷는다.", "나무를 벤다."]),
        ("물을<br>긷는다<div>나무<span>를</span></div>", ["물을\n긷는다", "나무를"]),
        ("<ul><li>하나<li>둘</ul>", ["하나", "둘"]),
        ("<pre>한 줄\n두 줄</pre>", ["한 줄\n두 줄"]),
        ("<p>3 &lt; 4 &amp; 5&nbsp;&#44032;</p>", ["3 < 4 & 5 가"]),
        ("<script>몰래()</script><style>p{}</style><noscript>켜라</noscript><template><p>틀</template>글", ["글"]),
        ("<svg><text>그림</text></svg><nav><a>메뉴</a></nav>글<!-- 감춤 -->", ["글"]),
        ("<svg><svg></svg>속</svg>글", ["글"]),
        (
            "<table><caption>표 1</caption><tr><th>가<td>나<tr><td><p>다</p><p>라</p><td>마</table>글",
            ["표 1", "가 | 나\n다 라 | 마", "글"],
        ),
        ("<table><tr><td>상자 안의 글</table>", ["상자 안의 글"]),
        ("<p>닫히지 않은 <b>글", ["닫히지 않은 글"]),
        ("", []),
    ],
)
def test_blocks_are_what_stands_apart_on_the_page(page: str, texts: list[str]) -> None:
    assert [block.text for block in html_blocks(page)[1]] == texts


def test_headings_keep_their_level() -> None:
    assert html_blocks("<h2>설치 <small>방법</small></h2>글<h3>전원</h3>")[1] == [
        Block("heading", "설치 방법", 2),
        Block("text", "글"),
        Block("heading", "전원", 3),
    ]


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("<title>설명서 - 회사</title><h1>설명서</h1><h2>설치</h2>", "설명서"),
        ("<title>설명서 - 회사</title><h1>하나</h1><h1>둘</h1>", "설명서 - 회사"),
        ("<title>\n 설명서 </title><p>글", "설명서"),
        ("<p>글", ""),
    ],
)
def test_the_title_is_the_widest_heading_or_what_the_page_is_called(page: str, title: str) -> None:
    assert read_html(page.encode()).title == title


@pytest.mark.parametrize("charset", ["euc-kr", "EUC-KR", "ks_c_5601-1987"])
def test_a_page_in_the_encoding_that_it_names_is_read(charset: str) -> None:
    """Also where most of it is no Hangul."""
    page = f'<meta http-equiv="Content-Type" content="text/html; charset={charset}"><p>民法 民法 民法 법'
    assert read_html(page.encode("cp949")).text == "民法 民法 民法 법"


@given(
    st.text(alphabet="<>/=\"'!-& 가나p\n", max_size=60)
    | st.lists(
        st.sampled_from(["<table>", "<tr>", "<td>", "</table>", "<script>", "</script>", "<h1>", "</h1>", "가", "<p>"]),
        max_size=20,
    ).map("".join)
)
def test_any_page_is_read(page: str) -> None:
    """And no word is made up."""
    title, blocks = html_blocks(page)

    assert set(title + "".join(block.text for block in blocks)) <= set(page) | set(" |\n")
