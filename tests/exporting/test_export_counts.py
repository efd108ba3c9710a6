"""LLaDA, Dream and dllm: what was written, run through each engine's own arithmetic, gives the planned counts.

The engines' arithmetic is restated here from their sources: LLaDA's generate.py takes (batch, steps) counts; Dream's
generation_utils.py computes them from float32 times; dllm's samplers/utils.py rounds shares of an alpha schedule.
"""

import json
import sys
import types

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reference import exported_plans, strategies
from unmask.errors import InputError
from unmask.exporting.dream import timesteps
from unmask.exporting.export import export, translate
from unmask.theory.reveal_orders import BitReversal, Given, Uniform
from unmask.theory.schedule import Schedule

LENGTHS = [1, 2, 7, 64]
FAMILIES = [
    Schedule([1] * 1024),
    Schedule([1024]),
    Schedule.uniform(1024, 31),
    Schedule.cosine(1024, 128),
    Schedule.geometric(1024, 40),
    Schedule([1] * 512 + [512]),
    Schedule([1023, 1]),
]


def some_schedules():
    return st.sampled_from(LENGTHS).flatmap(strategies.schedules)


def long_schedule(seed):
    """A random schedule of 1,024 tokens: from two steps to hundreds."""
    rng = np.random.default_rng(seed)
    cuts = np.sort(rng.choice(np.arange(1, 1024), size=int(rng.integers(1, 700)), replace=False))
    return Schedule(np.diff([0, *cuts, 1024]))


# -- Dream -----------------------------------------------------------------------------------------------------------


def dream_counts(times, masked):
    """`int(masked * (1 - s / t))` of float32 tensors at every step but the last, which takes what is left."""
    times = torch.tensor(times)  # float32, as the README's line makes it
    counts, steps = [], len(times) - 1
    for step in range(steps):
        number = torch.tensor(masked).sum() / 1  # a mean over the batch: a float32 tensor
        count = int(number * (1 - times[step + 1] / times[step])) if step < steps - 1 else int(number)
        counts.append(count)
        masked -= count
    return counts


@given(some_schedules())
def test_dream_commits_the_planned_counts(schedule):
    assert dream_counts(timesteps(schedule), schedule.length) == list(schedule.sizes)


@pytest.mark.parametrize("schedule", [*FAMILIES, *map(long_schedule, range(40))], ids=lambda schedule: schedule.steps)
def test_dream_commits_the_planned_counts_of_a_thousand_tokens(schedule):
    times = timesteps(schedule)
    assert dream_counts(times, 1024) == list(schedule.sizes)
    assert times[0] == 1
    assert np.all(np.diff(times) < 0)


def test_dream_file_holds_one_time_more_than_steps(tmp_path):
    export(exported_plans.plan_of((Uniform(), [1, 3, 4])), "dream", tmp_path)
    times = json.loads((tmp_path / "timesteps.json").read_text())
    assert dream_counts(times, 8) == [1, 3, 4]
    assert "steps=3, max_new_tokens=8, temperature=1.0" in (tmp_path / "README.md").read_text()


def test_a_very_high_alg_temp_makes_dream_reveal_in_uniform_order():
    """Dream draws positions from softmax(confidence / alg_temp); confidences lie between -log V and 1."""
    confidence = torch.tensor([-np.log(151_936), -3.0, 0.0, 1.0], dtype=torch.float32)
    chances = torch.softmax(confidence / 1e6, -1)
    assert torch.allclose(chances, torch.full((4,), 0.25), atol=1e-5)


# -- LLaDA -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def llada(tmp_path):
    def made(plan):
        export(plan, "llada", tmp_path)
        return exported_plans.load_module(tmp_path / "llada_counts.py", "llada_counts")

    yield made
    sys.modules.pop("llada_counts", None)


def test_llada_counts_are_the_sizes_of_every_row(llada):
    counts = llada(exported_plans.plan_of((Uniform(), [1, 3, 4]))).get_num_transfer_tokens
    masked = torch.ones(5, 8, dtype=torch.bool)
    found = counts(masked, 3)
    assert found.tolist() == [[1, 3, 4]] * 5
    assert (found.dtype, found.shape) == (torch.int64, (5, 3))
    found[0, 0] = 9  # rows do not share memory
    assert found[1, 0] == 1


