"""LLaDA's generate.py: its count tensor."""

from unmask.planning.export.exported import DRAWN_ORDER, GREEDY, Exported, describe, only_plan, sizes_text
from unmask.planning.knob import Knob
from unmask.planning.plan import Plan


def translate(what: Plan | Knob) -> Exported:
    """A module whose function replaces `get_num_transfer_tokens`."""
    plan = only_plan(what, "llada")
    module = f'''"""The counts of a plan for LLaDA's generate.py. Written by `unmask export --to llada`."""

import torch

SIZES = [{sizes_text(plan.schedule)}]


def get_num_transfer_tokens(mask_index, steps):
    """Tokens to commit in each step, (batch, steps) int64, for blocks of {plan.length} masked tokens."""
    masked = mask_index.sum(dim=1)
    if steps != len(SIZES) or bool((masked != sum(SIZES)).any()):
        raise ValueError(f"the plan is for {{len(SIZES)}} steps of {{sum(SIZES)}} masked tokens, got {{steps}} of {{masked.tolist()}}")
    return torch.tensor(SIZES, dtype=torch.int64, device=mask_index.device).repeat(len(mask_index), 1)
'''
    how = f"""```python
import generate, llada_counts
generate.get_num_transfer_tokens = llada_counts.get_num_transfer_tokens
generate.generate(model, prompt, steps={plan.schedule.steps}, gen_length={plan.length}, block_length={plan.length},
                  temperature=1.0, remasking="random")
```

`remasking="random"` reveals in uniform order, as the paper's sampler does. With several blocks, `steps` is
{plan.schedule.steps} times their number."""
    uniform = plan.order.name == "uniform"
    cannot = () if uniform else (f"Its orders are random and low_confidence; the plan's {plan.order.name} is neither.",)
    lost = (*cannot, "With remasking='low_confidence': " + DRAWN_ORDER, GREEDY)
    return Exported("LLaDA", {"llada_counts.py": module}, how, lost, describe(plan))
