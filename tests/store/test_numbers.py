"""Fast reading of numbers: bit by bit what `float` gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from trackzoo.store.numbers import parse_numbers
from trackzoo.store.text import format_table

PADDING = " 1.25" * 1000  # so that the text is long enough for the fast road

decimals = st.from_regex(r"-?[0-9]{1,10}(\.[0-9]{0,26})?", fullmatch=True)
others = st.sampled_from(
    [
        "1e5",
        "-2.5E-3",
        "nan",
        "inf",
        "-inf",
        ".5",
        "5.",
        "+7",
        "0",
        "-0",
        "-0.0",
        "0.0000000000000001",
        "0.000000000000000000000001",
        "1e-320",
    ]
)
doubles = st.floats(allow_nan=False).map(repr)
boxes = st.floats(-3000, 3000, allow_subnormal=False).map(repr)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(decimals, others, doubles, boxes), min_size=1, max_size=80))
def test_every_number_is_the_one_that_float_gives(texts: list[str]) -> None:
    found = parse_numbers(("\t".join(texts) + PADDING).encode())
    wanted = np.array([float(text) for text in texts])
    assert found[: len(texts)].tobytes() == wanted.tobytes()
    assert (found[len(texts) :] == 1.25).all()


@pytest.mark.parametrize("scale", [1e-12, 1e-9, 1e-6, 1e-3, 0.05, 1.0, 37.0, 400.0, 1900.0, 1e5, 1e9])
def test_what_the_store_writes_comes_back(scale: float) -> None:
    random = np.random.default_rng(7)
    for values in (random.normal(0, scale, (3000, 4)), random.normal(0, scale, (3000, 4)).astype(np.float32)):
        found = parse_numbers(format_table(values)).reshape(-1, 4)
        assert found.tobytes() == np.asarray(values, dtype=np.float64).tobytes()


def test_ties_and_powers_of_two_round_as_float_does() -> None:
    random = np.random.default_rng(3)
    texts = []
    for exponent in range(-9, 11):
        for _ in range(40):
            # Halfway between two doubles, exactly, and just beside: the hard cases of rounding.
            low = 2.0**exponent * (1 + int(random.integers(0, 2**20)) * 2.0**-20)
            texts += [f"{low:.16f}", f"{low * (1 + 2.0**-52):.16f}", f"{low - 2.0**-53:.16f}"]
    texts += [
        "9007199254740993",
        "4503599.0000000005",
        "0.5000000000000001",
        "0.4999999999999999",
        "99999999.9999999999999999",
    ]
    found = parse_numbers("\n".join(texts).encode())
    assert found.tobytes() == np.array([float(text) for text in texts]).tobytes()


@pytest.mark.parametrize("bad", ["1.2.3", "12a", "--3", "1,5", "0x10", "."])
def test_what_is_no_number_is_refused(bad: str) -> None:
    for text in (bad, f"{PADDING} {bad} {PADDING}"):
        with pytest.raises(ValueError):
            parse_numbers(text.encode())


def test_nothing_and_short_texts() -> None:
    assert parse_numbers(b"").shape == (0,)
    assert parse_numbers(b" \n" * 4000).shape == (0,)
    assert parse_numbers(b"1\t-2.5\n").tolist() == [1.0, -2.5]
