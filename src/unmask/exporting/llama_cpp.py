"""llama.cpp: a command line; only steps, algorithm and block length can be said."""

from unmask.exporting.exported_plan import Exported, describe, lost_order, only_plan
from unmask.planning.plan import Plan
from unmask.planning.tuned_rule import TunedRule
from unmask.theory.schedule import Schedule


def translate(what: Plan | TunedRule) -> Exported:
    """`llama-diffusion-cli` with as many steps as the plan, in uniform order and equal sizes."""
    plan = only_plan(what, "llama.cpp")
    steps = max(part.schedule.steps for part in plan.parts)
    command = (
        f"llama-diffusion-cli -m MODEL.gguf -p PROMPT -ub {plan.length} --diffusion-block-length {plan.length} "
        f"--diffusion-steps {steps} --diffusion-algorithm 3 --temp 1.0 --top-k 0 --top-p 1.0\n"
    )
    how = f"""Run `command.txt`. Algorithm 3 reveals in uniform order; with a block as long as the text, in equal sizes.
`-ub` is the length of the whole text: add the tokens of the prompt, as it is tokenized, to both numbers {plan.length}.
`--temp 1.0 --top-k 0 --top-p 1.0` must be said: the defaults (0.8, 40 and 0.95) draw from another law."""
    even = Schedule.uniform(plan.length, steps)
    lost = lost_order(plan)
    if any(part.schedule != even for part in plan.parts):
        price = plan.bounds.get("uniform_schedule")
        known = "" if price is None else f", measured at {price / plan.length:.4g} nats/token in uniform order"
        lost = (*lost, f"Sizes cannot be given: it splits {plan.length} tokens evenly over {steps} steps{known}.")
    return Exported("llama.cpp", "llama.cpp's diffusion-cli", {"command.txt": command}, how, lost, describe(plan))


ENGINES = {"llama.cpp": translate}
