"""Measurements that several files look at; made once."""

import pytest

import unmask
from unmask.laws import MarkovChain

STICKY = [[0.85, 0.1, 0.05], [0.1, 0.8, 0.1], [0.2, 0.1, 0.7]]


@pytest.fixture(scope="session")
def chain():
    """A sticky chain of 12 tokens: its curve and its order tables are exact."""
    return MarkovChain([0.5, 0.3, 0.2], STICKY, 12)


@pytest.fixture(scope="session")
def measured(chain):
    """The chain measured on 400 of its sequences, in three orders besides the uniform one."""
    orders = ["bit_reversal", "left_to_right", "golden_ratio:shift=false"]
    return unmask.measure(unmask.oracle(chain), chain.sample(400, 0), orders=orders, batch_size=200)
