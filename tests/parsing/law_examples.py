"""Own-written laws, rules, decisions and documents in the shapes of the raw data, and strategies that damage them."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from haechi.parsing.params import PreprocessParams
from haechi.parsing.raw import RawDocument, kind_of

GRANULARITIES = ("item", "paragraph", "article", "window")


def params(granularity: str = "paragraph", **changes: Any) -> PreprocessParams:
    defaults = {"max_chars": 400, "annexes": True, "addenda": True, "max_bad_share": 1.0}
    return PreprocessParams(granularity=granularity, **(defaults | changes))  # type: ignore[arg-type]


def article(number: str, title: str, content: str, branch: str = "", **more: Any) -> dict[str, Any]:
    label = f"제{number}조의{branch}" if branch else f"제{number}조"
    row = {
        "조문번호": number,
        "조문여부": "조문",
        "조문제목": title,
        "조문내용": f"{label}({title}){content}" if title else f"{label}{content}",
    }
    return row | ({"조문가지번호": branch} if branch else {}) | more


def heading(number: str, content: Any) -> dict[str, Any]:
    return {"조문번호": number, "조문여부": "전문", "조문제목": "", "조문내용": content}


def law(**changes: Any) -> dict[str, Any]:
    """A law with every shape: 항 as list and dict, nested lists, branches, deleted and moved rows, annexes, addenda."""
    rows = [
        heading("1", [["        제1편 나무", "            제1장 총칙"]]),
        article("1", "목적", " 이 법은 마을 나무를 돌봄을 목적으로 한다. <개정 2014.3.24>"),
        article(
            "2",
            "정의",
            " 이 법에서 쓰는 말의 뜻은 다음과 같다.",
            항={
                "호": [
                    {"호번호": "1.", "호내용": '1.  "나무"란 줄기가 있는 식물을 말한다.'},
                    {
                        "호번호": "1의2.",
                        "호내용": [["1의2.  큰나무: 다음 각 목의", "   것을 말한다."]],
                        "목": [
                            {"목번호": "가.", "목내용": [["가.  키가 큰 것", "   1) 열 길이 넘는 것"]]},
                            {"목번호": "나.", "목내용": "나.  삭제 <2020.2.4>"},
                        ],
                    },
                    {"호번호": "2.", "호내용": "2.  삭제 <2020.2.4>"},
                ]
            },
        ),
        heading("3", "        제2장 돌봄"),
        article(
            "3",
            "물주기의 삭제ㆍ중단",
            "",
            항=[
                {"항번호": "①", "항내용": "①관리인은 다음 각 호에 따라 물을 준다. <신설 2011.5.1>", "호": _items()},
                {"항번호": "②", "항내용": "② 삭제 <2014.5.28>"},
                {"항번호": "③", "항내용": "③ 기록에서 나무를 삭제하여야 한다."},
            ],
        ),
        article("3", "가지치기", " 가지는 봄에 친다.", branch="2"),
        article("4", "", " 삭제 <2004.1.29>"),
        article("5", "", "", branch="2", 조문참고자료="[제6조로 이동 <2007.12.27>]"),
        article(
            "6",
            "벌칙",
            " 나무를 벤 자는 벌금에 처한다. [전문개정 2010.1.1]",
            항={"호": {"호번호": "1.", "호내용": "1. 밤에 벤 자"}},
        ),
    ]
    body = {
        "기본정보": {
            "법령ID": "000777",
            "법령명_한글": "마을나무 보호 및 가꾸기에 관한 법률",
            "법령명약칭": "마을나무법",
            "법종구분": {"content": "법률"},
            "시행일자": "20240101",
        },
        "조문": {"조문단위": rows},
        "별표": {
            "별표단위": [
                annex(
                    "0001", "00", "별표", "과태료", [["■ 법 [별표 1] <개정 2020. 1. 1.>", "│구분│금액│", "나무 한 그루 십만 원"]]
                ),
                annex("0001", "02", "별표", "그늘", "그늘의 크기는 잎이 정한다."),
                annex("0001", "00", "서식", "신청서", "이름"),
                annex("0002", "00", "별표", "삭제 &lt;2020. 6. 9.&gt;", "■ 법 [별표 2] 삭제 <2020. 6. 9.>"),
            ]
        },
        "부칙": {
            "부칙단위": [
                {"부칙공포일자": "20101231", "부칙공포번호": "10100", "부칙내용": [["부칙", "이 법은 공포한 날부터 시행한다."]]},
                {"부칙공포일자": "20200102", "부칙공포번호": "17000", "부칙내용": [["부칙", "제1조(시행일) 봄부터 시행한다."]]},
            ],
        },
    }
    return {"법령": body | changes}


def annex(number: str, branch: str, kind: str, title: str, text: Any) -> dict[str, Any]:
    return {"별표번호": number, "별표가지번호": branch, "별표구분": kind, "별표제목": title, "별표내용": text}


def _items() -> list[dict[str, Any]]:
    return [
        {"호번호": "1.", "호내용": "1.  봄: 이틀에 한 번"},
        {"호번호": "2.", "호내용": "2.  여름: 날마다"},
    ]


def rule(**changes: Any) -> dict[str, Any]:
    """A rule as a list of strings, with inline paragraphs and items."""
    body = {
        "행정규칙기본정보": {
            "행정규칙ID": "4242",
            "행정규칙일련번호": "2100000000042",
            "행정규칙명": "우물 관리 규정",
            "행정규칙종류": "고시",
            "시행일자": "20230301",
        },
        "조문내용": [
            "제1장 총 칙 ",
            "제1조(목적) 이 규정은 우물(샘을 포함한다)을 다룬다. [전문개정 2012. 05. 24.] ",
            "제2조(점검) ① 우물지기는 다음 각 호를 살핀다. 1. 물의 맑기 2. 두레박 3. 삭제 <2016. 7. 25.> "
            "② 살핀 날은 2016. 7. 25.과 같이 적는다. ③ <삭제 2016. 6. 28.> ",
            "제2조의2(두레박) 두레박은 1. 나무로 만든다. ",
            "제3조 삭제 <2020. 8. 4.> ",
            "제2장 벌칙 ",
            "제4조(벌칙의 삭제) 제3조의 벌칙은 삭제하고 <별지 제1호 서식>에 적는다. ",
        ],
        "별표": {"별표단위": annex("0000", "00", "별표", "수질 기준", "맑은 물")},
        "부칙": {
            "부칙공포일자": ["20150101", "20230301"],
            "부칙공포번호": ["9999", "9999"],
            "부칙내용": ["부칙 <제9999호> 이 규정은 고시한 날부터 시행한다.", "부칙 <제9999호> 봄부터 시행한다."],
        },
    }
    return {"AdmRulService": body | changes}


def decision(**changes: Any) -> dict[str, Any]:
    """A decision with two numbered sections."""
    body = {
        "판례일련번호": "900001",
        "사건명": "나무값",
        "사건번호": "2020다1001, 1002",
        "법원명": "대법원",
        "판결유형": "판결",
        "선고일자": "20210325",
        "판시사항": "[1] 나무를 벤 자가 책임을 지는지 여부(적극)<br/>  [2] 그늘이 물건인지 여부(소극)<br/>",
        "판결요지": "[1] 나무를 벤 자는 책임을 진다.<br/>[2] 그늘은 물건이 아니다.<br/>",
        "참조조문": "[1] 마을나무법 제3조 / [2] 민법 제98조<br/>",
        "참조판례": "",
    }
    return body | changes


def document(**changes: Any) -> dict[str, Any]:
    return {"docid": "manual-1", "title": "두레박 쓰는 법", "content": "두레박을 내린다. 물을 긷는다."} | changes


def query(**changes: Any) -> dict[str, Any]:
    return {"query": "나무를 베면 어떻게 되나요", "positives": ["LAW_000777_제6조"]} | changes


def raw(value: dict[str, Any], source: str = "one.json") -> RawDocument:
    kind = kind_of(value)
    assert kind
    return RawDocument(kind, source, "", value)


def write(folder: Path, name: str, value: Any) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return path


def library(folder: Path) -> Path:
    """A folder with one of everything."""
    write(folder, "laws/000777.json", law())
    write(folder, "rules/42.json", rule())
    write(folder, "precedents/900001.json", decision())
    write(folder, "docs/manual.jsonl", json.dumps(document()) + "\n" + json.dumps(query()) + "\n")
    write(folder, "docs/note.txt", "우물가 이야기.\n물이 맑다.")
    return folder


# ---- strategies

EXAMPLES: tuple[Callable[[], dict[str, Any]], ...] = (law, rule, decision, document, query)
ODD_VALUES: tuple[Any, ...] = (
    None,
    7,
    1.5,
    True,
    "",
    "  ",
    "\x00",
    "삭제",
    "①",
    "제1조(가) 나",
    [],
    {},
    [[]],
    [["가"]],
    [1],
    {"호": 3},
)


@st.composite
def damaged_documents(draw: st.DrawFn) -> dict[str, Any]:
    """A real-shaped document with up to three values replaced, removed, doubled or wrapped."""
    value: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(EXAMPLES))())
    for _ in range(draw(st.integers(0, 3))):
        places = list(_places(value))
        holder, key = draw(st.sampled_from(places))
        match draw(st.sampled_from(("replace", "remove", "wrap", "double"))):
            case "replace":
                holder[key] = copy.deepcopy(draw(st.sampled_from(ODD_VALUES)))
            case "remove":
                del holder[key]
            case "wrap":
                holder[key] = [holder[key]]
            case _:
                holder[key] = [holder[key], copy.deepcopy(holder[key])]
        if not value:
            break
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])
