"""Configuration files and command lines: parsed by the engine where it is installed, else held against its own keys."""

import json
import shlex
import sys

import pytest

from reference import exported_plans
from unmask.errors import InputError
from unmask.exporting.export import ENGINES, export, translate
from unmask.theory.reveal_orders import BitReversal, Given, Uniform

PLAN = exported_plans.plan_of((Uniform(), [1, 3, 4]), mask_token_id=156895, bounds={"uniform_schedule": 0.2})
KNOB = exported_plans.knob_of("threshold", 0.875, length=256, block_length=32, mask_token_id=156895)
BOUND = exported_plans.knob_of("entropy_bound", 0.25)


# -- transformers and vLLM -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["transformers", "vllm"])
@pytest.mark.parametrize("value", [0.25, 1, 1e-6])
def test_transformers_reads_the_written_generation_config(tmp_path, engine, value):
    """An integer bound is rejected by transformers, so that a knob of 1 must be written as 1.0."""
    module = pytest.importorskip("transformers.models.diffusion_gemma.generation_diffusion_gemma")
    export(exported_plans.knob_of("entropy_bound", value), engine, tmp_path)
    read = module.DiffusionGemmaGenerationConfig.from_pretrained(tmp_path)
    assert read.sampler_config == module.EntropyBoundSamplerConfig(entropy_bound=float(value))
    assert (read.max_denoising_steps, read.t_min, read.t_max) == (32, 0.4, 0.8)
    written = json.loads((tmp_path / "generation_config.json").read_text())
    assert type(written["sampler_config"]["entropy_bound"]) is float
    assert "EntropyBound" in written["sampler_config"]["_cls_name"]  # what vLLM looks for


def test_a_bound_of_zero_is_refused():
    for engine in ("transformers", "vllm"):
        with pytest.raises(InputError, match=r"entropy_bound is 0; .* above 0"):
            translate(exported_plans.knob_of("entropy_bound", 0.0), engine)


def test_the_override_that_vllm_never_reads_is_named(tmp_path):
    how = export(BOUND, "vllm", tmp_path).how
    assert "--generation-config" in how
    assert "nowhere in vLLM 0.33" in how


def test_the_command_line_of_vllm_names_no_canvas_it_would_then_be_without(tmp_path):
    """vLLM 0.33 fills in `canvas_length` from the checkpoint only where no --diffusion-config is given, and fails to
    make its buffers without one; the number of steps is in the generation config beside it.
    """
    exported = export(BOUND, "vllm", tmp_path)
    command = next(line for line in exported.how.splitlines() if line.startswith("vllm serve"))
    assert "--diffusion-config" not in command
    assert json.loads((tmp_path / "generation_config.json").read_text())["max_denoising_steps"] == 32


# -- vLLM's plugin ---------------------------------------------------------------------------------------------------

# remasking_config of Llada2DefaultRemaskingPolicy.apply: key -> what its source turns the value into.
PLUGIN = {
    "commit_confidence_threshold": float,
    "mask_token_id": int,
    "denoise_steps": int,
    "denoise_step_index": int,
    "num_transfer": int,
}


def plugin_count(masked, sure, config):
    """How many tokens `apply` transfers: all sure ones if they are enough, else the `num_transfer` best."""
    wanted = config["num_transfer"]
    confident = [confidence for confidence in sure if confidence > config["commit_confidence_threshold"]]
    return len(confident) if len(confident) >= wanted else min(wanted, masked)


def test_the_plugin_gets_one_mapping_a_step_with_the_planned_count(tmp_path):
    export(PLAN, "vllm-plugin", tmp_path)
    steps = json.loads((tmp_path / "remasking_config.json").read_text())
    for number, step in enumerate(steps):
        assert step.keys() == PLUGIN.keys()
        assert all(type(value) is PLUGIN[name] for name, value in step.items())
        assert (step["denoise_step_index"], step["denoise_steps"]) == (number, 3)
    masked, counts = 8, []
    for step in steps:
        counts.append(plugin_count(masked, [1.0] * masked, step))  # even when every token is sure
        masked -= counts[-1]
    assert counts == [1, 3, 4]
    readme = (tmp_path / "README.md").read_text()
    assert "VLLM_DLLM_DRAFT_SIZE=8" in readme
    assert "No flag of the plugin's server reads this file" in readme


