"""A row's bits depend on nothing but its own text: not on neighbours, order, number, or what was done before."""

import random

import numpy as np
import pytest
import tiny_models
from hypothesis import given, settings
from hypothesis import strategies as st

from haechi.inference import fixed_shapes
from haechi.inference.fixed_shapes import STEP, rows_of, shape_of

rng = random.Random(5)  # noqa: S311  (no secret)
TEXTS = [
    tiny_models.text_of(*(rng.randrange(99) for _ in range(rng.choice((1, 2, 3, 5, 6, 7, 13, 30, 60, 97, 98, 150)))))
    for _ in range(80)
]
PAIRS = [(one, other) for one, other in zip(TEXTS, reversed(TEXTS), strict=True)]


def kind(name: str):
    """(model, inputs, output)."""
    if name == "cross":
        return tiny_models.cross_encoder(), PAIRS, "scores"
    made = tiny_models.static() if name == "static" else tiny_models.transformer(left=name == "left")
    return made, TEXTS, "sentence_embedding"


@pytest.mark.parametrize("name", ["transformer", "left", "static", "cross"])
def test_whole_shuffled_in_parts_and_alone_give_the_same_bits(name: str) -> None:
    made, inputs, output = kind(name)
    whole = fixed_shapes.run(made, inputs, output)
    order = random.Random(1).sample(range(len(inputs)), len(inputs))  # noqa: S311
    shuffled = fixed_shapes.run(made, [inputs[i] for i in order], output)
    parts = np.concatenate([fixed_shapes.run(made, inputs[start : start + 37], output) for start in range(0, len(inputs), 37)])
    alone = np.concatenate([fixed_shapes.run(made, [text], output) for text in inputs[:20]])

    assert (shuffled == whole[order]).all()
    assert (parts == whole).all()
    assert (alone == whole[:20]).all()


@pytest.mark.parametrize("name", ["transformer", "static", "cross"])
def test_the_values_are_those_of_the_library(name: str) -> None:
    """Not tried with padding on the left: this model counts places from the left, so the library itself is of two minds."""
    made, inputs, output = kind(name)
    wanted = made.encode(inputs) if output == "sentence_embedding" else made.predict(inputs, activation_fn=_same)[:, None]

    assert np.allclose(fixed_shapes.run(made, inputs, output), wanted, atol=2e-5)


def _same(scores):
    return scores


def test_without_fixed_shapes_the_bits_do_depend_on_company() -> None:
    """What all this is for; if it fails, fixed shapes can go."""
    made = tiny_models.transformer()
    whole = made.encode(TEXTS, batch_size=64)
    alone = np.stack([made.encode([text])[0] for text in TEXTS])

    assert (whole != alone).any()


@settings(max_examples=300)
@given(st.integers(1, 9000), st.integers(1, 9000))
def test_a_shape_holds_its_text_wastes_little_and_leaves_no_odd_rows(tokens: int, limit: int) -> None:
    tokens = min(tokens, limit)
    shape = shape_of(tokens, limit)

    assert tokens <= shape.length <= limit
    assert shape.length <= max(tokens + STEP, tokens * 17 / 16 + 1)
    assert shape.full == (tokens == shape.length), "a row without padding among rows with padding would take another kernel"
    for device in ("cpu", "cuda"):
        rows = rows_of(shape.length, device)
        assert rows == 1 or rows * shape.length % 8 == 0


@given(st.integers(1, 9000), st.integers(1, 8), st.integers(1, 9000))
def test_longer_texts_never_get_shorter_shapes(tokens: int, more: int, limit: int) -> None:
    assert shape_of(min(tokens, limit), limit) <= shape_of(min(tokens + more, limit), limit)


def test_bf16_stays_near_and_depends_on_company_no_more_than_fp32() -> None:
    made = tiny_models.transformer()
    whole = fixed_shapes.run(made, TEXTS, "sentence_embedding", "bf16")

    assert (whole[::-1] == fixed_shapes.run(made, TEXTS[::-1], "sentence_embedding", "bf16")).all()
    assert np.allclose(whole, fixed_shapes.run(made, TEXTS, "sentence_embedding"), atol=0.1)
    assert (whole != fixed_shapes.run(made, TEXTS, "sentence_embedding")).any()


def test_no_inputs_give_no_rows() -> None:
    assert len(fixed_shapes.run(tiny_models.static(), [], "sentence_embedding")) == 0
