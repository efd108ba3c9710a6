"""The exported SGLang algorithm, loaded over stand-ins with the interface of sglang's own modules and run in its loops.

The stand-ins restate what `sglang/srt/dllm/algorithm/base.py` and `config.py` do with an algorithm (0.5.23): the YAML
is a mapping, `step` answers which blocks are done, the call that finds a block without masks stores it.
"""

import itertools
import sys
import types

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reference import exported_plans, output_laws, strategies
from reference.g_test import g_test
from unmask.exporting.export import export
from unmask.laws import MarkovChain, Repeated
from unmask.theory.reveal_orders import BitReversal, Given, LeftToRight, Uniform

yaml = pytest.importorskip("yaml")

CHAIN = MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], 4)


class DllmAlgorithm:
    """The loops around an algorithm: a whole batch at a time, or first done first out."""

    def __init__(self, config):
        self.block_size, self.mask_id, self.fdfo = config.block_size, config.mask_id, config.first_done_first_out_mode

    def run(self, runner, batch, carried=None):
        return self._one_step(runner, batch, carried) if self.fdfo else self._whole_blocks(runner, batch)

    def _whole_blocks(self, runner, batch):
        states = self.init_step_state(batch)
        output = runner.forward(batch)
        for _ in range(self.max_steps(self.block_size)):
            if all(self.step(batch, output, states)):
                break
            output = runner.forward(batch)
        return batch.input_ids.view(batch.batch_size, -1)

    def _one_step(self, runner, batch, carried):
        new = self.init_step_state(batch) if any(state is None for state in carried) else None
        states = [new[row] if state is None else state for row, state in enumerate(carried)]
        done = self.step(batch, runner.forward(batch), states)
        return done, [None if done[row] else states[row] for row in range(batch.batch_size)]


class Runner:
    """A model that answers with a law's conditionals; the mask token, its last id, gets most of the weight."""

    def __init__(self, law, bare=False):
        self.law, self.bare, self.calls, self.seen = law, bare, 0, []

    def forward(self, batch):
        self.calls += 1
        block = batch.input_ids.view(batch.batch_size, self.law.length)
        self.seen.append(block.clone())
        known = (block != self.law.vocab_size).numpy()
        with np.errstate(divide="ignore"):
            laws = np.log(self.law.conditionals(np.where(known, block.numpy(), 0), known))
        logits = torch.full((batch.input_ids.numel(), self.law.vocab_size + 1), 5.0)
        logits[:, :-1] = torch.from_numpy(laws).float().reshape(-1, self.law.vocab_size)
        return logits if self.bare else types.SimpleNamespace(full_logits=logits)


def batch_of(rows):
    rows = torch.tensor(rows, dtype=torch.long)
    return types.SimpleNamespace(batch_size=len(rows), input_ids=rows.reshape(-1).clone())


def masked_rows(law, count):
    return [[law.vocab_size] * law.length] * count


@pytest.fixture(scope="module", autouse=True)
def sglang():
    """Stand-ins for the modules that the written one imports."""
    base = types.ModuleType("sglang.srt.dllm.algorithm.base")
    base.DllmAlgorithm = DllmAlgorithm
    with pytest.MonkeyPatch.context() as patch:
        for name in ("sglang", "sglang.srt", "sglang.srt.dllm", "sglang.srt.dllm.algorithm"):
            patch.setitem(sys.modules, name, types.ModuleType(name))
        patch.setitem(sys.modules, base.__name__, base)
        patch.setitem(sys.modules, "planned_unmasking", types.ModuleType("planned_unmasking"))
        yield


@pytest.fixture(scope="module")
def algorithm(tmp_path_factory):
    """Export a plan and start the written module with the written YAML."""

    def made(plan, law, fdfo=False, **changed):
        folder = tmp_path_factory.mktemp("plan")
        export(plan, "sglang", folder)
        module = exported_plans.load_module(folder / "planned_unmasking.py", "planned_unmasking")
        options = yaml.safe_load((folder / "planned_unmasking.yaml").read_text()) | changed
        assert module.Algorithm.__name__ == "PlannedUnmasking"  # the name of --dllm-algorithm
        config = types.SimpleNamespace(
            block_size=options.get("block_size", 32),
            mask_id=law.vocab_size,
            first_done_first_out_mode=fdfo,
            algorithm_config=options,
        )
        return module.Algorithm(config)

    return made


def revealed(seen, mask):
    """The positions each call has revealed, row by row, from what the model saw."""
    return [[(a[row] == mask) & (b[row] != mask) for row in range(len(a))] for a, b in itertools.pairwise(seen)]


