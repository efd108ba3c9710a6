"""vLLM: generation_config.json for its own diffusion models, or the counts of its diffusion plugin."""

from unmask.errors import InputError
from unmask.exporting.exported_plan import ALWAYS_GREEDY, Exported, as_json, describe, only_sizes, only_tuned
from unmask.exporting.transformers import UNIFORM_STATE, generation_config
from unmask.planning.plan import Plan
from unmask.planning.tuned_rule import TunedRule

BY_CONFIDENCE = (
    "It chooses positions by confidence, so the plan's price does not hold there; only its sizes are honoured."
)
NOT_SERVED = (
    "No flag of the plugin's server reads this file: its runner passes on the number of the step and nothing else. The "
    "mappings are for code that calls the policy itself."
)


def translate(what: Plan | TunedRule) -> Exported:
    """A folder for `--generation-config`."""
    tuned = only_tuned(what, "vllm", "entropy_bound")
    how = """```sh
vllm serve MODEL --generation-config THIS_FOLDER
```

The file's `max_denoising_steps` is read too: no `--diffusion-config` is needed. Whoever gives one for another reason
must repeat the canvas of the checkpoint in it, `"canvas_length": 256` for DiffusionGemma: vLLM 0.33 takes the
checkpoint's only where the flag is not given, and cannot start without one.

The widely copied `--hf-overrides '{"diffusion_sampler": "entropy_bound", "diffusion_entropy_bound": ...}'` is read
nowhere in vLLM 0.33: it changes nothing and says nothing."""
    files = {"generation_config.json": as_json(generation_config(tuned))}
    return Exported("vLLM", "vLLM 0.33.0", files, how, UNIFORM_STATE, describe(tuned))


def translate_for_plugin(what: Plan | TunedRule) -> Exported:
    """The `remasking_config` of vllm-project/dllm-plugin: one mapping a step with its count, or a threshold."""
    if isinstance(what, TunedRule):
        tuned = only_tuned(what, "vllm-plugin", "threshold")
        if not 0 < tuned.value <= 1:
            raise InputError(f"threshold is {tuned.value:g}; the plugin takes a confidence between 0 and 1")
        # `num_transfer: 1` so that a step in which nothing is sure commits one token, as the rule does.
        steps = [{"commit_confidence_threshold": float(tuned.value), "num_transfer": 1}]
        size, order = tuned.window, tuple[str, ...]()
        which = "The one mapping is for every step."
    else:
        plan = only_sizes(what, "vllm-plugin")
        counts = plan.schedule.sizes
        steps = [
            {
                "num_transfer": count,
                "denoise_steps": len(counts),
                "denoise_step_index": number,
                "commit_confidence_threshold": 1.0,
            }
            for number, count in enumerate(counts)
        ]
        size, order = plan.length, (BY_CONFIDENCE,)
        which = "Mapping t is for step t of a block."
    if what.mask_token_id is not None:
        steps = [{**step, "mask_token_id": what.mask_token_id} for step in steps]
    how = f"""```sh
export VLLM_PLUGINS=dllm VLLM_USE_V2_MODEL_RUNNER=1 VLLM_DLLM_DRAFT_SIZE={size}
vllm serve MODEL --scheduler-cls dllm_plugin.Scheduler --worker-cls dllm_plugin.Worker
```

`remasking_config.json` is a list of the mappings that `RemaskingPolicy.apply(remasking_config=...)` takes. {which}"""
    files = {"remasking_config.json": as_json(steps)}
    lost = (*order, ALWAYS_GREEDY, NOT_SERVED)
    return Exported("vLLM's dllm plugin", "dllm-plugin of April 2026", files, how, lost, describe(what))


ENGINES = {"vllm": translate, "vllm-plugin": translate_for_plugin}
