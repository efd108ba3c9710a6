"""Dream's diffusion_generate: time steps that make it commit the planned counts."""

import numpy as np

from unmask.planning.export.exported import GREEDY, Exported, as_json, describe, only_plan
from unmask.planning.knob import Knob
from unmask.planning.plan import Plan
from unmask.theory.schedule import Schedule


def translate(what: Plan | Knob) -> Exported:
    """`timesteps.json`, to stand in for `torch.linspace(1, eps, steps + 1)`."""
    plan = only_plan(what, "dream")
    how = f"""In Dream's `generation_utils.py`, replace `timesteps = torch.linspace(1, eps, steps + 1, ...)` by

```python
timesteps = torch.tensor(json.load(open("timesteps.json")), device=x.device)
```

and call `diffusion_generate(steps={plan.schedule.steps}, max_new_tokens={plan.length}, temperature=1.0, alg="origin" or "entropy")`.
Dream commits `int(masked * (1 - s/t))` tokens in a step; these times make that the planned count."""
    cannot = (
        "alg='origin' reveals a random number of tokens; with the other algs counts are exact but the order reads the model.",
        "Dream takes the mean count over the batch: use one row, or rows with equally many masked tokens.",
        GREEDY,
    )
    return Exported("Dream", {"timesteps.json": as_json(timesteps(plan.schedule))}, how, cannot, describe(plan))


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
