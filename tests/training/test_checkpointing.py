"""Of which validations the log tells: enough to see where a long training is, few enough for a screen."""

from hypothesis import given
from hypothesis import strategies as st

from haechi.training.checkpointing import SAID, spread


@given(st.sets(st.integers(1, 10**6), max_size=60))
def test_a_log_tells_of_few_validations_and_always_of_the_last(steps: set[int]) -> None:
    told = spread(steps)

    assert told <= steps
    assert len(told) == min(len(steps), SAID)
    assert not steps or max(steps) in told


def test_they_are_spread_evenly() -> None:
    assert sorted(spread(range(1, 9))) == [2, 4, 6, 8]
