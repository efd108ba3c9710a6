"""Random numbers are functions of their address, and behave like random numbers."""

import numpy as np
import pytest
import torch
from scipy import stats

from unmask.sampling.randomness import combine, gumbels, integers, mix, row_seeds, uniforms

WORD = (1 << 64) - 1


def splitmix64_finaliser(x):
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & WORD
    return x ^ (x >> 31)


def test_mix_is_the_finaliser_of_splitmix64_in_wrapping_arithmetic():
    values = [0, 1, 2, 12345678901234567, (1 << 63) - 1]
    expected = [splitmix64_finaliser(v) for v in values]
    assert [v & WORD for v in mix(torch.tensor(values)).tolist()] == expected


def test_uniforms_are_uniform_and_uncorrelated_across_rows_steps_positions_and_streams():
    seeds, columns = row_seeds(0, 200), torch.arange(100)
    u = uniforms(seeds[:, None], 3, columns, 0)
    assert u.dtype == torch.float64
    assert float(u.min()) >= 0
    assert float(u.max()) < 1
    assert stats.kstest(u.ravel().numpy(), "uniform").pvalue > 0.001
    others = [
        uniforms(seeds[:, None], 4, columns, 0),
        uniforms(seeds[:, None], 3, columns, 1),
        uniforms(seeds[:, None], 3, columns + 1, 0),
        uniforms(seeds[:, None] + 1, 3, columns, 0),
    ]
    for other in others:
        assert abs(np.corrcoef(u.ravel(), other.ravel())[0, 1]) < 4 / 20_000**0.5


def test_uniforms_have_more_than_24_bits():
    u = uniforms(row_seeds(1, 1), 0, torch.arange(1_000_000), 0)
    assert len(u.unique()) == 1_000_000
    assert float(u.min()) < 1e-5


def test_row_seeds_do_not_collide_and_depend_on_seed_row_and_salt():
    seeds = row_seeds(0, 100_000)
    assert len(seeds.unique()) == 100_000
    assert torch.equal(seeds[:10], row_seeds(0, 10))
    assert not torch.isin(row_seeds(1, 1000), seeds).any()
    assert not torch.isin(row_seeds(0, 1000, salt=1), seeds).any()
    assert len(row_seeds(-1, 2)) == len(row_seeds(1 << 70, 2)) == 2


def test_numpy_seeds_are_not_negative_and_gumbels_have_the_gumbel_mean():
    assert min(integers(row_seeds(0, 1000))) >= 0
    g = gumbels(row_seeds(0, 1), 0, torch.arange(100_000), 2)
    assert float(g.mean()) == pytest.approx(0.5772, abs=4 * 1.2825 / 100_000**0.5)
    assert torch.isfinite(g).all()


def test_numbers_are_hashed_alike_on_the_host_and_on_the_device():
    for value in (0, 1, 7, 123_456_789_012_345):
        state = row_seeds(3, 5)
        assert torch.equal(combine(state, value), combine(state, torch.tensor(value)))


def test_combine_depends_on_the_order_of_what_is_combined():
    state = torch.tensor([5])
    assert combine(combine(state, 1), 2) != combine(combine(state, 2), 1)
