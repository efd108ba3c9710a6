"""mlx-vlm: a command line; a constant count per step, or a threshold or entropy bound (0.7.10)."""

import math

from unmask.planning.export.exported import DRAWN_ORDER, GREEDY, Exported, describe, only_knob, only_plan
from unmask.planning.knob import Knob
from unmask.planning.plan import Plan
from unmask.theory.schedule import Schedule


def translate(what: Plan | Knob) -> Exported:
    """`mlx_vlm.generate` with a constant count per step, or the tuned knob."""
    base = f"python -m mlx_vlm.generate --model MODEL --prompt PROMPT --block-length {what.length} --temperature 1.0"
    cannot: list[str] = []
    if isinstance(what, Knob):
        knob = only_knob(what, "mlx-vlm", "threshold")
        sampler = "--diffusion-sampler confidence-threshold"
        command = f"{base} {sampler} --threshold {knob.value:.6g} --min-threshold {knob.value:.6g}"
    else:
        plan = only_plan(what, "mlx-vlm")
        most = math.ceil(plan.length / plan.schedule.steps)
        command = f"{base} --max-denoising-steps {plan.schedule.steps} --num-to-transfer {most} --max-transfer-per-step {most}"
        if plan.schedule != Schedule.uniform(plan.length, plan.schedule.steps):
            cannot.append(f"Sizes cannot be given: every step commits {most}; that costs what `uniform_schedule` says.")
        cannot.append(DRAWN_ORDER)
    how = "Run `command.txt`; the server takes the same names as JSON fields."
    return Exported("mlx-vlm", {"command.txt": command + "\n"}, how, (*cannot, GREEDY), describe(what))
