"""The exported diffusers scheduler, run by diffusers' own pipeline: counts, positions and law are the plan's."""

import json
import sys
from types import SimpleNamespace

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

diffusers = pytest.importorskip("diffusers")
pytestmark = pytest.mark.skipif(not hasattr(diffusers, "LLaDA2Pipeline"), reason="this diffusers has no LLaDA2Pipeline")

CHAIN = MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], 4)


class LawModel(torch.nn.Module):
    """A network that answers with a law's own conditionals, block after block; the mask token is its last id.

    It gives the mask token most of the weight, as a network that was never told not to draw it might.
    """

    def __init__(self, law):
        super().__init__()
        self.law, self.mask, self.calls = law, law.vocab_size, 0
        self.device, self.dtype = torch.device("cpu"), torch.float32

    def forward(self, tokens, attention_mask=None, position_ids=None):
        self.calls += 1
        block = tokens[:, -self.law.length :]
        known = (block != self.mask).numpy()
        laws = self.law.conditionals(np.where(known, block.numpy(), 0), known)
        with np.errstate(divide="ignore"):
            logits = np.log(laws)
        scores = torch.full((*tokens.shape, self.law.vocab_size + 1), 0.0)
        scores[:, -self.law.length :, :-1] = torch.from_numpy(logits).float().clamp(min=-1e4)
        scores[..., -1] = 5.0
        return SimpleNamespace(logits=scores)


@pytest.fixture
def pipeline(tmp_path, request):
    """Export a plan, load what was written as its README says, and put it into the pipeline."""

    def made(plan, law):
        export(plan, "diffusers", tmp_path)
        module = exported_plans.load_module(tmp_path / "planned_scheduler.py", "planned_scheduler")
        request.addfinalizer(lambda: sys.modules.pop("planned_scheduler", None))
        scheduler = module.PlannedScheduler.from_pretrained(tmp_path / "scheduler")
        pipe = diffusers.LLaDA2Pipeline(model=LawModel(law), scheduler=scheduler)
        pipe.set_progress_bar_config(disable=True)
        return pipe

    return made


def run(pipe, rows=1, prompt=(), blocks=1, seed=0, steps=None):
    """(tokens, masks of the positions revealed in each step)."""
    length, mask = pipe.model.law.length, pipe.model.law.vocab_size
    revealed = []

    def note(_, number, step, tensors):
        revealed.append((step, tensors["transfer_index"].clone()))
        return {}

    out = pipe(
        input_ids=torch.tensor([list(prompt)] * rows, dtype=torch.long).reshape(rows, len(prompt)),
        gen_length=blocks * length - len(prompt),
        block_length=length,
        num_inference_steps=steps or pipe.scheduler.config.num_inference_steps,
        temperature=1.0,
        editing_threshold=None,
        mask_token_id=mask,
        output_type="seq",
        generator=torch.Generator().manual_seed(seed),
        callback_on_step_end=note,
        callback_on_step_end_tensor_inputs=["transfer_index"],
    )
    assert not (out.sequences == mask).any()
    return out.sequences, revealed


def test_the_pipeline_commits_the_planned_positions_in_the_planned_sizes(pipeline):
    pipe = pipeline(exported_plans.plan_of((Given([2, 0, 3, 1]), [1, 2, 1])), CHAIN)
    _, revealed = run(pipe, rows=3, blocks=2)
    places = [[row.nonzero().flatten().tolist() for row in mask] for _, mask in revealed]
    assert places == [[[2]] * 3, [[0, 3]] * 3, [[1]] * 3] * 2
    assert pipe.model.calls == 6


@given(strategies.schedules(9), st.integers(0, 1000))
@settings(max_examples=15)
def test_the_counts_are_the_sizes_whatever_they_are(tmp_path_factory, schedule, seed):
    folder = tmp_path_factory.mktemp("plan")
    export(exported_plans.plan_of((Uniform(), schedule.sizes)), "diffusers", folder)
    module = exported_plans.load_module(folder / "planned_scheduler.py", "planned_scheduler")
    scheduler = module.PlannedScheduler.from_pretrained(folder / "scheduler")
    pipe = diffusers.LLaDA2Pipeline(model=LawModel(Repeated(9, 2)), scheduler=scheduler)
    pipe.set_progress_bar_config(disable=True)
    _, revealed = run(pipe, rows=2, seed=seed)
    assert [mask.sum(1).tolist() for _, mask in revealed] == [[size, size] for size in schedule.sizes]


