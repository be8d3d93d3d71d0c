"""Old examples beside new ones: how many, which, and what is never shown again."""

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from small_law import PASSAGES, pair
from training.made import PARAMS, RECIPE, VALIDATION, examples, static

from haechi.models.continued import NOTHING
from haechi.records.mined import MinedExample
from haechi.training import engine
from haechi.training.replay import replayable, replayed, with_replay
from haechi.training.session import TrainingInputs


def some(prefix: str, number: int) -> list[MinedExample]:
    made = examples()
    return [
        replace(made[i % len(made)], query_id=f"{prefix}{i}", query=f"{prefix} {i}", source="question") for i in range(number)
    ]


@given(st.integers(1, 30), st.integers(0, 60), st.floats(0.0, 0.9), st.integers(0, 3))
def test_old_examples_are_the_share_that_is_asked_for_as_far_as_there_are_any(
    new: int, old: int, share: float, seed: int
) -> None:
    params = replace(PARAMS, replay_share=share, seed=seed)
    found = with_replay(some("new", new), some("old", old), params)

    assert found[:new] == some("new", new)
    assert replayed(found, some("old", old)) == len(found) - new == min(old, round(new * share / (1 - share)))


@given(st.permutations(some("old", 20)), st.integers(0, 3))
def test_which_ones_depends_on_seed_and_ids_and_never_on_their_order(old: list[MinedExample], seed: int) -> None:
    params = replace(PARAMS, seed=seed)

    assert with_replay(some("new", 5), old, params) == with_replay(some("new", 5), some("old", 20), params)


def test_another_seed_replays_others() -> None:
    drawn = {tuple(e.query_id for e in with_replay(some("new", 5), some("old", 40), replace(PARAMS, seed=s))) for s in range(5)}

    assert len(drawn) == 5


def test_an_example_that_was_mined_again_is_not_replayed_besides() -> None:
    found = with_replay(some("q", 10), some("q", 12), replace(PARAMS, replay_share=0.5))

    assert sorted(e.query_id for e in found) == sorted(f"q{i}" for i in range(12))


def test_what_validates_or_is_no_longer_in_the_corpus_is_not_replayed() -> None:
    made = examples()
    earlier = replace(NOTHING, examples=tuple(made), passages=frozenset({"x"}))
    corpus = [replace(p, text="다른 글") if p.id in made[1].pos_ids else p for p in PASSAGES]

    left = replayable(earlier, corpus, [pair("v", f" {made[2].query}  ")])

    assert [e.query_id for e in left] == [e.query_id for e in made if e.query_id not in (made[1].query_id, made[2].query_id)]


def test_the_figures_of_a_training_say_how_many_old_examples_it_was_shown(tmp_path: Path) -> None:
    new, old = examples()[:4], examples()[4:]
    inputs = TrainingInputs(static(), new, VALIDATION, RECIPE, earlier=old)
    facts = engine.train(inputs, tmp_path / "run").examples

    assert (facts["mined"], facts["earlier"], facts["replayed"], facts["used"]) == (4, 6, 4, 8)


def test_without_an_earlier_training_its_figures_have_no_such_line(tmp_path: Path) -> None:
    facts = engine.train(TrainingInputs(static(), examples(), VALIDATION, RECIPE), tmp_path / "run").examples

    assert "earlier" not in facts
    assert facts["used"] == len(examples())
