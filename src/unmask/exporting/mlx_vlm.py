"""mlx-vlm: a command line; a constant count per step, or a threshold."""

import math

from unmask.exporting.exported_plan import DRAWN_ORDER, Exported, describe, only_sizes, only_tuned
from unmask.planning.plan import Plan
from unmask.planning.tuned_rule import TunedRule

BASE = "python -m mlx_vlm.generate --model MODEL --prompt PROMPT --temperature 1.0 --block-length {window}"
DRAWN_CONFIDENCE = (
    "The confidence it compares is that of the token it has just drawn, not of the most likely one. That changes the "
    "law of the text, so the tuned rule's price does not hold there."
)


def translate(what: Plan | TunedRule) -> Exported:
    """`mlx_vlm.generate` with a constant count per step, or the tuned threshold."""
    if isinstance(what, TunedRule):
        tuned = only_tuned(what, "mlx-vlm", "threshold")
        command = (
            f"{BASE.format(window=tuned.window)} --max-denoising-steps {tuned.window} "
            f"--threshold {tuned.value!r} --min-threshold {tuned.value!r}"
        )
        why = "Without `--min-threshold` some checkpoints let the threshold fall over the steps."
        lost: tuple[str, ...] = (DRAWN_CONFIDENCE,)
    else:
        plan = only_sizes(what, "mlx-vlm")
        each = math.ceil(plan.length / plan.schedule.steps)
        steps = math.ceil(plan.length / each)
        command = (
            f"{BASE.format(window=plan.length)} --max-denoising-steps {steps} --max-transfer-per-step {each} "
            f"--num-to-transfer {each} --threshold 0 --min-threshold 0"
        )
        why = (
            f"With threshold 0 every token is sure enough, so `--max-transfer-per-step` alone decides: {each} a step. "
            "(LLaDA2 reads no `--num-to-transfer`; other models do.)"
        )
        last = plan.length - each * (steps - 1)
        lost = (DRAWN_ORDER,)
        if plan.schedule.sizes != (*(each,) * (steps - 1), last):
            lost = (
                "It chooses positions by the confidence of the token it has just drawn: the plan's price does not hold "
                "there.",
                f"Sizes cannot be given: {steps} steps of {each} tokens, the last of {last}.",
            )
    how = f"Run `command.txt`; the server takes the same names as JSON fields. {why}"
    files = {"command.txt": command + "\n"}
    return Exported("mlx-vlm", "mlx-vlm 0.7.10", files, how, lost, describe(what))


ENGINES = {"mlx-vlm": translate}
