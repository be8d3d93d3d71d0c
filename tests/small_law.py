"""A village's law book of twelve articles and the decisions that cite them: small enough to check by hand."""

from typing import Any

from haechi.citations.law_index import LawIndex
from haechi.parsing.statute_types import Article, Statute
from haechi.records.decision import Decision, Section
from haechi.records.pair import Pair, PairMeta
from haechi.records.passage import Passage

TITLES = ("목적", "정의", "나무의 보호", "우물의 이용", "다리의 수선", "담장의 높이")


def article(number: int, title: str, chapter: str = "제1장 총칙") -> Article:
    return Article(f"제{number}조", title, (chapter,), f"{title}에 관하여 필요한 사항은 마을 회의에서 정한다.", (), True)


def statute(law_id: str, name: str, first_date: str = "19800101") -> Statute:
    articles = tuple(article(n, title, "제1장 총칙" if n < 4 else "제2장 시설") for n, title in enumerate(TITLES, start=1))
    return Statute("law", law_id, name, "", "법률", "20200101", first_date, articles, (), (), f"laws/{law_id}.json")


STATUTES = (statute("000001", "마을법"), statute("000002", "시장법"))
BOOK = LawIndex(STATUTES)


def key(number: int, law: str = "000001") -> str:
    return f"LAW_{law}_제{number}조"


def passage(id: str, text: str = "", **changes: Any) -> Passage:
    values = {
        "id": id,
        "parent_id": id,
        "article_key": id,
        "type": "law",
        "text": text or f"마을법 {id}\n{id}에 관한 사항은 마을 회의에서 정한다.",
        "title": "",
        "law_name": "마을법",
        "article": "",
        "date": "",
        "source": "laws/000001.json",
    }
    return Passage(**(values | changes))  # type: ignore[arg-type]


PASSAGES = tuple(
    passage(
        f"LAW_{law.law_id}_{a.label}",
        f"{law.name} {a.label}({a.title})\n{a.lead}",
        title=a.title,
        law_name=law.name,
        article=a.label,
        source=law.source,
    )
    for law in STATUTES
    for a in law.articles
)
BY_ARTICLE = {p.article_key: [p.id] for p in PASSAGES}


def section(number: int, issue: str, citations: str, holding: str = "") -> Section:
    return Section(number, issue, holding, citations)


def decision(id: str, date: str, sections: tuple[Section, ...], case_numbers: tuple[str, ...] = ()) -> Decision:
    return Decision(id, "손해배상", case_numbers or (f"{id}다1",), "마을법원", "판결", date, sections, f"precedents/{id}.json")


def pair(query_id: str, text: str = "다리를 고칠 책임", **changes: Any) -> Pair:
    meta = {
        "type": "precedent",
        "source_id": query_id,
        "group": query_id,
        "date": "20100101",
        "article_keys": (key(1),),
        "cocited": (key(1),),
        "names_positive": False,
    } | changes
    keys: Any = meta["article_keys"]
    return Pair(query_id, text, tuple(keys), (), PairMeta(**meta))  # type: ignore[arg-type]
