"""transformers: the generation_config.json of entropy-bound models such as DiffusionGemma (5.23)."""

from unmask.planning.export.exported import Exported, as_json, describe, only_knob
from unmask.planning.knob import Knob
from unmask.planning.plan import Plan

CANNOT = (
    "These models correct random tokens instead of revealing masked ones (uniform-state); the theory of masked models "
    "does not apply to them as it is.",
    "Temperatures fall from t_max to t_min over the steps; the price is for temperature 1.",
)


def translate(what: Plan | Knob) -> Exported:
    """`generation_config.json` with the tuned entropy bound."""
    knob = only_knob(what, "transformers", "entropy_bound")
    how = """```python
config = DiffusionGemmaGenerationConfig.from_pretrained("this folder")
model.generate(**inputs, generation_config=config)
```"""
    return Exported(
        "transformers", {"generation_config.json": as_json(generation_config(knob))}, how, CANNOT, describe(knob)
    )


def generation_config(knob: Knob) -> dict[str, object]:
    """The keys transformers and vLLM read. `entropy_bound` must be a float: an integer is rejected."""
    return {
        "max_denoising_steps": knob.length,
        "sampler_config": {"_cls_name": "EntropyBoundSamplerConfig", "entropy_bound": float(knob.value)},
        "t_min": 0.4,
        "t_max": 0.8,
        "stability_threshold": 1,
        "confidence_threshold": 0.005,
    }
