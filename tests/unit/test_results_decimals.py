from __future__ import annotations

import re

import numpy as np

from results import decimals

RANDOM = np.random.default_rng(5)


def numbers():
    small = RANDOM.uniform(-1, 1, 20_000) * 10.0 ** RANDOM.integers(-9, 1, 20_000)
    odd = [0.0, -0.0, 1.0, 0.1, 9.999999999999999, 1e-6, 9.9999999999999995e-7, 12.5, 1e20]
    return np.concatenate([RANDOM.uniform(-7, 7, 50_000), small, odd])


def test_fifteen_digits_as_printf_writes_them():
    values = numbers()
    expected = np.array([float(f"{value:.15g}") for value in values.tolist()])
    np.testing.assert_array_equal(decimals.round_digits(values), expected)


def test_ten_decimals_as_dachs_writes_them():
    values = np.concatenate(
        [
            RANDOM.uniform(-360, 360, 20_000),
            np.round(RANDOM.uniform(-99, 99, 20_000), 3),
            [0.0, -0.0, -1e-12, 359.99999999999, 12.5, 1e-10, 359.0, 10.0, 100.0],
        ]
    )
    counts = RANDOM.integers(0, 5, len(values))
    counts = counts[np.cumsum(counts) <= len(values)]
    written = decimals.join_fixed(values[: counts.sum()], counts).to_pylist()
    begin = 0
    for count, text in zip(counts, written, strict=True):
        plain = " ".join(f"{value:.10f}" for value in values[begin : begin + count])
        assert text == re.sub(r"0+(\s|$)", r"\1", plain)
        begin += count
