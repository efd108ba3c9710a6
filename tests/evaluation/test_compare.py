import json
from dataclasses import replace

import numpy as np
import pytest
import torch

import unmask
from unmask import InputError, laws, recipes
from unmask.evaluation import tasks
from unmask.evaluation.compare.attempt import Attempts, reveal_map
from unmask.evaluation.compare.comparison import Request, Run
from unmask.evaluation.compare.ground import Ground, step_prices
from unmask.evaluation.compare.rules import LADDERS, Rules, chosen, ladder
from unmask.evaluation.compare.trial import Trial, undominated
from unmask.sampling import rule_names
from unmask.sampling.parts import Stop
from unmask.sampling.rules.rule import Rule

LAW = laws.MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], 8)


def ground(law=LAW, n=400, **options):
    return Ground(unmask.oracle(law), law.sample(n, 0), source="drawn", **options)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A comparison of a few rules on a chain."""
    folder = tmp_path_factory.mktemp("compare")
    request = Request("equal_sizes,planned,threshold:0.7,llada:steps=4", (2, 4), samples=200, rounds=1, batch=2)
    return Run(ground(), request, folder).run(), folder


def by_key(found):
    return {trial.key: trial for trial in found.trials}


def test_scored_prices_of_fixed_sizes_agree_with_the_exact_ones(done):
    for steps in (2, 4):
        trial = by_key(done[0])[f"equal_sizes:{steps}"]
        exact = unmask.price(LAW.curve(), unmask.Schedule.uniform(8, steps))
        assert trial.exact == pytest.approx(exact)
        assert abs(trial.scored.value - exact) < 2.5 * (trial.scored.high - trial.scored.value)  # error below 1 in 10^5
        assert trial.mean_calls == steps
        assert trial.predicted is not None


def test_step_prices_add_up_to_the_price_and_sizes_to_the_length(done):
    for trial in done[0].scored:
        assert sum(trial.step_prices) == pytest.approx(trial.scored.value, abs=1e-4)
        assert sum(trial.step_sizes) == pytest.approx(8)


def test_step_prices_of_one_token_at_a_time_are_zero():
    it = ground(n=60)
    prices, sizes = step_prices(it.alone, it.cumulative)
    np.testing.assert_allclose(prices, 0, atol=1e-9)
    np.testing.assert_allclose(sizes, 1)


def test_rules_that_read_draws_are_measured_only_and_have_no_nats(done):
    trial = by_key(done[0])["llada:steps=4"]
    assert trial.how.startswith("measured only")
    assert trial.scored is None
    assert trial.calls.mean == 4
    assert trial in done[0].measured_only
    assert trial not in done[0].scored


def test_a_rule_that_fails_is_reported_and_the_others_go_on(tmp_path, monkeypatch):
    class Broken(Stop):
        def __call__(self, step):
            raise RuntimeError("out of luck\nand more")

    made = Rule(lambda: replace(recipes.margin(2), stop=Broken()), does="fails")
    monkeypatch.setitem(rule_names.RULES, "broken", made)
    found = Run(ground(n=40), Request("equal_sizes,broken,margin", (2,), samples=4, rounds=0), tmp_path).run()
    (failed,) = found.failed
    assert failed.key == "broken"
    assert failed.error == "RuntimeError: out of luck"
    assert [trial.error for trial in found.trials] == [None, "RuntimeError: out of luck", None]
    assert failed not in found.scored
    assert failed not in found.measured_only


def test_the_reveal_map_has_columns_that_sum_to_one(done):
    for trial in done[0].trials:
        if trial.error is None:
            np.testing.assert_allclose(np.sum(trial.reveals, axis=0), 1)


def test_a_long_run_is_folded_into_few_rows():
    chain = laws.MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], 100)
    out = unmask.sample(unmask.oracle(chain), recipes.left_to_right(1), n=2, seed=0)
    shares, per_row = reveal_map(out)
    assert per_row == 3
    assert len(shares) == 34
    assert len(shares[0]) == 48
    np.testing.assert_allclose(np.sum(shares, axis=0), 1)
    assert np.argmax(shares, axis=0).tolist() == sorted(np.argmax(shares, axis=0).tolist())


def test_trials_survive_their_files(done):
    for path in sorted((done[1] / "trials").iterdir()):
        trial = Trial.load(path)
        assert Trial.from_dict(trial.to_dict()).to_dict() == trial.to_dict()
    path.write_text(json.dumps({"format": "unmask.trial/1"}))
    with pytest.raises(InputError, match="not a whole"):
        Trial.load(path)


def test_undominated_rules_are_cheaper_the_more_calls_they_take(done):
    kept = undominated(done[0].scored)
    assert [trial.scored.value for trial in kept] == sorted((trial.scored.value for trial in kept), reverse=True)
    for trial in done[0].scored:
        if trial not in kept:
            assert any(
                other.mean_calls <= trial.mean_calls and other.scored.value <= trial.scored.value for other in kept
            )


def test_an_interrupted_comparison_goes_on_and_comes_to_the_same(tmp_path, monkeypatch):
    request = Request("equal_sizes,threshold:0.7,margin", (2, 4), samples=8, rounds=0)
    whole = Run(ground(n=40), request, tmp_path / "whole").run()
    tried = []
    original = Attempts.attempt

    def stopping(self, entry):
        tried.append(entry.key)
        if len(tried) == 3:
            raise KeyboardInterrupt
        return original(self, entry)

    monkeypatch.setattr(Attempts, "attempt", stopping)
    with pytest.raises(KeyboardInterrupt):
        Run(ground(n=40), request, tmp_path / "parts").run()
    monkeypatch.setattr(Attempts, "attempt", original)
    resumed = Run(ground(n=40), request, tmp_path / "parts").run(resume=True)
    assert [trial.to_dict() for trial in resumed.trials] == [trial.to_dict() for trial in whole.trials]


def test_a_folder_is_never_filled_from_two_comparisons(tmp_path):
    request = Request("equal_sizes", (2,), samples=4, rounds=0)
    Run(ground(n=40), request, tmp_path).run()
    with pytest.raises(InputError, match="not empty"):
        Run(ground(n=40), request, tmp_path).run()
    with pytest.raises(InputError, match="another texts"):
        Run(ground(n=42), request, tmp_path).run(resume=True)
    Run(ground(n=42), request, tmp_path).run(force=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds no comparison"):
        Run(ground(n=42), request, tmp_path / "mine").run(force=True)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("planned,threshold:0.9", ["planned", "threshold:0.9"]),
        ("llada:steps=8,block_length=16,margin", ["llada:steps=8,block_length=16", "margin"]),
        ("entropy-bound:0.1", ["entropy_bound:0.1"]),
    ],
)
def test_rules_are_separated_by_commas_and_keep_their_parameters(words, names):
    assert chosen(words) == names


@pytest.mark.parametrize(
    ("words", "says"),
    [("treshold:0.9", "did you mean 'threshold'"), ("", "is empty"), ("planed", "did you mean 'planned'")],
)
def test_unknown_rules_are_named_with_the_nearest(words, says):
    with pytest.raises(InputError, match=says):
        chosen(words)


def test_every_recipe_has_a_ladder_and_every_ladder_makes_samplers():
    assert set(LADDERS) | {"renoise"} == set(rule_names.RULES)
    measured = ground(n=40).measure(["left_to_right"], lambda words: None)
    entries = Rules(measured, [2, 4]).entries(chosen("all", ["left_to_right"]))
    assert len({entry.key for entry in entries}) == len(entries) > 50
    for entry in entries:
        assert entry.make() is not None
        assert chosen(entry.key, ["left_to_right"]) == [entry.key]


def test_the_ladder_halves_down_to_a_sixteenth():
    assert ladder(64) == [4, 8, 16, 32]
    assert ladder(3) == [1]


def test_prompts_are_given_and_right_answers_counted():
    task = tasks.task("list_copy:items=3,names=4")
    it = Ground(
        unmask.oracle(task.law),
        task.law.sample(60, 0),
        given=task.prompt_length,
        task=task,
        source="drawn",
        random_orders=1,
    )
    assert it.length == 3
    measured = it.measure([], lambda words: None)
    entry = Rules(measured, [1]).entries(["equal_sizes:1"])[0]
    trial = Attempts(it, 40).attempt(entry)
    assert trial.error is None
    assert trial.valid.value == 1  # an answer that the prompt determines is right in one step
    assert trial.scored.value == pytest.approx(0, abs=1e-6)
    assert trial.quality.tokens == 120


def test_texts_the_model_finds_impossible_are_said_to_be():
    task = tasks.task("permutation")
    wrong = np.zeros((10, task.law.length), dtype=np.int64)
    with pytest.raises(InputError, match="probability 0"):
        _ = Ground(unmask.oracle(task.law), wrong).alone


def test_too_few_texts_are_refused():
    with pytest.raises(InputError, match="at least 8"):
        ground(n=6)


def test_scores_know_the_step_of_every_token():
    rows = LAW.sample(5, 0)
    found = unmask.score(unmask.oracle(LAW), recipes.left_to_right(2), rows)
    assert found.order_steps.shape == (1, 5, 8)
    assert torch.equal(found.order_steps[0, 0], torch.arange(8) // 2)
    replayed = unmask.score(unmask.oracle(LAW), recipes.threshold(0.8), rows)
    assert int(replayed.order_steps.min()) == 0
    assert (replayed.order_steps.amax(2)[0] + 1 == replayed.network_calls).all()
