"""ZHZisZZ/dllm: an alpha scheduler through the plan's counts."""

import numpy as np

from unmask.exporting.exported_plan import Exported, describe, lost_order, only_sizes
from unmask.planning.plan import Plan
from unmask.planning.tuned_rule import TunedRule

MODULE = '''"""The counts of a plan as an alpha scheduler of dllm. Written by `unmask export --to dllm`."""

import dataclasses

import torch
from dllm.core.schedulers import BaseAlphaScheduler

# Share of tokens that are masked at times 0, 1/T, .., 1.
MASKED = [{knots}]


@dataclasses.dataclass
class PlannedAlphaScheduler(BaseAlphaScheduler):
    """alpha(t), the share that is revealed, linear between the plan's steps."""

    def _alpha(self, i: torch.Tensor) -> torch.Tensor:
        knots, left, part = _place(i)
        return 1 - torch.lerp(knots[left], knots[left + 1], part)

    def _alpha_derivative(self, i: torch.Tensor) -> torch.Tensor:
        knots, left, _ = _place(i)
        return (knots[left] - knots[left + 1]) * (len(MASKED) - 1)


def _place(i: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The knots, the number of the one before time i, and how far i is beyond it."""
    knots = torch.tensor(MASKED, dtype=i.dtype, device=i.device)
    place = i * (len(MASKED) - 1)
    left = (place + 1e-4).floor().clamp(0, len(MASKED) - 2).long()
    return knots, left, (place - left).clamp(0, 1)
'''


def translate(what: Plan | TunedRule) -> Exported:
    """A `BaseAlphaScheduler` whose rounded counts are the plan's."""
    plan = only_sizes(what, "dllm")
    masked = plan.length - np.append(plan.schedule.revealed, plan.length)
    knots = ", ".join(repr(float(share)) for share in masked[::-1] / plan.length)
    steps = plan.schedule.steps
    how = f"""```python
from dllm_schedule import PlannedAlphaScheduler

sampler = dllm.core.samplers.MDLMSampler(model=model, tokenizer=tokenizer, scheduler=PlannedAlphaScheduler())
sampler.sample(inputs, steps={steps}, max_new_tokens={plan.length}, block_size={plan.length},
               temperature=1.0, remasking="random", stochastic_transfer=False)
```

All three must be said: `remasking="random"` reveals in uniform order, `temperature=1.0` draws from the model's own law,
and `stochastic_transfer=False` rounds the counts to the plan's. For several blocks, let `max_new_tokens` be a multiple
of {plan.length} and `steps` as many times {steps}."""
    files = {"dllm_schedule.py": MODULE.format(knots=knots)}
    return Exported("dllm", "dllm of April 2026", files, how, lost_order(plan), describe(plan))


ENGINES = {"dllm": translate}
