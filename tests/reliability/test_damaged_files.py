"""Files of every format, damaged at random: each is read, or refused in one short line; nothing else happens.

The fast tests take a few hundred damages of each format, the slow one more than ten thousand in all.
"""

import json
import shutil
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import unmask
from reference import exported_plans
from reliability.mutations import mutated
from unmask import cli
from unmask.errors import InputError
from unmask.evaluation.compare.comparison import FORMAT as COMPARISON
from unmask.evaluation.compare.trial import Calls, Timing, Trial
from unmask.evaluation.share import Share
from unmask.evaluation.text_quality import text_quality
from unmask.exporting.export import ENGINES, load, translate
from unmask.files import read_json
from unmask.laws import MarkovChain
from unmask.measuring.dependence_profile import measure_dependence_profile
from unmask.measuring.estimate import Estimate
from unmask.measuring.measurement import Measurement
from unmask.measuring.overlap_table import Overlaps
from unmask.measuring.overlaps import measure_overlaps
from unmask.order_search.dependence import Dependence, measure_dependence
from unmask.planning.exact_plan import ExactPlan, plan_exact
from unmask.planning.known_curve import KnownCurve, read_curve
from unmask.planning.plan import Plan
from unmask.planning.planner import Planner
from unmask.planning.summary import plan_rows
from unmask.planning.tuned_rule import TunedRule
from unmask.schemas.formats import FORMATS
from unmask.schemas.strict_json import parse
from unmask.theory.dependence_profile import DependenceProfile
from unmask.theory.reveal_orders import BitReversal, Given, Uniform
from unmask.training.options import TrainingOptions

