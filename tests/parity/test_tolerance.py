"""Arrays are compared as the specifications say."""

from __future__ import annotations

import numpy as np
import pytest

from trackzoo.parity.tolerance import EXACT, SET, Tolerance, absolute, compare, relative


def test_absolute_and_relative() -> None:
    golden = np.array([0.0, -4.0, 2.0])
    found = compare([0.0, -4.0, 2.1], golden, absolute(0.2))
    assert found.fits
    assert found.absolute == pytest.approx(0.1)
    assert found.relative == pytest.approx(0.1 / 4)
    assert not compare([0.0, -4.0, 2.1], golden, absolute(0.09)).fits
    assert compare([0.0, -4.0, 2.1], golden, relative(0.03)).fits
    assert not compare([0.0, -4.0, 2.1], golden, relative(0.02)).fits


def test_not_a_number_differs_from_a_number_alone() -> None:
    golden = np.array([np.nan, 1.0])
    assert compare([np.nan, 1.0], golden, absolute(0)).fits
    assert not compare([0.0, 1.0], golden, absolute(9)).fits
    assert not compare([np.nan, np.nan], golden, absolute(9)).fits
    assert not compare([np.nan, np.inf], golden, absolute(9)).fits


def test_shapes_must_agree() -> None:
    found = compare(np.zeros((2, 3)), np.zeros((3, 2)), absolute(1))
    assert not found.fits
    assert "(2, 3)" in found.text


def test_sets_have_no_order_but_a_size() -> None:
    golden = np.array([5, 1, 9], np.int16)
    assert compare([9, 5, 1], golden, SET).fits
    found = compare([9, 5, 2], golden, SET)
    assert not found.fits
    assert found.absolute == 2
    assert not compare([9, 5, 1, 1], golden, SET).fits


def test_exact_and_bits() -> None:
    bits = np.packbits(np.arange(16) % 2 == 0)
    other = bits.copy()
    other[0] ^= 0b0000_0001
    assert compare(bits, bits, EXACT).fits
    assert not compare(other, bits, EXACT).fits
    assert compare(other, bits, Tolerance("near", 1 / 16)).fits
    assert not compare(other, bits, Tolerance("near", 1 / 17)).fits
    assert compare(np.zeros(0), np.zeros(0), EXACT).fits


def test_masks_by_their_overlap() -> None:
    golden = np.zeros((4, 8), bool)
    golden[:2] = True
    ours = golden.copy()
    ours[2, :2] = True
    assert compare(ours, golden, Tolerance("overlap", 16 / 18)).fits
    found = compare(np.packbits(ours), np.packbits(golden), Tolerance("overlap", 0.9))
    assert not found.fits
    assert (found.absolute, found.relative) == (2, pytest.approx(2 / 18))
    assert compare(np.zeros((4, 8), bool), np.zeros((4, 8), bool), Tolerance("overlap", 0.999)).fits
