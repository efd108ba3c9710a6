"""Dream's diffusion_generate: time steps that make it commit the planned counts."""

import numpy as np

from unmask.exporting.exported_plan import Exported, as_json, describe, lost_order, only_sizes
from unmask.planning.plan import Plan
from unmask.planning.tuned_rule import TunedRule
from unmask.theory.schedule import Schedule


def translate(what: Plan | TunedRule) -> Exported:
    """`timesteps.json`, to stand in for `torch.linspace(1, eps, steps + 1)`."""
    plan = only_sizes(what, "dream")
    how = f"""In Dream's `generation_utils.py`, replace `timesteps = torch.linspace(1, eps, steps + 1, ...)` by

```python
timesteps = torch.tensor(json.load(open("timesteps.json")), device=x.device)
```

and call

```python
model.diffusion_generate(inputs, steps={plan.schedule.steps}, max_new_tokens={plan.length}, temperature=1.0,
                         top_p=1.0, alg="entropy", alg_temp=1e6)
```

Dream commits `int(masked * (1 - s/t))` tokens in a step; these times make that the planned count. The very high
`alg_temp` makes its choice of positions uniformly random: without it `alg` reads the model, and with `alg="origin"` the
counts are random. It takes the mean count over the batch: give rows with equally many masked tokens."""
    files = {"timesteps.json": as_json(timesteps(plan.schedule))}
    return Exported("Dream", "Dream's generation_utils.py", files, how, lost_order(plan), describe(plan))


def timesteps(schedule: Schedule) -> list[float]:
    """T + 1 falling times, from 1, with `int(n (1 - s/t)) = size` at every step but the last, which takes the rest.

    Half a token is added to each count so that rounding in float32 cannot lose one.
    """
    times, masked = [1.0], schedule.length
    for size in schedule.sizes[:-1]:
        times.append(times[-1] * (1 - (size + 0.5) / masked))
        masked -= size
    times.append(times[-1] * 1e-3)
    return [float(np.float32(time)) for time in times]


ENGINES = {"dream": translate}
