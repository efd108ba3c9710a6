"""SGLang: a small algorithm module that honours order and sizes, or the YAML of an algorithm it has (0.5.23)."""

from unmask.errors import InputError
from unmask.planning.export.exported import DRAWN_ORDER, GREEDY, Exported, describe, engine_side
from unmask.planning.knob import Knob
from unmask.planning.plan import Plan
from unmask.theory.order import Given

COMMAND = "python -m sglang.launch_server --model-path MODEL --dllm-algorithm {name} --dllm-algorithm-config {file}"
# How many draws of a random order the YAML carries; every block takes the next one.
PERMUTATIONS = 64


def translate(what: Plan | Knob) -> Exported:
    """Planned: our module with its YAML. A tuned threshold or entropy bound: the YAML of SGLang's own algorithm."""
    return _plan(what) if isinstance(what, Plan) else _knob(what)


def _plan(plan: Plan) -> Exported:
    random = not all(isinstance(part.order, Given) for part in plan.parts)
    draws = [plan.draw(seed) for seed in range(PERMUTATIONS if random or len(plan.parts) > 1 else 1)]
    routes = "".join(f"  - {{order: {order.tolist()}, sizes: {list(schedule.sizes)}}}\n" for order, schedule in draws)
    yaml = f"block_size: {plan.length}\ntemperature: 1.0\nseed: 0\nroutes:\n{routes}"
    how = f"""Copy `planned_unmasking.py` into SGLang's folder `sglang/srt/dllm/algorithm/`, then

```sh
{COMMAND.format(name="PlannedUnmasking", file="planned_unmasking.yaml")}
```

Every block takes the next of {len(draws)} (order, sizes) pairs drawn from the plan. A block costs one more call than the
plan has steps: SGLang stores the finished block's keys and values with a call of its own."""
    cannot = [
        f"The block size must be the checkpoint's: this plan is for {plan.length} tokens (LLaDA2 has 32, SDAR 4)."
    ]
    if random:
        cannot.append(f"A random order is {len(draws)} draws used in turn, not a fresh one for every block.")
    files = {"planned_unmasking.py": engine_side("planned_unmasking.py"), "planned_unmasking.yaml": yaml}
    return Exported("SGLang", files, how, tuple(cannot), describe(plan))


def _knob(knob: Knob) -> Exported:
    if knob.rule == "threshold":
        name, yaml = "LowConfidence", f"threshold: {knob.value:.6g}\nblock_size: {knob.length}\n"
        cannot = (
            GREEDY + " LowConfidence has no temperature.",
            DRAWN_ORDER.split(". ")[0] + " (the same when greedy).",
        )
    elif knob.rule == "entropy_bound":
        name = "Gemma4Renoise"
        yaml = f"max_denoising_steps: {knob.length}\nsampler_config:\n  entropy_bound: {float(knob.value)!r}\n"
        cannot = (
            "Gemma4Renoise is for DiffusionGemma, which corrects random tokens instead of revealing masked ones: a knob "
            "tuned on a masked model says little there.",
            "It tempers its draws from 0.8 down to 0.4 by default; the price is for temperature 1.",
        )
    else:
        raise InputError(f"sglang has an algorithm for threshold and for entropy_bound, not for {knob.rule}")
    file = f"{name.lower()}.yaml"
    how = f"```sh\n{COMMAND.format(name=name, file=file)}\n```"
    return Exported("SGLang", {file: yaml}, how, cannot, describe(knob))
