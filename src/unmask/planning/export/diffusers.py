"""diffusers: a scheduler whose counts are the plan's, for LLaDA2Pipeline (read in diffusers 0.42.1)."""

from unmask.planning.export.exported import DRAWN_ORDER, Exported, as_json, describe, engine_side, only_plan
from unmask.planning.knob import Knob
from unmask.planning.plan import Plan


def translate(what: Plan | Knob) -> Exported:
    """`PlannedScheduler`, a BlockRefinementScheduler with one method replaced, and its config."""
    plan = only_plan(what, "diffusers")
    config = {
        "_class_name": "PlannedScheduler",
        "block_length": plan.length,
        "num_inference_steps": plan.schedule.steps,
        "threshold": 1.0,
        "editing_threshold": None,
        "minimal_topk": 1,
        "sizes": list(plan.schedule.sizes),
    }
    how = f"""Put both files beside your code and give the pipeline the scheduler:

```python
from planned_scheduler import PlannedScheduler

scheduler = PlannedScheduler.from_pretrained("scheduler")
pipeline = LLaDA2Pipeline(model=model, scheduler=scheduler, tokenizer=tokenizer)
pipeline(prompt, block_length={plan.length}, num_inference_steps={plan.schedule.steps}, temperature=1.0,
         threshold=1.0, editing_threshold=None)
```

`threshold=1.0` and `editing_threshold=None` must be said in the call: the pipeline's own defaults (0.7 and 0.5) would
commit more tokens than planned and rewrite them."""
    cannot = (DRAWN_ORDER, "The counts are per block: the plan must be measured at the block length.")
    module = engine_side("planned_scheduler.py")
    files = {"planned_scheduler.py": module, "scheduler/scheduler_config.json": as_json(config)}
    return Exported("diffusers", files, how, cannot, describe(plan))