def test_each_call_reveals_the_planned_positions_and_one_more_stores_the_block(algorithm):
    plan = exported_plans.plan_of((Given([2, 0, 3, 1]), [1, 2, 1]))
    runner = Runner(CHAIN)
    tokens = algorithm(plan, CHAIN).run(runner, batch_of(masked_rows(CHAIN, 2)))
    places = [[row.nonzero().flatten().tolist() for row in step] for step in revealed(runner.seen, 2)]
    assert places == [[[2]] * 2, [[0, 3]] * 2, [[1]] * 2]
    assert runner.calls == 4
    assert torch.equal(runner.seen[-1], tokens)  # what is stored is what is emitted
    assert not (tokens == 2).any()


@given(schedule=strategies.schedules(8), rows=st.integers(1, 3))
@settings(max_examples=20)
def test_counts_are_the_sizes_for_any_schedule(algorithm, schedule, rows):
    law, runner = Repeated(8, 2), Runner(Repeated(8, 2))
    started = algorithm(exported_plans.plan_of((Uniform(), schedule.sizes)), law)
    started.run(runner, batch_of(masked_rows(law, rows)))
    counts = [[int(row.sum()) for row in step] for step in revealed(runner.seen, 2)]
    assert counts == [[size] * rows for size in schedule.sizes]
    assert runner.calls == schedule.steps + 1


def test_first_done_first_out_carries_each_block_through_its_own_steps(algorithm):
    """Blocks start at different calls; a done block makes room for a new one, as the scheduler does."""
    plan = exported_plans.plan_of((Given([2, 0, 3, 1]), [1, 2, 1]))
    started, runner = algorithm(plan, CHAIN, fdfo=True), Runner(CHAIN)
    rows, carried = torch.tensor(masked_rows(CHAIN, 2)), [None, None]
    finished, entered = [], [0, 0]
    for call in range(12):
        if call == 2:  # the second request comes two calls later than the first
            rows[1], carried[1], entered[1] = 2, None, call
        batch = batch_of(rows.tolist())
        done, carried = started.run(runner, batch, carried)
        rows = batch.input_ids.view(2, 4).clone()
        for row in range(2):
            if done[row]:
                finished.append((row, call - entered[row]))
                assert not (rows[row] == 2).any()
                rows[row], entered[row] = 2, call + 1
    assert finished == [(0, 3), (1, 3), (0, 3), (1, 3), (0, 3)]
    first = [row[0].nonzero().flatten().tolist() for row in revealed(runner.seen[:4], 2)]
    assert first == [[2], [0, 3], [1]]


@pytest.mark.parametrize("fdfo", [False, True])
def test_the_text_has_the_law_of_the_plan(algorithm, fdfo):
    """G test on 2,000 blocks of a chain, left to right in pairs; it fails once in 1,000 seeds."""
    started, runner = algorithm(exported_plans.plan_of((LeftToRight(), [2, 2])), CHAIN, fdfo), Runner(CHAIN)
    batch = batch_of(masked_rows(CHAIN, 2000))
    carried, done = [None] * 2000, [False]
    if fdfo:
        while not all(done):
            done, carried = started.run(runner, batch, carried)
    else:
        started.run(runner, batch)
    expected = output_laws.output_law(CHAIN, lambda laws, masked, step: [(1.0, masked[:2])])
    assert g_test(batch.input_ids.view(-1, 4), expected) > 1e-3


def test_a_uniform_order_is_drawn_anew_for_every_block(algorithm):
    """G test on 2,000 blocks against the mixture over the first position; it fails once in 1,000 seeds."""
    started, runner = algorithm(exported_plans.plan_of((Uniform(), [1, 3])), CHAIN), Runner(CHAIN)
    tokens = started.run(runner, batch_of(masked_rows(CHAIN, 2000)))
    expected = output_laws.mixture(
        output_laws.output_law(CHAIN, lambda laws, masked, step, i=i: [(1.0, [i] if step == 0 else masked)])
        for i in range(4)
    )
    assert g_test(tokens, expected) > 1e-3


def test_every_part_serves_equally_often_even_where_states_are_made_for_the_whole_batch(algorithm):
    """First done first out makes states for all rows when one is new; 4 standard deviations of 1,000 blocks are 64."""
    plan = exported_plans.plan_of((Given([0, 1, 2, 3]), [1, 3]), (Given([3, 2, 1, 0]), [1, 3]))
    started, runner = algorithm(plan, CHAIN, fdfo=True), Runner(CHAIN)
    firsts = []
    for _ in range(500):
        batch = batch_of(masked_rows(CHAIN, 2))
        started.run(runner, batch, [None, None])
        firsts += (batch.input_ids.view(2, 4)[:, 0] != 2).tolist()
    assert abs(sum(firsts) - 500) < 64