def test_llada_counts_of_another_length_or_number_of_steps_are_refused(llada):
    counts = llada(exported_plans.plan_of((Uniform(), [1, 3, 4]))).get_num_transfer_tokens
    with pytest.raises(ValueError, match=r"for 3 steps of 8 masked tokens, got 4 of \[8\]"):
        counts(torch.ones(1, 8, dtype=torch.bool), 4)
    with pytest.raises(ValueError, match=r"got 3 of \[7\]"):
        counts(torch.ones(1, 7, dtype=torch.bool), 3)


# -- dllm ------------------------------------------------------------------------------------------------------------


class BaseAlphaScheduler:
    """alpha in float32, and the share of masked tokens that stay masked from time t to time s."""

    def alpha(self, i):
        i = torch.as_tensor(i, dtype=torch.float32)
        assert bool(((i >= 0) & (i <= 1)).all())
        return self._alpha(i)

    def stay_masked(self, s, t):
        s, t = (torch.as_tensor(time, dtype=torch.float32) for time in (s, t))
        return float((1 - self.alpha(s)) / (1 - self.alpha(t)))


def dllm_counts(scheduler, masked, steps):
    """Deterministic transfer: every step takes its share of what is masked, rounded; empty steps are left out."""
    counts = []
    for step in range(steps, 0, -1):
        share = 1 - scheduler.stay_masked((step - 1) / steps, step / steps)
        count = min(int(torch.round(torch.tensor(masked, dtype=torch.float64) * share)), masked)
        counts.append(count)
        masked -= count
        if masked == 0:
            break
    return [count for count in counts if count]


@pytest.fixture(scope="module")
def dllm(tmp_path_factory):
    """Load what was written over a stand-in for dllm's schedulers."""
    stand_in = types.ModuleType("dllm.core.schedulers")
    stand_in.BaseAlphaScheduler = BaseAlphaScheduler
    with pytest.MonkeyPatch.context() as patch:
        for name in ("dllm", "dllm.core"):
            patch.setitem(sys.modules, name, types.ModuleType(name))
        patch.setitem(sys.modules, stand_in.__name__, stand_in)
        patch.setitem(sys.modules, "dllm_schedule", types.ModuleType("dllm_schedule"))

        def made(schedule):
            folder = tmp_path_factory.mktemp("plan")
            export(exported_plans.plan_of((Uniform(), schedule.sizes)), "dllm", folder)
            return exported_plans.load_module(folder / "dllm_schedule.py", "dllm_schedule").PlannedAlphaScheduler()

        yield made


@given(schedule=some_schedules())
@settings(max_examples=60)
def test_dllm_rounds_to_the_planned_counts(dllm, schedule):
    assert dllm_counts(dllm(schedule), schedule.length, schedule.steps) == list(schedule.sizes)


@pytest.mark.parametrize("schedule", [*FAMILIES, *map(long_schedule, range(15))], ids=lambda schedule: schedule.steps)
def test_dllm_rounds_to_the_planned_counts_of_a_thousand_tokens(dllm, schedule):
    assert dllm_counts(dllm(schedule), 1024, schedule.steps) == list(schedule.sizes)


def test_dllm_alpha_falls_from_one_to_zero_with_the_written_slope(dllm):
    scheduler = dllm(Schedule([1, 3, 4]))
    times = torch.linspace(0, 1, 301)
    alpha = scheduler.alpha(times)
    assert (float(alpha[0]), float(alpha[-1])) == (1.0, 0.0)
    assert bool((alpha.diff() < 0).all())
    inside = (times[:-1] + times[1:]) / 2
    slope = scheduler._alpha_derivative(inside)
    assert torch.allclose(alpha.diff() * 300, slope, atol=1e-3)


# -- all three -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["llada", "dream", "dllm"])
def test_a_uniform_order_is_honoured_and_any_other_is_not(engine):
    assert translate(exported_plans.plan_of((Uniform(), [1, 3])), engine).cannot == ()
    (lost,) = translate(exported_plans.plan_of((BitReversal(), [1, 3])), engine).cannot
    assert "not in the plan's (bit_reversal)" in lost


@pytest.mark.parametrize("engine", ["llada", "dream", "dllm", "vllm-plugin", "mlx-vlm"])
def test_parts_with_sizes_of_their_own_are_refused(engine):
    plan = exported_plans.plan_of((Given([0, 1, 2, 3]), [1, 3]), (Given([3, 2, 1, 0]), [2, 2]))
    with pytest.raises(InputError, match="knows one list of sizes; this plan has 2 parts"):
        translate(plan, engine)
