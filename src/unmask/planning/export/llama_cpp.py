"""llama.cpp: a command line; only steps, algorithm and block length can be said."""

from unmask.planning.export.exported import DRAWN_ORDER, GREEDY, Exported, describe, only_plan
from unmask.planning.knob import Knob
from unmask.planning.plan import Plan
from unmask.theory.schedule import Schedule


def translate(what: Plan | Knob) -> Exported:
    """`llama-diffusion-cli` with as many steps as the plan."""
    plan = only_plan(what, "llama.cpp")
    command = (
        f"llama-diffusion-cli -m MODEL.gguf -p PROMPT -n {plan.length} -ub {plan.length} "
        f"--diffusion-steps {plan.schedule.steps} --diffusion-algorithm 3 --diffusion-block-length {plan.length} "
        "--temp 1.0\n"
    )
    how = (
        "Run `command.txt`. Algorithm 3 reveals in uniform order; with the block as long as the text, sizes are equal."
    )
    cannot = []
    if plan.schedule != Schedule.uniform(plan.length, plan.schedule.steps):
        cannot.append("Sizes cannot be given: it splits evenly, which costs what `uniform_schedule` in the plan says.")
    if plan.order.name != "uniform":
        cannot.append(f"It has no {plan.order.name} order.")
    cannot += [GREEDY, "With another algorithm than 3: " + DRAWN_ORDER]
    return Exported("llama.cpp", {"command.txt": command}, how, tuple(cannot), describe(plan))
