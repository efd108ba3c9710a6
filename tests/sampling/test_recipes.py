"""What every named sampler keeps to, whatever it does: one table, all recipes."""

from dataclasses import replace

import pytest
import torch

import unmask
from reference.seeing_network import SeeingNetwork
from unmask import orders, recipes
from unmask.sampling import rule_names
from unmask.sampling.rules import prophet, remdm
from unmask.sampling.rules.catalogue import CATALOGUE

LENGTH = 9
MASK = 10

PLANNED = recipes.planned(unmask.Schedule([1, 2, 6]))
SPACED = recipes.spaced(recipes.entropy_bound(3.0), gap=3)
# rule: (whether its price is predictable, how it is scored); a rule that is not here keeps to everything else
CLAIMS = {
    "planned": (True, "planned"),
    "one_by_one": (True, "planned"),
    "first_hitting": (True, "planned"),
    "left_to_right": (True, "planned"),
    "dilated": (True, "planned"),
    "exact": (True, "replay"),
    "ancestral": (False, "planned"),
    "maskgit": (False, "reads tokens drawn"),
    "llada": (False, "reads tokens drawn"),
    "moment": (False, "replay"),
    "dream": (False, "replay"),
    "margin": (False, "replay"),
    "confidence": (False, "replay"),
    "threshold": (False, "replay"),
    "factor": (False, "replay"),
    "entropy_bound": (False, "replay"),
    "entropy_sum": (False, "replay"),
    "spaced": (False, "replay"),
    "klass": (False, "replay"),
    "credit": (False, "replay"),
    "punt": (False, "reads tokens drawn"),
    "wino": (False, "taken back or rewritten"),
    "prophet": (False, "the stop rule commits"),
    "remdm": (False, "taken back or rewritten"),
    "p2": (False, "taken back or rewritten"),
    "rcr": (False, "taken back or rewritten"),
    "edit": (False, "taken back or rewritten"),
    "renoise": (False, "taken back or rewritten"),
    "entropy_threshold": (False, "replay"),
    "frechet": (False, "replay"),
    "less": (False, "replay"),
    "hierarchy": (False, "replay"),
    "pipeline": (False, "replay"),
    "pc_sampler": (False, "replay"),
    "slow_fast": (False, "replay"),
    "sched": (False, "the stop rule commits"),
    "info_gain": (False, "reads tokens drawn"),
}
VARIANTS = {
    "remdm, rescaled": recipes.remdm(12, eta=0.5, remasking=remdm.Rescaled),
    "remdm, least confident": recipes.remdm(12, remasking=remdm.LeastConfident),
    "wino, whole canvas": recipes.wino(0.2, verify=0.3, block_length=None),
    "klass in blocks": recipes.klass(0.2, epsilon=0.5, history=1, block_length=4),
    "credit in blocks": recipes.credit(0.4, block_length=4),
    "punt in blocks": recipes.punt(0.5, block_length=4),
    "prophet in blocks": recipes.prophet(6, gaps=(2.0, 1.0, 0.5), block_length=4),
    "edit, whole canvas": recipes.edit(0.3, edit_threshold=0.2, block_length=None, max_post_steps=2),
    "punt, early commit": recipes.punt(0.5).ending(prophet.EarlyCommit((1.5, 1.0, 0.5))),
    "planned, early commit": PLANNED.ending(prophet.EarlyCommit((1.5, 1.0, 0.5))),
    "tempered punt": recipes.punt(0.5).drawing(temperature=0.7, top_p=0.9),
    "tempered p2": recipes.p2(6).drawing(temperature=0.7),
    "remdm, top_p": recipes.remdm(12, eta=0.2).drawing(top_p=0.9),
    "remdm in a loop": recipes.remdm(20, eta=0.1, remasking=remdm.Loop),
    "rcr, whole canvas": recipes.rcr(6, block_length=None),
    "p2, standing": recipes.p2(6, eta=2.0, standing=True),
    "prophet of an answer": recipes.prophet(6, gaps=(2.0, 1.0, 0.5), region=(5, 8), block_length=4),
    "less in blocks": recipes.less(0.2, drift=0.3, persistence=1, block_length=4),
    "pipeline by entropy": recipes.pipeline(1.6, block_length=3, by_entropy=True),
    "slow and fast in blocks": recipes.slow_fast(0.4, frontier=0.25, explore=2, block_length=4),
    "threshold of drawn tokens": recipes.threshold(0.3, drawn=True),
    "credit by entropy": replace(recipes.entropy_bound(0.5), reading=recipes.credit().reading),
}
EXAMPLES = {name: rule_names.from_name(f"{name}:{rule.example}") for name, rule in rule_names.RULES.items()}
SAMPLERS = EXAMPLES | {"planned": PLANNED, "spaced": SPACED} | VARIANTS
every = pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)


def run(sampler, network=None, **options):
    options = {"n": 8, "length": LENGTH, "seed": 5} | options
    network = SeeingNetwork() if network is None else network
    network.uniform_state = sampler.start is not None
    return unmask.sample(network, sampler, **options)


def fitted(sampler, masked):
    """The sampler itself, or a plan for so many masked positions."""
    if not hasattr(sampler.selection, "plan"):
        return sampler
    return replace(recipes.planned(unmask.Schedule.uniform(masked, 3)), stop=sampler.stop)


def test_every_rule_is_found_by_its_name_everywhere():
    for name, rule in CATALOGUE.items():
        assert rule.name == name
        assert getattr(recipes, name) is rule.recipe
        assert rule.does
    assert set(recipes.__all__) == {*CATALOGUE, "as_sampler"}