LONGEST_LINE = 200
"""Characters of an error besides the name of the file."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("damaged")


@pytest.fixture(scope="module")
def whole(folder):
    """One good file of every format, as the package itself writes it, and what reads it."""
    law = MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], 8)
    measured = unmask.measure(unmask.oracle(law), law.sample(12, 0), orders=["bit_reversal"], settings={"data": "x"})
    plan = exported_plans.plan_of(
        (Uniform(), [1, 3, 4]),
        (BitReversal(), [2, 6]),
        (Given([7, 6, 5, 4, 3, 2, 1, 0]), [4, 4]),
        bounds={"li_cai": 1.0},
    )
    dependence = measure_dependence(unmask.oracle(law), law.sample(6, 0), seed=0)
    profile = measure_dependence_profile(unmask.oracle(law), law.sample(6, 0), seed=0)
    overlaps = measure_overlaps(unmask.oracle(law), law.sample(8, 0), ("bit_reversal", Given(range(8))), largest=4)
    exact_plan = plan_exact(overlaps)
    trial = Trial(
        "planned:2", "planned", "T = 2", "replay", predicted=exported_plans.PRICE, scored=exported_plans.PRICE,
        nats=4.0, scored_calls=2.0, step_prices=(0.0, 0.5), step_sizes=(4.0, 4.0), calls=Calls(2.0, 2, 2, {2: 4}),
        tokens_per_call=4.0, reveals=((0.5, 0.5), (0.5, 0.5)), reveal_steps=2,
        quality=text_quality(law.sample(4, 0), law.sample(4, 1)), valid=Share(3, 4), timing=Timing(0.1, 9.0, 2, 1),
        texts=("ab",), notes=("n",),
    )  # fmt: skip
    run = {"format": "unmask.run/2", "data_sha256": "0" * 64,
           "options": TrainingOptions(("x.txt",), optimizer_steps=3).to_dict()}  # fmt: skip
    checkpoint = {
        "format": "unmask.checkpoint/1", "step": 3, "progress": 0.5, "best": True, "files": {"weights": "0" * 64},
        "position": {"step": 3, "seconds": 1.5, "best": 2.0, "next_look": 0.5},
    }  # fmt: skip
    card = {
        "format": "unmask.model/1",
        "data": ["law:toy"],
        "length": 8,
        "mask_token_id": 2,
        "held_out": {"nelbo": 1.0},
    }
    comparison = {"format": COMPARISON, "model": {"name": "m", "digest": ""}, "texts": "0" * 16, "given": 0, "seed": 0,
                  "random_orders": 2, "samples": 4, "judge": "", "mauve": False, "batch": 2, "rounds": 1}  # fmt: skip
    timing = {"format": "unmask.timing/1", "latency": 0.1, "throughput": 9.0, "batch": 2, "rounds": 1}
    return {
        "unmask.curve/2": (measured.to_dict(), _plan_of(Measurement.load)),
        "curve alone": ({"values": [2.0, 1.5, 1.0, 0.5], "stderr": [0.1, 0.1, 0.1, 0.1]}, _plan_of(known)),
        "unmask.plan/2": (plan.to_dict(), use_plan),
        "unmask.dependence/1": (dependence.to_dict(), use_dependence),
        "unmask.profile/1": (profile.to_dict(), use_profile),
        "unmask.overlaps/1": (json.loads(overlaps.save(folder / "o").read_text()), use_overlaps),
        "unmask.exact_plan/1": (exact_plan.to_dict(), use_exact_plan),
        "unmask.tuned/1": (exported_plans.knob_of("entropy_bound", 0.1).to_dict(), use_plan),
        "unmask.trial/1": (trial.to_dict(), lambda path: json.dumps(Trial.load(path).to_dict(), allow_nan=False)),
        "unmask.run/2": (run, lambda path: TrainingOptions.from_dict(read_json(path, "unmask.run/2")["options"])),
        "unmask.checkpoint/1": (checkpoint, lambda path: read_json(path, "unmask.checkpoint/1")),
        "unmask.model/1": (card, lambda path: read_json(path, "unmask.model/1")),
        "unmask.compare/1": (comparison, lambda path: read_json(path, "unmask.compare/1")),
        "unmask.timing/1": (timing, lambda path: read_json(path, "unmask.timing/1")),
    }


def known(path):
    return KnownCurve(read_curve(path), "c")


def _plan_of(load):
    def use(path):
        measured = load(path)
        planner = Planner(measured)
        plans = [planner.plan(steps) for steps in sorted({1, min(2, planner.max_steps)})]
        json.dumps([plan.to_dict() for plan in plans], allow_nan=False)
        json.dumps(plan_rows(planner, plans), allow_nan=False)

    return use


def use_dependence(path):
    found = Dependence.load(path)
    json.dumps(found.to_dict(), allow_nan=False)
    found.pairs(), found.relative(), repr(found)


def use_profile(path):
    found = DependenceProfile.load(path)
    json.dumps(found.to_dict(), allow_nan=False)
    repr(found)


def use_overlaps(path):
    found = Overlaps.load(path)
    found.save(path)
    use_exact(plan_exact(found))
    plan_exact(found, draft=1)


def use_exact_plan(path):
    use_exact(ExactPlan.load(path))


def use_exact(found):
    json.dumps(found.to_dict(), allow_nan=False)
    repr(found), found.cost, found.sampler()


def use_plan(path):
    """All that can be done with a plan or a tuned rule."""
    found = load(path)
    json.dumps(found.to_dict(), allow_nan=False)
    repr(found)
    for engine in ENGINES:
        try:
            translate(found, engine).readme()
        except InputError as refused:
            short(refused)
    found.sampler() if isinstance(found, TunedRule) else found.draw(0)


def short(refused, path=""):
    assert len(str(refused).replace(str(path), "")) <= LONGEST_LINE, refused


def check(name, whole, folder, seed):
    """Use a damaged file: it works, or it is refused in one short line that names it."""
    value, use = whole[name]
    path = folder / f"{name.replace('/', '-').replace(' ', '-')}.json"
    path.write_bytes(mutated(value, seed))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            use(path)
    except InputError as refused:
        line = str(refused)
        assert "\n" not in line, (seed, line)
        assert line.isprintable(), (seed, line)
        assert len(line.replace(str(path), "")) <= LONGEST_LINE, (seed, line)


NAMES = [*FORMATS, "curve alone"]


@pytest.mark.parametrize("name", NAMES)
def test_an_undamaged_file_is_read(name, whole, folder):
    value, use = whole[name]
    path = folder / "good.json"
    path.write_text(json.dumps(value))
    use(path)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_a_damaged_file_is_read_or_refused_in_one_line(name, whole, folder, seed):
    check(name, whole, folder, seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_thousand_and_more_damages_of_each_format(name, whole, folder):
    """1,200 of each of ten formats, the same every time."""
    for seed in range(1200):
        check(name, whole, folder, seed)


def test_every_format_that_is_read_back_has_a_schema():
    """A format of the package without one would be held to the limits of JSON alone."""
    import re
    from pathlib import Path

    source = Path(unmask.__file__).parent
    texts = {path: path.read_text(encoding="utf-8") for path in source.rglob("*.py") if "schemas" not in path.parts}
    stated = {found for text in texts.values() for found in re.findall(r'"(unmask\.\w+/\d+)"', text)}
    only_written = {"unmask.verification/1", "unmask.comparison/1", "unmask.certificate/2", "unmask.accuracy/1"}
    earlier = {"unmask.curve/1"}  # refused by name
    assert stated - only_written - earlier <= set(FORMATS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000, "stand inside one another"),
        ("[" * 40 + "]" * 40, "more than 32 lists or objects stand inside one another"),
        ('{"a":' * 33 + "1" + "}" * 33, "more than 32 lists or objects"),
        ("9" * 5000, "a whole number of 5000 digits is beyond what 64 bits hold"),
        ("-9223372036854775809", "beyond what 64 bits hold"),
        ("1e400", "the number 1e400 is beyond what 64 bits hold"),
        ("NaN", "NaN is no number of JSON"),
        ("-Infinity", "-Infinity is no number of JSON"),
        ('{"a": 1, "b": 2, "a": 3}', "'a' stands twice in one object"),
        ('"\\ud800"', "half of a surrogate pair"),
        ('{"\\udc00": 1}', "half of a surrogate pair"),
        ("[1,]", "line 1 column 4"),
        (b"\xff", "byte 0 is not UTF-8"),
    ],
)  # fmt: skip
def test_what_is_no_json_is_refused_in_a_few_words(text, words):
    with pytest.raises(ValueError, match=words) as refused:
        parse(text)
    assert len(str(refused.value)) < 100


@pytest.mark.parametrize("text", ["[" * 32 + "]" * 32, "9223372036854775807", '"\\ud83d\\ude00"', "1e308", "[1e-999]"])
def test_what_is_within_the_limits_is_read(text):
    assert parse(text) == json.loads(text)


@settings(max_examples=40)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(codec="utf-8")),
        lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inside),
        max_leaves=12,
    )
)  # fmt: skip
@example([[]])
def test_everything_that_is_written_is_read_back(value):
    assert parse(json.dumps(value, allow_nan=False)) == value
    assert parse(json.dumps(value, ensure_ascii=False).encode()) == value


def test_a_file_that_never_ends_is_refused_and_not_held_in_memory(capsys):
    with pytest.raises(InputError, match="more than 67,108,864 bytes"):
        read_json("/dev/zero", "unmask.plan/2")
    assert cli.main(["plan", "/dev/zero", "--steps", "2"]) == 2
    assert capsys.readouterr().err.startswith("unmask: /dev/zero has more than")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_a_damaged_array_of_tokens_is_read_or_refused(folder, seed):
    """`.npy` files with bytes changed, cut or added; also archives and what only looks like one."""
    from unmask.measuring.text_files import read_texts

    rng = np.random.default_rng(seed)
    path = folder / "tokens.npy"
    np.save(path, rng.integers(0, 2, (3, 8)))
    data = bytearray(path.read_bytes())
    for _ in range(rng.integers(1, 4)):
        data[rng.integers(min(len(data), 140))] = rng.integers(256)
    data = data[: rng.integers(len(data) + 1)] if rng.random() < 0.2 else data
    path.write_bytes(b"PK\x03\x04" + bytes(data[4:]) if rng.random() < 0.1 else bytes(data))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read_texts(unmask.oracle(MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], 8)), path)
    except InputError as refused:
        short(refused, path)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_damaged_lines_of_tokens_are_read_or_refused(folder, seed):
    from unmask.measuring.text_files import read_texts
    from unmask.measuring.texts import check_texts

    predictor = unmask.oracle(MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], 8))
    path = folder / "tokens.jsonl"
    path.write_bytes(mutated([0, 1, 0, 1, 1, 1, 0, 0], seed) + b"\n" + mutated({"tokens": [0, 1] * 4}, seed + 1))
    try:
        check_texts(predictor, read_texts(predictor, path))
    except InputError as refused:
        short(refused, path)


@pytest.mark.parametrize("count", [12, pytest.param(400, marks=pytest.mark.slow)])
def test_a_model_folder_with_damaged_files_is_loaded_or_refused(folder, count, toy, monkeypatch):
    """config.json, unmask.json and the tokenizer's two files of a shipped model, one of them damaged.

    Whatever a damaged file says, nothing is looked for on the network.
    """
    import socket

    asked = []
    for name in ("getaddrinfo", "create_connection"):
        monkeypatch.setattr(socket, name, lambda *address, **options: asked.append(address))
    for seed in range(count):
        name = ("config.json", "unmask.json", "tokenizer.json", "tokenizer_config.json")[seed % 4]
        model = folder / "model"
        shutil.rmtree(model, ignore_errors=True)
        shutil.copytree(toy, model)
        value = json.loads((model / name).read_text(encoding="utf-8"))
        (model / name).write_bytes(mutated(value, seed))
        try:
            predictor = unmask.load(str(model), device="cpu")
            predictor.encode("a b")
        except InputError as refused:
            line = str(refused)
            assert "\n" not in line
            assert len(line.replace(str(model), "")) <= 2 * LONGEST_LINE, (seed, line)
        assert not asked, seed


@pytest.fixture(scope="module")
def toy():
    from unmask.models.checkpoint_folder import folder_of

    return folder_of("toy")


def test_the_plan_that_was_saved_is_the_plan_that_is_read(whole, folder):
    value, _ = whole["unmask.plan/2"]
    path = folder / "same.plan.json"
    path.write_text(json.dumps(value))
    plan = Plan.load(path)
    assert plan.to_dict() == value
    assert isinstance(plan.price, Estimate)
    assert plan.price_per_token == plan.price