def test_a_prompt_in_the_first_block_is_kept_and_passed_over(algorithm):
    started, runner = algorithm(exported_plans.plan_of((Given([0, 1, 3, 2]), [1, 1, 2])), CHAIN), Runner(CHAIN)
    tokens = started.run(runner, batch_of([[1, 2, 2, 2], [2, 2, 2, 2], [1, 0, 1, 1]]))
    assert tokens[0, 0] == 1
    assert tokens[2].tolist() == [1, 0, 1, 1]
    steps = revealed(runner.seen, 2)
    assert [[int(row.sum()) for row in step] for step in steps] == [[1, 1, 0], [2, 1, 0], [0, 2, 0]]
    assert not (tokens == 2).any()


def test_older_versions_pass_the_logits_themselves(algorithm):
    runner = Runner(CHAIN, bare=True)
    started = algorithm(exported_plans.plan_of((LeftToRight(), [2, 2])), CHAIN)
    assert not (started.run(runner, batch_of(masked_rows(CHAIN, 3))) == 2).any()


def test_temperature_zero_takes_the_most_likely_token(algorithm):
    started = algorithm(exported_plans.plan_of((LeftToRight(), [2, 2])), CHAIN, temperature=0)
    tokens = started.run(Runner(CHAIN), batch_of(masked_rows(CHAIN, 50)))
    assert len({tuple(row) for row in tokens.tolist()}) == 1


def test_the_logits_the_model_returned_are_left_as_they_are(algorithm):
    started, runner = algorithm(exported_plans.plan_of((LeftToRight(), [4])), CHAIN), Runner(CHAIN, bare=True)
    batch = batch_of(masked_rows(CHAIN, 1))
    logits = runner.forward(batch)
    before = logits.clone()
    started.step(batch, logits, started.init_step_state(batch))
    assert torch.equal(logits, before)


def test_another_block_size_is_refused(algorithm):
    with pytest.raises(ValueError, match="a route is for 4 tokens, but block_size is 32"):
        algorithm(exported_plans.plan_of((LeftToRight(), [2, 2])), CHAIN, block_size=32)


def test_a_random_order_is_written_as_draws_and_the_readme_says_so(tmp_path):
    exported = export(exported_plans.plan_of((BitReversal(), [4, 4])), "sglang", tmp_path)
    routes = yaml.safe_load((tmp_path / "planned_unmasking.yaml").read_text())["routes"]
    assert len(routes) == 64
    assert len({tuple(route["order"]) for route in routes}) == 8  # every shift
    assert "one of 64 draws" in (tmp_path / "README.md").read_text()
    assert exported.cannot


# Keys that SGLang 0.5.23 reads: algorithm/low_confidence.py, algorithm/gemma4_renoise.py, config.py.
LOW_CONFIDENCE = {"threshold": float, "block_size": int}
RENOISE = {"max_denoising_steps": int, "sampler_config": dict, "temperature_schedule": dict, "stopping_config": dict}


def test_a_tuned_threshold_is_written_for_low_confidence(tmp_path):
    exported = export(exported_plans.knob_of("threshold", 0.9, length=256, block_length=32), "sglang", tmp_path)
    written = yaml.safe_load((tmp_path / "lowconfidence.yaml").read_text())
    assert written == {"threshold": 0.9, "block_size": 32}
    assert {name: type(value) for name, value in written.items()} == LOW_CONFIDENCE
    assert _threshold_of(tmp_path, 1e-5) == 1e-5
    assert _threshold_of(tmp_path, 1 - 1e-9) == 1 - 1e-9
    assert "--dllm-algorithm LowConfidence --dllm-algorithm-config lowconfidence.yaml" in exported.how
    assert any("most likely token" in sentence for sentence in exported.cannot)


def _threshold_of(folder, value):
    export(exported_plans.knob_of("threshold", value), "sglang", folder)
    return yaml.safe_load((folder / "lowconfidence.yaml").read_text())["threshold"]


@pytest.mark.parametrize("value", [1, 0.25, 1e-6, 2.5e-7])
def test_a_tuned_entropy_bound_is_written_for_renoise(tmp_path, value):
    export(exported_plans.knob_of("entropy_bound", value), "sglang", tmp_path)
    written = yaml.safe_load((tmp_path / "gemma4renoise.yaml").read_text())
    assert all(isinstance(value, RENOISE[name]) for name, value in written.items())
    assert written["sampler_config"] == {"entropy_bound": value}
    assert isinstance(written["sampler_config"]["entropy_bound"], float)