@pytest.mark.parametrize("name", CLAIMS)
def test_what_is_claimed_for_each_recipe(name):
    sampler = SAMPLERS[name]
    predictable, scored = CLAIMS[name]
    assert sampler.predictable is predictable
    if scored in ("planned", "replay"):
        assert sampler.scorable.kind == scored
    else:
        assert sampler.scorable.kind == "measured only"
        assert scored in sampler.scorable.reason


def test_nothing_is_predicted_or_replayed_once_a_stop_commits_tokens():
    planned = VARIANTS["planned, early commit"]
    assert not planned.predictable
    assert "the stop rule commits" in planned.scorable.reason


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_recipe_with_a_paper_cites_it(name):
    cited = unmask.cite(SAMPLERS[name])
    assert CATALOGUE[name].paper in cited
    assert bool(cited) is bool(CATALOGUE[name].paper)
    assert all("arXiv" in line for line in cited.splitlines())
    assert len(set(cited.splitlines())) == len(cited.splitlines())


@every
def test_same_seed_same_sample(sampler):
    first, second, other = run(sampler), run(sampler), run(sampler, seed=6)
    assert torch.equal(first.tokens, second.tokens)
    assert first.trace.steps() == second.trace.steps()
    assert not torch.equal(first.tokens, other.tokens)


@every
def test_a_batch_of_eight_equals_eight_batches_of_one(sampler):
    together = run(sampler)
    for row in range(8):
        alone = run(sampler, n=1, seeds=together.seeds[row : row + 1])
        assert torch.equal(alone.tokens[0], together.tokens[row])
        assert alone.network_calls[0] == together.network_calls[row]
        assert alone.steps[0] == together.steps[row]
    assert torch.equal(run(sampler, batch_size=3).tokens, together.tokens)
    shuffle = torch.tensor([4, 2, 5, 0, 7, 3, 6, 1])
    assert torch.equal(run(sampler, seeds=together.seeds[shuffle]).tokens, together.tokens[shuffle])


@every
def test_no_mask_is_left_and_no_recipe_reaches_its_cap(sampler):
    out = run(sampler, SeeingNetwork(favourite=MASK, forbidden_ids=(MASK, 7)), n=20)
    assert not torch.isin(out.tokens, torch.tensor([7, MASK])).any()
    assert ((out.tokens >= 0) & (out.tokens < MASK)).all()
    declared = max(int(getattr(part, "steps", None) or 0) for part in sampler.parts)
    assert int(out.steps.max()) < 4 * LENGTH + declared + 64


@every
def test_given_tokens_stay_as_they_are_anywhere(sampler):
    known = torch.tensor([1, 0, 0, 1, 1, 0, 0, 0, 1], dtype=torch.bool)
    tokens = torch.tensor([MASK, 0, 0, 3, MASK, 0, 0, 0, 8])  # prompts may hold the mask token's id
    out = run(fitted(sampler, 5), infill=(tokens, known), length=None)
    assert torch.equal(out.tokens[:, known], tokens[known].expand(8, -1))
    assert not (out.tokens[:, ~known] == MASK).any()
    for line in out.trace:
        touched = line["positions"] + line.get("released", []) + line.get("rewritten", [])
        assert not known[touched].any()


@every
def test_ragged_prompts_give_each_row_what_it_gets_alone(sampler):
    sampler = fitted(sampler, 4)
    prompts = [[1, MASK, 3], [4], [5, 6, 7]]
    out = run(sampler, n=None, length=None, new_tokens=4, prompt=prompts)
    for row, prompt in enumerate(prompts):
        alone = run(sampler, n=1, length=None, new_tokens=4, prompt=prompt, seeds=out.seeds[row : row + 1])
        assert alone.rows()[0] == out.rows()[row]


@every
def test_the_trace_tells_how_the_text_came_about(sampler):
    out = run(sampler)
    for row in range(8):
        text, log_probs = {}, {}
        for line in out.trace.row(row):
            for position in line.get("released", []):
                assert position in text or position in line["positions"]
            text |= dict(zip(line["positions"], line.get("tokens", []), strict=True))
            log_probs |= dict(zip(line["positions"], line.get("log_probs", []), strict=True))
            text |= dict(zip(line.get("rewritten", []), line.get("rewritten_tokens", []), strict=True))
        assert [text[position] for position in range(LENGTH)] == out.tokens[row].tolist()
        if not any("rewritten" in line for line in out.trace.row(row)):
            expected = torch.tensor([log_probs[position] for position in range(LENGTH)])
            torch.testing.assert_close(out.log_probs[row], expected)
        assert line["network_calls"] <= out.network_calls[row]


@every
def test_every_call_is_counted_for_the_row_it_serves(sampler):
    network = SeeingNetwork()
    out = run(sampler, network)
    assert int(out.canvases.sum()) == network.rows_served
    assert (out.network_calls == out.canvases).all() or sampler.speculation is not None
    assert torch.equal(run(sampler, SeeingNetwork(calls_per_query=2)).network_calls, 2 * out.network_calls)


@every
def test_a_bad_prediction_is_an_error_and_nothing_is_sampled(sampler):
    class Poisoned(SeeingNetwork):
        def log_probs(self, tokens, known, wanted):
            laws = super().log_probs(tokens, known, wanted)
            return laws.fill_(torch.nan) if self.forwards == 2 else laws

    with pytest.raises(unmask.InputError, match="NaN, infinite or all-forbidden"):
        run(sampler, Poisoned())


def test_orders_can_be_given_to_any_rule_by_replacing_its_order():
    left = recipes.one_by_one(order=orders.LeftToRight()).order
    out = run(replace(SAMPLERS["klass"], order=left, selection=replace(SAMPLERS["klass"].selection, epsilon=0.0)))
    assert [line["positions"][0] for line in out.trace.row(0)] == list(range(LENGTH))