def test_the_plugin_gets_a_threshold_as_the_rule_means_it(tmp_path):
    export(KNOB, "vllm-plugin", tmp_path)
    (step,) = json.loads((tmp_path / "remasking_config.json").read_text())
    assert step == {"commit_confidence_threshold": 0.875, "num_transfer": 1, "mask_token_id": 156895}
    assert plugin_count(4, [0.9, 0.88, 0.5, 0.1], step) == 2
    assert plugin_count(4, [0.8, 0.7, 0.5, 0.1], step) == 1
    assert "VLLM_DLLM_DRAFT_SIZE=32" in (tmp_path / "README.md").read_text()


# -- llama.cpp and mlx-vlm -------------------------------------------------------------------------------------------

# Options of llama-diffusion-cli (examples/diffusion) and of mlx_vlm.generate (generate/dispatch.py), all with a value.
LLAMA = {
    "-m",
    "-p",
    "-ub",
    "--diffusion-steps",
    "--diffusion-algorithm",
    "--diffusion-block-length",
    "--temp",
    "--top-k",
    "--top-p",
}
MLX = {
    "--model",
    "--prompt",
    "--temperature",
    "--max-denoising-steps",
    "--block-length",
    "--num-to-transfer",
    "--max-transfer-per-step",
    "--threshold",
    "--min-threshold",
}


def options(folder, program, known):
    words = shlex.split((folder / "command.txt").read_text())
    assert words[: len(program)] == program
    rest = words[len(program) :]
    found = dict(zip(rest[::2], rest[1::2], strict=True))
    assert found.keys() <= known
    return found


def test_llama_cpp_splits_evenly_in_uniform_order_at_temperature_one(tmp_path):
    exported = export(PLAN, "llama.cpp", tmp_path)
    said = options(tmp_path, ["llama-diffusion-cli"], LLAMA)
    assert said["--diffusion-steps"] == "3"
    assert said["--diffusion-algorithm"] == "3"  # random
    assert said["-ub"] == said["--diffusion-block-length"] == "8"  # one block; it must divide the length
    assert (said["--temp"], said["--top-k"], said["--top-p"]) == ("1.0", "0", "1.0")
    (lost,) = exported.cannot
    assert "evenly over 3 steps, measured at 0.2 nats/token" in lost


def test_llama_cpp_honours_equal_sizes_in_uniform_order():
    assert translate(exported_plans.plan_of((Uniform(), [3, 3, 2])), "llama.cpp").cannot == ()


def mlx_counts(said):
    """LLaDA2's loop: every token above the threshold, at most the cap; the threshold is 0, so the cap."""
    assert said["--threshold"] == said["--min-threshold"] == "0"
    masked, counts = int(said["--block-length"]), []
    for _ in range(int(said["--max-denoising-steps"])):
        counts.append(min(masked, int(said["--max-transfer-per-step"])))
        masked -= counts[-1]
    assert masked == 0
    return counts


@pytest.mark.parametrize(
    ("sizes", "counts"),
    [([2, 2, 2, 2], [2, 2, 2, 2]), ([1, 3, 4], [3, 3, 2]), ([8], [8]), ([1, 1, 1, 1, 4], [2, 2, 2, 2])],
)
def test_mlx_vlm_commits_a_constant_count(tmp_path, sizes, counts):
    exported = export(exported_plans.plan_of((Uniform(), sizes)), "mlx-vlm", tmp_path)
    said = options(tmp_path, ["python", "-m", "mlx_vlm.generate"], MLX)
    assert mlx_counts(said) == counts
    assert any("Sizes cannot be given" in sentence for sentence in exported.cannot) == (sizes != counts)
    assert any("price does not hold" in sentence for sentence in exported.cannot)


def test_mlx_vlm_takes_a_threshold_that_does_not_fall(tmp_path):
    export(KNOB, "mlx-vlm", tmp_path)
    said = options(tmp_path, ["python", "-m", "mlx_vlm.generate"], MLX)
    assert float(said["--threshold"]) == float(said["--min-threshold"]) == 0.875
    assert (said["--block-length"], said["--max-denoising-steps"]) == ("32", "32")


