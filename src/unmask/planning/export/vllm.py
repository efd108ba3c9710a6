"""vLLM: generation_config.json for its own diffusion models (0.33), or the counts of its diffusion plugin."""

from unmask.errors import InputError
from unmask.planning.export.exported import DRAWN_ORDER, GREEDY, Exported, as_json, describe, only_knob, only_plan
from unmask.planning.export.transformers import CANNOT, generation_config
from unmask.planning.knob import Knob
from unmask.planning.plan import Plan


def translate(what: Plan | Knob) -> Exported:
    """A folder for `--generation-config`."""
    knob = only_knob(what, "vllm", "entropy_bound")
    how = f"""```sh
vllm serve MODEL --generation-config THIS_FOLDER --diffusion-config '{{"max_denoising_steps": {knob.length}}}'
```

The widely copied `--hf-overrides '{{"diffusion_entropy_bound": ...}}'` is read nowhere in vLLM 0.33; it changes nothing."""
    return Exported("vLLM", {"generation_config.json": as_json(generation_config(knob))}, how, CANNOT, describe(knob))


def translate_for_plugin(what: Plan | Knob) -> Exported:
    """The `remasking_config` of vllm-project/dllm-plugin: counts per step, or a confidence threshold."""
    if isinstance(what, Knob):
        knob = only_knob(what, "vllm-plugin", "threshold")
        if not 0 < knob.value <= 1:
            raise InputError(f"threshold is {knob.value}; the plugin takes a confidence between 0 and 1")
        config: dict[str, object] = {"commit_confidence_threshold": float(knob.value)}
        size, cannot = knob.length, (GREEDY,)
    else:
        plan = only_plan(what, "vllm-plugin")
        counts = list(plan.schedule.sizes)
        config = {"num_transfer": counts, "denoise_steps": len(counts), "commit_confidence_threshold": 1.0}
        size, cannot = plan.length, (DRAWN_ORDER, GREEDY)
    if what.mask_token_id is not None:
        config["mask_token_id"] = what.mask_token_id
    how = f"""```sh
VLLM_PLUGINS=dllm VLLM_DLLM_DRAFT_SIZE={size} vllm serve MODEL \\
  --scheduler-cls dllm_plugin.Scheduler --worker-cls dllm_plugin.Worker
```

`remasking_config.json` is the mapping that `RemaskingPolicy.apply` takes."""
    return Exported("vLLM's dllm plugin", {"remasking_config.json": as_json(config)}, how, cannot, describe(what))
