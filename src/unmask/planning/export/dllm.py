"""ZHZisZZ/dllm: an alpha scheduler through the plan's counts."""

import numpy as np

from unmask.planning.export.exported import DRAWN_ORDER, GREEDY, Exported, describe, only_plan
from unmask.planning.knob import Knob
from unmask.planning.plan import Plan


def translate(what: Plan | Knob) -> Exported:
    """A `BaseAlphaScheduler` whose rounded counts are the plan's."""
    plan = only_plan(what, "dllm")
    masked = plan.length - np.append(plan.schedule.revealed, plan.length)
    knots = ", ".join(repr(float(share)) for share in masked[::-1] / plan.length)
    module = f'''"""The counts of a plan as an alpha scheduler of dllm. Written by `unmask export --to dllm`."""

import dataclasses

import torch
from dllm.core.schedulers import BaseAlphaScheduler

# Share of tokens that are masked at times 0, 1/T, .., 1.
MASKED = [{knots}]


@dataclasses.dataclass
class PlannedAlphaScheduler(BaseAlphaScheduler):
    """alpha(t), the share that is revealed, linear between the plan's steps."""

    def _alpha(self, i: torch.Tensor) -> torch.Tensor:
        knots = torch.tensor(MASKED, dtype=i.dtype, device=i.device)
        place = (i * (len(MASKED) - 1)).clamp(0, len(MASKED) - 1)
        left = (place + 1e-4).floor().clamp(max=len(MASKED) - 2).long()
        return 1 - torch.lerp(knots[left], knots[left + 1], (place - left).clamp(0, 1))

    def _alpha_derivative(self, i: torch.Tensor) -> torch.Tensor:
        knots = torch.tensor(MASKED, dtype=i.dtype, device=i.device)
        left = (i * (len(MASKED) - 1) + 1e-4).floor().clamp(0, len(MASKED) - 2).long()
        return -(knots[left + 1] - knots[left]) * (len(MASKED) - 1)
'''
    how = f"""```python
from dllm_schedule import PlannedAlphaScheduler

sampler = dllm.core.samplers.MDLMSampler(model=model, tokenizer=tokenizer, scheduler=PlannedAlphaScheduler())
sampler.sample(inputs, steps={plan.schedule.steps}, max_new_tokens={plan.length}, block_size={plan.length},
               temperature=1.0, remasking="random", stochastic_transfer=False)
```"""
    lost = (
        () if plan.order.name == "uniform" else (f"It has no {plan.order.name} order; remasking='random' is uniform.",)
    )
    cannot = (*lost, "With remasking='low_confidence': " + DRAWN_ORDER, GREEDY)
    return Exported("dllm", {"dllm_schedule.py": module}, how, cannot, describe(plan))