# -- every engine ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_the_readme_says_what_was_exported_what_it_costs_and_what_is_lost(tmp_path, engine):
    what = BOUND if engine in ("transformers", "vllm") else PLAN
    exported = export(what, engine, tmp_path / "new" / "folder")
    readme = (tmp_path / "new" / "folder" / "README.md").read_text()
    assert f"What {exported.engine} does not honour" in readme
    assert "nats/token" in readme
    assert "temperature 1" in readme
    assert exported.how in readme
    assert all(sentence in readme for sentence in exported.cannot)
    if what is BOUND:
        assert any("not a promise" in sentence for sentence in exported.cannot)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_written_is_written_for_its_engine_alone(engine):
    """Engines that take sizes refuse knobs and the other way round, in one line."""
    refused = []
    for what in (PLAN, KNOB, BOUND, exported_plans.knob_of("klass", 0.9)):
        try:
            assert translate(what, engine).files
        except InputError as error:
            refused.append(str(error))
    assert 1 <= len(refused) < 4  # no engine knows KLASS
    assert all("\n" not in words and engine in words for words in refused)


def test_order_and_law_are_honoured_by_the_engines_that_say_so():
    given = exported_plans.plan_of((Given([3, 1, 0, 2]), [1, 3]))
    assert [engine for engine in ENGINES if _honours(given, engine)] == ["diffusers", "sglang"]
    uniform = exported_plans.plan_of((Uniform(), [1, 3]))
    assert [engine for engine in ENGINES if _honours(uniform, engine)] == [
        "diffusers",
        "dllm",
        "dream",
        "llada",
        "sglang",
    ]
    random = exported_plans.plan_of((BitReversal(), [1, 3]))
    assert not any(_honours(random, engine) for engine in ENGINES)


def _honours(plan, engine):
    try:
        return translate(plan, engine).cannot == ()
    except InputError:
        return False


def test_an_unknown_engine_suggests_the_nearest():
    with pytest.raises(InputError, match="engine 'sglan' is unknown; did you mean 'sglang'"):
        translate(PLAN, "sglan")
    with pytest.raises(InputError, match="there are diffusers, dllm, dream"):
        translate(PLAN, "zzz")


def test_a_file_in_the_way_is_said_in_one_line(tmp_path):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(InputError, match=r"cannot write into .*taken: .*; choose a folder"):
        export(PLAN, "llada", tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "mine"


def test_exporting_needs_no_torch(tmp_path):
    """The exporters write for networks they never load."""
    import subprocess

    code = (
        "import sys; from reference import exported_plans; from unmask.exporting.export import ENGINES, export\n"
        "from unmask.theory.reveal_orders import Uniform\n"
        "plan, bound = exported_plans.plan_of((Uniform(), [1, 3])), exported_plans.knob_of('entropy_bound', 0.1)\n"
        "for engine in ENGINES:\n"
        f"    export(bound if engine in ('transformers', 'vllm') else plan, engine, {str(tmp_path)!r} + '/' + engine)\n"
        "assert not {'torch', 'transformers', 'diffusers', 'matplotlib'} & set(sys.modules), sys.modules.keys()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


OWN = """
from unmask.exporting.exported_plan import Exported

def mine(what):
    return Exported("mine", "nothing", {"mine.txt": f"{what.steps} steps"}, "Read it.", (), "A plan.")

def wrong(what):
    return "text"

def broken(what):
    return what.nothing
"""


def test_an_exporter_in_a_file_of_one_s_own_is_an_engine(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    export(PLAN, f"{tmp_path}/own.py:mine", tmp_path / "out")
    assert (tmp_path / "out" / "mine.txt").read_text() == "3 steps"
    assert (tmp_path / "out" / "README.md").read_text().startswith("# For mine\n")


@pytest.mark.parametrize(
    ("engine", "says"),
    [
        ("own.py:min", r"own.py has no function 'min'; did you mean 'mine'"),
        ("own.py:wrong", r"own.py:wrong made 'text'; expected an Exported"),
        ("own.py:broken", r"own.py:broken failed: .* no attribute 'nothing'"),
        ("own.py:mine:3", r"own.py:mine takes no settings; got '3'"),
        ("own.py", r"say which function makes the engine: .*own.py:NAME"),
        ("none.py:mine", r"there is no file .*none.py"),
    ],
)
def test_mistakes_in_such_a_file_are_said_in_one_line(tmp_path, engine, says):
    (tmp_path / "own.py").write_text(OWN)
    with pytest.raises(InputError, match=says):
        export(PLAN, f"{tmp_path}/{engine}", tmp_path / "out")
    assert not (tmp_path / "out").exists()