def test_written_config_comes_back_and_can_be_saved_again(pipeline, tmp_path):
    plan = exported_plans.plan_of((BitReversal(shift=False), [1, 3]), (Given([3, 1, 2, 0]), [2, 1, 1]))
    scheduler = pipeline(plan, CHAIN).scheduler
    assert scheduler.config.sizes == [1, 3]
    assert scheduler.config.routes == [
        {"order": [0, 2, 1, 3], "sizes": [1, 3]},
        {"order": [3, 1, 2, 0], "sizes": [2, 1, 1]},
    ]
    assert (scheduler.config.block_length, scheduler.config.num_inference_steps) == (4, 3)
    scheduler.save_pretrained(tmp_path / "again")
    again = type(scheduler).from_pretrained(tmp_path / "again")
    for name in ("sizes", "routes", "block_length", "num_inference_steps", "threshold", "editing_threshold"):
        assert again.config[name] == scheduler.config[name]
    assert json.loads((tmp_path / "again" / "scheduler_config.json").read_text())["_class_name"] == "PlannedScheduler"


def test_the_text_has_the_law_of_the_plan(pipeline):
    """G test on 2,000 rows of a chain, left to right in pairs; it fails once in 1,000 seeds."""
    pipe = pipeline(exported_plans.plan_of((LeftToRight(), [2, 2])), CHAIN)
    tokens, _ = run(pipe, rows=2000, seed=1)
    expected = output_laws.output_law(CHAIN, lambda laws, masked, step: [(1.0, masked[:2])])
    assert g_test(tokens, expected) > 1e-3


def test_a_uniform_order_is_drawn_anew_for_every_row(pipeline):
    """G test on 2,000 rows; confidence-ordered decoding, which the pipeline does by itself, would fail it."""
    pipe = pipeline(exported_plans.plan_of((Uniform(), [1, 3])), CHAIN)
    tokens, _ = run(pipe, rows=2000, seed=2)
    expected = output_laws.mixture(
        output_laws.output_law(CHAIN, lambda laws, masked, step, i=i: [(1.0, [i] if step == 0 else masked)])
        for i in range(4)
    )
    assert g_test(tokens, expected) > 1e-3


def test_rows_use_the_parts_of_a_plan_equally_often(pipeline):
    """Of 2,000 rows half begin with each part; four standard deviations of the binomial are 90."""
    plan = exported_plans.plan_of((Given([0, 1, 2, 3]), [1, 3]), (Given([3, 2, 1, 0]), [2, 1, 1]))
    _, revealed = run(pipeline(plan, CHAIN), rows=2000)
    first = revealed[0][1]
    assert abs(int(first[:, 0].sum()) - 1000) < 90
    assert bool((first[:, 0] ^ first[:, 3]).all())


def test_a_block_that_the_prompt_has_begun_takes_the_steps_that_are_left(pipeline):
    pipe = pipeline(exported_plans.plan_of((Given([0, 1, 3, 2]), [1, 1, 2])), CHAIN)
    _, revealed = run(pipe, prompt=(1,), blocks=2)
    counts = [int(mask.sum()) for _, mask in revealed]
    assert [count for count in counts if count] == [1, 2, 1, 1, 2]
    assert not revealed[0][1][0, 0]


def test_other_block_lengths_and_too_few_steps_are_refused(pipeline):
    pipe = pipeline(exported_plans.plan_of((Uniform(), [1, 3])), CHAIN)
    with pytest.raises(ValueError, match="block_length=4 and num_inference_steps=2, got 8 and 2"):
        pipe.scheduler.set_timesteps(2, block_length=8)
    with pytest.raises(ValueError, match="got 4 and 1"):
        run(pipe, steps=1)
