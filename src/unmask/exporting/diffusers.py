"""diffusers: a scheduler that reveals the plan's positions in the plan's sizes, for LLaDA2Pipeline."""

from unmask.exporting.exported_plan import Exported, as_json, describe, engine_side, only_plan, routes
from unmask.planning.plan import Plan
from unmask.planning.tuned_rule import TunedRule


def translate(what: Plan | TunedRule) -> Exported:
    """`PlannedScheduler`, a BlockRefinementScheduler that keeps the planned tokens of a step, and its config."""
    plan = only_plan(what, "diffusers")
    pairs, lost = routes(plan)
    steps = max(part.schedule.steps for part in plan.parts)
    config = {
        "_class_name": "PlannedScheduler",
        "block_length": plan.length,
        "num_inference_steps": steps,
        "threshold": 1.0,
        "editing_threshold": None,
        "minimal_topk": 1,
        "sizes": pairs[0]["sizes"],
        "routes": pairs,
    }
    how = f"""Put both files beside your code and give the pipeline the scheduler:

```python
from planned_scheduler import PlannedScheduler

scheduler = PlannedScheduler.from_pretrained("scheduler")
pipeline = LLaDA2Pipeline(model=model, scheduler=scheduler, tokenizer=tokenizer)
pipeline(prompt, gen_length={plan.length}, block_length={plan.length}, num_inference_steps={steps},
         temperature=1.0, editing_threshold=None)
```

`temperature=1.0` and `editing_threshold=None` must be said: the pipeline's own defaults (0.0 and 0.5) decode greedily
and go on rewriting. `gen_length` may be any multiple of the block length, which is the checkpoint's (LLaDA2: 32). A
first block that holds the end of the prompt takes the plan's steps without the positions the prompt fills."""
    files = {
        "planned_scheduler.py": engine_side("planned_scheduler.py"),
        "scheduler/scheduler_config.json": as_json(config),
    }
    return Exported("diffusers", "diffusers 0.42.1", files, how, lost, describe(plan))


ENGINES = {"diffusers": translate}
