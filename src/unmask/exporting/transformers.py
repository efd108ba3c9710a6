"""transformers: the generation_config.json of entropy-bound models such as DiffusionGemma."""

from unmask.errors import InputError
from unmask.exporting.exported_plan import Exported, as_json, describe, only_tuned
from unmask.planning.plan import Plan
from unmask.planning.tuned_rule import TunedRule

UNIFORM_STATE = (
    "These models correct random tokens instead of revealing masked ones (uniform-state). A rule tuned on a masked "
    "model is a starting point for them, not a promise: neither its price nor its number of calls carries over.",
    "Temperatures fall from 0.8 to 0.4 over the steps, and the text that is returned is the most likely token "
    "everywhere; the price is for drawing at temperature 1.",
)


def translate(what: Plan | TunedRule) -> Exported:
    """`generation_config.json` with the tuned entropy bound."""
    tuned = only_tuned(what, "transformers", "entropy_bound")
    how = """```python
from transformers.models.diffusion_gemma.generation_diffusion_gemma import DiffusionGemmaGenerationConfig

config = DiffusionGemmaGenerationConfig.from_pretrained("this folder")
model.generate(**inputs, generation_config=config)
```"""
    files = {"generation_config.json": as_json(generation_config(tuned))}
    return Exported("transformers", "transformers 5.23", files, how, UNIFORM_STATE, describe(tuned))


def generation_config(tuned: TunedRule) -> dict[str, object]:
    """The keys transformers and vLLM read. `entropy_bound` must be a float: an integer is rejected.

    Only the bound and the cap on the steps are the tuned rule's; the others are the engines' own defaults.
    """
    if not tuned.value > 0:
        raise InputError(f"entropy_bound is {tuned.value:g}; transformers and vLLM take a number above 0")
    return {
        "max_denoising_steps": tuned.length,
        "sampler_config": {"_cls_name": "EntropyBoundSamplerConfig", "entropy_bound": float(tuned.value)},
        "t_min": 0.4,
        "t_max": 0.8,
        "stability_threshold": 1,
        "confidence_threshold": 0.005,
    }


ENGINES = {"transformers": translate}
