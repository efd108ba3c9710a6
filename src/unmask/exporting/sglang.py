"""SGLang: a small algorithm module that honours order and sizes, or the YAML of an algorithm it has."""

from unmask.errors import InputError
from unmask.exporting.exported_plan import ALWAYS_GREEDY, Exported, describe, engine_side, routes
from unmask.exporting.transformers import UNIFORM_STATE
from unmask.planning.plan import Plan
from unmask.planning.tuned_rule import TunedRule

VERSION = "SGLang 0.5.23"
COMMAND = "python -m sglang.launch_server --model-path MODEL --dllm-algorithm {name} --dllm-algorithm-config {file}"


def translate(what: Plan | TunedRule) -> Exported:
    """Planned: our module with its YAML. A tuned threshold or entropy bound: the YAML of SGLang's own algorithm."""
    return _plan(what) if isinstance(what, Plan) else _tuned(what)


def _plan(plan: Plan) -> Exported:
    pairs, lost = routes(plan)
    lines = "".join(f"  - {{order: {pair['order']}, sizes: {pair['sizes']}}}\n" for pair in pairs)
    yaml = f"block_size: {plan.length}\ntemperature: 1.0\nseed: 0\nroutes:\n{lines}"
    how = f"""Copy `planned_unmasking.py` into SGLang's folder `sglang/srt/dllm/algorithm/`, then

```sh
{COMMAND.format(name="PlannedUnmasking", file="planned_unmasking.yaml")}
```

The block size must be the checkpoint's (LLaDA2: 32, SDAR: 4); this plan is for blocks of {plan.length}. Tokens are
drawn at the YAML's temperature, whatever a request asks for. A block costs one more call than the plan has steps:
SGLang stores the keys and values of the finished block with a call of its own, as for its own algorithms."""
    files = {"planned_unmasking.py": engine_side("planned_unmasking.py"), "planned_unmasking.yaml": yaml}
    return Exported("SGLang", VERSION, files, how, lost, describe(plan))


def _tuned(tuned: TunedRule) -> Exported:
    if tuned.rule == "threshold":
        name, yaml = "LowConfidence", f"threshold: {_number(tuned.value)}\nblock_size: {tuned.window}\n"
        lost: tuple[str, ...] = (ALWAYS_GREEDY,)
        note = (
            f"The block size must be the checkpoint's (LLaDA2: 32, SDAR: 4); the rule was tuned on {tuned.window} "
            "open positions."
        )
    elif tuned.rule == "entropy_bound":
        name = "Gemma4Renoise"
        yaml = f"max_denoising_steps: {tuned.length}\nsampler_config:\n  entropy_bound: {_number(tuned.value)}\n"
        lost = UNIFORM_STATE
        note = (
            f"`max_denoising_steps` is only a cap: {tuned.length}, so that the bound decides (SGLang's default is 48)."
        )
    else:
        raise InputError(f"sglang has an algorithm for threshold and for entropy_bound, not for {tuned.rule}")
    file = f"{name.lower()}.yaml"
    how = f"```sh\n{COMMAND.format(name=name, file=file)}\n```\n\n{note}"
    return Exported("SGLang", VERSION, {file: yaml}, how, lost, describe(tuned))


def _number(value: float) -> str:
    """A number as YAML 1.1 reads it: 1e-06 would be a word there, 1.0e-06 is a number."""
    mantissa, exponent, power = repr(float(value)).partition("e")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}{exponent}{power}"


ENGINES = {"sglang": translate}
