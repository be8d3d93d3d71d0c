"""What an update looks at before it begins, and what it says at the end."""

import pytest
from small_law import passage

from haechi.cli.update import comparison
from haechi.pipeline.update import News, differences, texts_of
from haechi.scoring.evaluation import Evaluation

GAP = {"low": 0.01, "high": 0.09, "p": 0.001, "p_holm": 0.002, "value": 0.05}


def evaluated(gap: dict[str, float], new: dict[str, object]) -> Evaluation:
    primary = {"base": {"ndcg@10": 0.5}, "tuned": {"ndcg@10": 0.5 + gap["value"]}}
    return Evaluation(n_queries=1200, primary=primary, difference={"tuned-base": {"ndcg@10": gap}}, new_documents=new)


def test_every_difference_from_the_lock_is_named_with_its_stage() -> None:
    status = {
        "report": [{"changed deps": {"params.yaml": "modified"}}],
        "train": [{"changed deps": {"params.yaml": {"train": "modified"}}}, "changed command"],
        "preprocess": [{"changed deps": {"data/raw": "modified"}}, {"changed outs": {"data/processed/a.jsonl": "deleted"}}],
    }

    assert differences(status, ["preprocess", "train", "report"]) == [
        ("preprocess", "data/raw"),
        ("preprocess", "data/processed/a.jsonl"),
        ("train", "params.yaml: train"),
        ("train", "changed command"),
        ("report", "params.yaml"),
    ]
    assert differences({}, ["train"]) == []


@pytest.mark.parametrize(
    ("low", "high", "p", "said"), [(0.01, 0.09, 0.002, "gained"), (-0.09, -0.01, 0.002, "lost"), (-0.01, 0.09, 0.2, "can't tell")]
)
def test_the_end_says_gained_lost_or_cant_tell_of_old_and_of_new(low: float, high: float, p: float, said: str) -> None:
    gap = {"low": low, "high": high, "p": p, "p_holm": p, "value": (low + high) / 2}
    new = {"documents": 40, "questions": 71, "ndcg@10": {"base": 0.4, "tuned": 0.4 + gap["value"]}, "difference": gap}

    old_line, new_line, *rest = comparison(evaluated(gap, new))

    assert old_line.startswith("frozen test set, 1,200 queries: ndcg@10 0.500 before, ")
    assert new_line.startswith(
        "40 new or changed documents, 71 questions that training did not ask about them: ndcg@10 0.400 before, "
    )
    assert old_line.endswith(f": {said}")
    assert new_line.endswith(f": {said}")
    assert "were trained on" in rest[0]


def test_the_end_says_so_where_nothing_could_be_asked_about_the_new_documents() -> None:
    assert "No question could be made" in comparison(evaluated(GAP, {}))[1]


def test_news_count_documents_not_passages() -> None:
    one, two = passage("D1#1", "글 하나", article_key="DOC_1"), passage("D1#2", "글 둘", article_key="DOC_1")

    assert texts_of([one, two]) == texts_of([two, one]) == {"DOC_1": {"글 하나", "글 둘"}}
    assert News(("DOC_1", "DOC_2"), (), ("DOC_3",)).told() == "2 new (such as DOC_1), 1 removed (such as DOC_3)"
