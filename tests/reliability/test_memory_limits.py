"""Memory is what docs/reliability.md says: rules are held to multiples of the conditionals they ask for.

By torch's own account of allocations, on a network that makes nothing but its answer. One row of conditionals is
4 L V bytes. The slices that statistics are computed in are made as small beside it here as they are at V = 50,000.
"""

import importlib

import pytest

import unmask
from reference.peak_memory import Looked, peak_bytes
from unmask import recipes
from unmask.sampling import rule_names
from unmask.sampling.rules.catalogue import CATALOGUE

LENGTH, VOCAB_SIZE, ROWS = 32, 4000, 2
ROW = 4 * LENGTH * VOCAB_SIZE
MOST = 4.0
"""Rows of conditionals for each row that goes through the network together."""
RULES = {name: rule_names.from_name(f"{name}:{rule.example}") for name, rule in CATALOGUE.items() if rule.named}
FAST = ("confidence", "maskgit", "moment")
sample_module = importlib.import_module("unmask.sampling.sample")


@pytest.fixture(autouse=True)
def small_slices(monkeypatch):
    monkeypatch.setattr(importlib.import_module("unmask.sampling.slices"), "ON_A_CPU", 1 << 14)


def peak_of(sampler, rows=ROWS, network=None):
    network = network or Looked(VOCAB_SIZE)
    return peak_bytes(lambda: unmask.sample(network, sampler, n=rows, length=LENGTH, batch_size=rows))


@pytest.mark.parametrize(
    "rule", [pytest.param(name, marks=[] if name in FAST else [pytest.mark.slow]) for name in RULES]
)
def test_a_rule_holds_at_most_four_rows_of_conditionals_for_each_row(rule):
    peak = peak_of(RULES[rule])
    assert peak <= MOST * ROWS * ROW
    assert peak > 0.1 * ROWS * ROW  # it was seen


@pytest.mark.parametrize("steps", [1, 4])
def test_a_plan_holds_four_conditionals_for_each_of_its_largest_step(steps):
    peak = peak_of(unmask.Schedule.uniform(LENGTH, steps))
    assert peak <= MOST * ROWS * ROW / steps


def test_memory_does_not_grow_with_the_number_of_steps():
    few, many = (peak_of(recipes.confidence(steps), rows=1) for steps in (2, 16))
    assert many <= 1.05 * few


def test_on_a_cpu_rows_that_do_not_fit_do_not_go_together(monkeypatch):
    """As at V = 50,000 and L = 1,024, where a gibibyte holds 1.7 rows with their temporaries: eight rows that are asked
    for together take no more than four rows of conditionals.
    """
    monkeypatch.setattr(sample_module, "laws_that_fit", lambda vocab_size: int(1.7 * LENGTH))
    network = Looked(VOCAB_SIZE)
    assert peak_of(recipes.confidence(2), 8, network) <= MOST * ROW
    assert network.largest == 1
    assert sample_module.rows_that_fit(1024, 50_000, 1024) == 1


def test_the_batch_changes_no_row():
    network = Looked(50)
    together, alone = (
        unmask.sample(network, recipes.confidence(4), n=6, length=LENGTH, seed=2, batch_size=size) for size in (6, 1)
    )
    assert together.rows() == alone.rows()
