"""LLaDA's generate.py: its count tensor."""

from unmask.exporting.exported_plan import Exported, describe, lost_order, only_sizes, sizes_text
from unmask.planning.plan import Plan
from unmask.planning.tuned_rule import TunedRule

MODULE = '''"""The counts of a plan for LLaDA's generate.py. Written by `unmask export --to llada`."""

import torch

SIZES = [{sizes}]


def get_num_transfer_tokens(mask_index, steps):
    """Tokens to commit in each step, (batch, steps) int64, for blocks of {length} masked tokens."""
    masked = mask_index.sum(dim=1)
    if steps != len(SIZES) or bool((masked != sum(SIZES)).any()):
        raise ValueError(
            f"the plan is for {{len(SIZES)}} steps of {{sum(SIZES)}} masked tokens, "
            f"got {{steps}} of {{masked.tolist()}}"
        )
    return torch.tensor(SIZES, dtype=torch.int64, device=mask_index.device).repeat(len(mask_index), 1)
'''


def translate(what: Plan | TunedRule) -> Exported:
    """A module whose function replaces `get_num_transfer_tokens`."""
    plan = only_sizes(what, "llada")
    steps = plan.schedule.steps
    how = f"""```python
import generate, llada_counts
generate.get_num_transfer_tokens = llada_counts.get_num_transfer_tokens
generate.generate(model, prompt, steps={steps}, gen_length={plan.length}, block_length={plan.length},
                  temperature=1.0, remasking="random")
```

Both must be said: `remasking="random"` reveals in uniform order, and `temperature=1.0` draws from the model's own law;
the defaults (low_confidence and 0) are outside the price. For several blocks, let `gen_length` be a multiple of
{plan.length} and `steps` as many times {steps}."""
    files = {"llada_counts.py": MODULE.format(sizes=sizes_text(plan.schedule), length=plan.length)}
    return Exported("LLaDA", "LLaDA's generate.py", files, how, lost_order(plan), describe(plan))


ENGINES = {"llada": translate}
