"""The loop: what every sampler must keep to, whatever its parts."""

from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import unmask
from reference.tiny_network import TinyNetwork
from unmask import laws, orders, recipes
from unmask.sampling import stopping
from unmask.sampling.parts import Priority
from unmask.sampling.priorities import Confidence
from unmask.sampling.selections import Each

LENGTH = 12
RECIPES = {
    "planned": recipes.planned(unmask.Schedule([1, 2, 3, 6])),
    "one_by_one": recipes.one_by_one(),
    "ancestral": recipes.ancestral(30),
    "maskgit": recipes.maskgit(4),
    "moment": recipes.moment(4),
    "llada": recipes.llada(steps=6, block_length=4),
    "dream": recipes.dream(20, noise=0.5),
    "margin": recipes.margin(5),
    "threshold": recipes.threshold(0.4),
    "factor": recipes.factor(2.0),
    "entropy_bound": recipes.entropy_bound(1.0),
    "entropy_bound, random order": recipes.entropy_bound(1.0, order=orders.Uniform()),
    "entropy_sum": recipes.entropy_sum(3.0),
    "dilated": recipes.dilated(4),
    "spaced": recipes.spaced(recipes.entropy_bound(3.0), gap=3),
    "blocks": recipes.threshold(0.4).in_blocks(5),
    "tempered": recipes.margin(4).drawing(temperature=0.7, top_p=0.9),
}
every_recipe = pytest.mark.parametrize("sampler", RECIPES.values(), ids=RECIPES)


def run(sampler, network=None, **options):
    options = {"n": 6, "length": LENGTH, "seed": 3} | options
    return unmask.sample(TinyNetwork() if network is None else network, sampler, **options)


@every_recipe
def test_same_seed_same_sample(sampler):
    first, second, other = run(sampler), run(sampler), run(sampler, seed=4)
    assert torch.equal(first.tokens, second.tokens)
    assert torch.equal(first.log_probs, second.log_probs)
    assert not torch.equal(first.tokens, other.tokens)


@every_recipe
def test_a_batch_of_six_equals_six_batches_of_one(sampler):
    together = run(sampler)
    for row in range(6):
        alone = run(sampler, n=1, seeds=together.seeds[row : row + 1])
        assert torch.equal(alone.tokens[0], together.tokens[row])
        assert alone.network_calls[0] == together.network_calls[row]
    assert torch.equal(run(sampler, batch_size=4).tokens, together.tokens)


@every_recipe
def test_a_row_does_not_depend_on_the_order_of_the_batch(sampler):
    together = run(sampler)
    shuffle = torch.tensor([4, 2, 5, 0, 3, 1])
    assert torch.equal(run(sampler, seeds=together.seeds[shuffle]).tokens, together.tokens[shuffle])


@every_recipe
def test_no_mask_is_left_even_if_the_network_wants_to_write_one(sampler):
    out = run(sampler, TinyNetwork(favourite=10, forbidden_ids=(10, 7)))
    assert not torch.isin(out.tokens, torch.tensor([7, 10])).any()
    assert ((out.tokens >= 0) & (out.tokens < 11)).all()


@every_recipe
def test_prompts_may_be_ragged_and_hold_the_mask_id_and_stay_as_they_are(sampler):
    if sampler is RECIPES["planned"]:
        sampler = recipes.one_by_one()
    prompts = [[10, 3], [], [1, 10, 10, 4, 5, 6, 7], [2]]
    out = run(sampler, n=None, prompt=prompts)
    for row, prompt in enumerate(prompts):
        assert out.tokens[row, : len(prompt)].tolist() == prompt
        assert not (out.tokens[row, len(prompt) :] == 10).any()
        assert out.given[row].tolist() == [True] * len(prompt) + [False] * (LENGTH - len(prompt))
        alone = run(sampler, n=1, prompt=prompt, seeds=out.seeds[row : row + 1])
        assert torch.equal(alone.tokens[0], out.tokens[row])


@every_recipe
def test_new_tokens_pads_shorter_rows_without_changing_them(sampler):
    if sampler is RECIPES["planned"]:
        sampler = recipes.planned(unmask.Schedule([2, 3]))
    prompts = [[1, 2, 3], [4], [5, 6, 7]]
    out = run(sampler, n=None, length=None, new_tokens=5, prompt=prompts)
    assert out.lengths.tolist() == [8, 6, 8]
    assert [len(row) for row in out.rows()] == [8, 6, 8]
    assert out.tokens[1, 6:].tolist() == [-1, -1]
    alone = run(sampler, n=1, length=None, new_tokens=5, prompt=[4], seeds=out.seeds[1:2])
    assert alone.rows()[0] == out.rows()[1]


@every_recipe
def test_infilling_keeps_what_is_given_anywhere(sampler):
    known = torch.tensor([1, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0], dtype=torch.bool)
    tokens = torch.arange(LENGTH) % 9
    if sampler is RECIPES["planned"]:
        sampler = recipes.planned(unmask.Schedule([3, 5]))
    out = run(sampler, n=3, length=None, infill=(tokens, known))
    assert torch.equal(out.tokens[:, known], tokens[known].expand(3, -1))
    assert (out.log_probs[:, known] == 0).all()
    assert (out.log_probs[:, ~known] <= 0).all()
    assert (out.log_probs[:, ~known] < 0).any()


@every_recipe
def test_every_call_is_counted_for_the_row_it_serves(sampler):
    network = TinyNetwork()
    out = run(sampler, network)
    assert int(out.network_calls.sum()) == network.rows_served  # finished rows have left the batch
    assert (out.network_calls <= out.steps).all()
    doubled = run(sampler, TinyNetwork(calls_per_query=2))
    assert torch.equal(doubled.network_calls, 2 * out.network_calls)


def test_planned_samplers_ask_only_for_the_positions_they_reveal():
    for sampler in (RECIPES["planned"], RECIPES["one_by_one"], RECIPES["ancestral"], RECIPES["dilated"]):
        network = TinyNetwork()
        run(sampler, network, n=5)
        assert network.positions_asked == 5 * LENGTH
    network = TinyNetwork()
    out = run(RECIPES["planned"], network, n=5)
    assert network.forwards == 4
    assert out.network_calls.tolist() == [4] * 5


WAITS = ("_local_scalar_dense", "nonzero", "equal", "is_nonzero", "masked_select")


class CountWaits(TorchDispatchMode):
    """Counts operations for which the host waits for the device: values read back, data-dependent shapes."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += function.overloadpacket.__name__ in WAITS
        return function(*args, **(kwargs or {}))


def test_planned_steps_never_wait_for_the_device():
    class Plain(TinyNetwork):
        def log_probs(self, tokens, known, wanted):
            return torch.full((len(wanted.rows), 11), -2.3979)

    counts = []
    for steps in (4, 12):
        sampler = recipes.planned(unmask.Schedule.uniform(LENGTH, steps))
        network = Plain()
        waits = CountWaits()
        original = Plain.log_probs

        def counted(self, tokens, known, wanted, waits=waits, original=original):
            if self.forwards == 0:  # count from the first call on: choosing ahead happens before it, on the host
                waits.__enter__()
            self.forwards += 1
            return original(self, tokens, known, wanted)

        network.log_probs = counted.__get__(network)
        try:
            run(sampler, network)
        finally:
            waits.__exit__(None, None, None)
        counts.append(waits.count)
    on_the_host = 2  # `live.all()` and `live.any()` of each step read arrays that live on the host
    assert counts[1] - counts[0] <= on_the_host * (12 - 4)


def test_a_row_that_did_not_change_is_not_asked_again():
    """Dream with far more steps than tokens: most steps reveal nothing, and cost nothing."""
    network = TinyNetwork()
    out = run(recipes.dream(200), network)
    assert (out.steps == 200).all()
    assert (out.network_calls <= LENGTH + 1).all()
    assert int(out.network_calls.sum()) == network.rows_served


def test_ancestral_calls_are_skipped_when_nothing_is_revealed():
    out = run(recipes.ancestral(1000), n=20)
    assert (out.network_calls <= LENGTH).all()
    assert int(out.steps.max()) > 500


def test_rows_that_end_early_leave_a_planned_batch():
    network = TinyNetwork(end_of_text_id=3, favourite=3)
    sampler = recipes.one_by_one(order=orders.LeftToRight()).ending(stopping.EndOfText())
    out = run(sampler, network)
    assert (out.network_calls == 1).all()
    assert (out.tokens == 3).all()
    assert network.rows_served == 6


def test_ids_above_a_hundred_thousand_are_exact():
    class Big(TinyNetwork):
        def log_probs(self, tokens, known, wanted):
            laws = torch.full((len(wanted.rows), self.vocab_size), -torch.inf)
            known_sum = torch.where(known, tokens, 0).sum(1)
            wish = 120_001 + (known_sum[wanted.rows] + wanted.columns) % 2
            return laws.index_put((torch.arange(len(wish)), wish), torch.tensor(0.0))

    out = run(recipes.one_by_one(), Big(vocab_size=126_464, mask_token_id=126_336), n=2, length=3)
    assert set(out.tokens.ravel().tolist()) == {120_001, 120_002}


# -- what may be claimed --


def test_what_a_sampler_claims_follows_from_its_parts():
    predictable = {name for name, sampler in RECIPES.items() if sampler.predictable}
    assert predictable == {"planned", "one_by_one", "dilated"}
    assert RECIPES["ancestral"].scorable.kind == "planned"
    assert {name for name, sampler in RECIPES.items() if not sampler.scorable} == {
        "maskgit",
        "llada",
    }
    assert not RECIPES["planned"].drawing(temperature=0.5).predictable
    assert RECIPES["planned"].drawing(temperature=0.5).scorable.kind == "planned"
    assert RECIPES["planned"].drawing(temperature=0).scorable.reason.startswith("a greedy draw")
    assert not RECIPES["planned"].ending(stopping.EndOfText()).predictable


def test_a_sampler_says_what_it_is_made_of():
    text = repr(recipes.entropy_bound(0.1, block_length=4).drawing(temperature=0.5))
    for part in (
        "entropy_bound",
        "LowEntropy()",
        "EntropyBound(gamma=0.1)",
        "Blocks(block_length=4)",
        "temperature=0.5",
    ):
        assert part in text
    assert "predictable: False, scorable: replay" in text


@dataclass(frozen=True)
class Peeking(Priority):
    """An order that reads drawn tokens without saying so."""

    reads_model: ClassVar[bool] = True

    def __call__(self, step):
        return step.grid(step.drawn_log_prob)


def test_an_order_that_does_not_declare_it_never_sees_a_drawn_token():
    with pytest.raises(RuntimeError, match="reads_draw"):
        run(replace(RECIPES["margin"], order=Peeking()))


def test_a_policy_that_claims_to_be_blind_never_sees_the_model():
    @dataclass(frozen=True)
    class Liar(Confidence):
        reads_model: ClassVar[bool] = False

    with pytest.raises(RuntimeError, match="reads_model"):
        run(replace(RECIPES["one_by_one"], order=Liar()))


# -- guards --


@dataclass(frozen=True)
class Never(Each):
    def __call__(self, step):
        return torch.zeros_like(step.open)


def test_a_sampler_that_reveals_nothing_twice_is_stopped():
    with pytest.raises(unmask.InputError, match="revealed nothing in two steps"):
        run(replace(RECIPES["margin"], selection=Never()))
    with pytest.raises(unmask.InputError, match="revealed nothing in two steps"):
        run(replace(RECIPES["one_by_one"], selection=Never()))


def test_the_cap_on_steps_is_an_error_not_a_half_filled_text():
    with pytest.raises(unmask.InputError, match="not finished after 3 steps"):
        run(replace(RECIPES["one_by_one"], max_steps=3))
    with pytest.raises(unmask.InputError, match="not finished after 3 steps"):
        run(replace(recipes.margin(12), max_steps=3))
    assert run(replace(recipes.margin(12), max_steps=12)).network_calls.tolist() == [12] * 6


@pytest.mark.parametrize("sampler", [RECIPES["planned"], RECIPES["threshold"]], ids=["planned", "threshold"])
@pytest.mark.parametrize("poison", [torch.nan, torch.inf, -torch.inf])
def test_nothing_is_sampled_from_a_network_that_returns_nan(sampler, poison):
    class Poisoned(TinyNetwork):
        def log_probs(self, tokens, known, wanted):
            laws = super().log_probs(tokens, known, wanted)
            if self.forwards == 3:
                laws[0] = poison
            return laws

    with pytest.raises(unmask.InputError, match="NaN, infinite or all-forbidden"):
        run(sampler, Poisoned())


def test_a_network_with_all_its_mass_on_forbidden_ids_is_refused():
    class OnlyMasks(TinyNetwork):
        def log_probs(self, tokens, known, wanted):
            laws = torch.full((len(wanted.rows), self.vocab_size), -torch.inf)
            laws[:, 10] = 0.0
            return laws

    with pytest.raises(unmask.InputError, match="all-forbidden"):
        run(RECIPES["planned"], OnlyMasks())


def test_a_network_of_the_wrong_shape_or_without_normalisation_is_refused():
    class Wide(TinyNetwork):
        def log_probs(self, tokens, known, wanted):
            return super().log_probs(tokens, known, wanted)[:, :-1]

    class Logits(TinyNetwork):
        def log_probs(self, tokens, known, wanted):
            return super().log_probs(tokens, known, wanted) + 1.5

    with pytest.raises(unmask.InputError, match=r"shape \(6, 10\) for 6 positions; expected \(6, 11\)"):
        run(RECIPES["planned"], Wide())
    with pytest.raises(unmask.InputError, match="these look like probabilities or logits"):
        run(RECIPES["planned"], Logits())


def test_steps_that_do_not_divide_evenly_are_rounded_and_said():
    out = run(recipes.llada(steps=7, block_length=4))  # three blocks of 4
    assert out.network_calls.tolist() == [7] * 6
    assert out.notes == ("7 steps over 3 blocks: the first 1 get one step more",)
    few = run(recipes.llada(steps=2, block_length=4))
    assert few.network_calls.tolist() == [3] * 6
    assert few.notes == ("2 steps over 3 blocks: a block of 4 tokens has 1 step",)


def test_blocks_count_masked_positions_not_their_length():
    """Semi-autoregressive decoding with a block that is half known already: its steps share what is masked."""
    known = torch.zeros(8, dtype=torch.bool)
    known[[1, 2, 3]] = True  # block 0 (positions 0..3) has one masked position
    out = run(
        recipes.llada(steps=4, block_length=4), n=1, length=None, infill=(torch.zeros(8, dtype=torch.int64), known)
    )
    assert next(iter(out.trace))["positions"] == [0]
    assert out.network_calls.tolist() == [3]  # 1 step for the first block, 2 for the second


def test_permutations_are_valid_as_often_as_the_price_says():
    """P(valid) = exp(-KL) for uniform permutations, for every schedule; 10,000 samples, 4 standard errors."""
    law = laws.Permutation(8)
    for sizes in ([2, 2, 2, 2], [1, 3, 4], [4, 2, 1, 1]):
        schedule = unmask.Schedule(sizes)
        expected = float(torch.exp(torch.tensor(-unmask.price(law.curve(), schedule))))
        out = unmask.sample(unmask.oracle(law), schedule, n=10_000, seed=1)
        share = float((out.tokens.sort(1).values == torch.arange(8)).all(1).double().mean())
        assert abs(share - expected) < 4 * (expected * (1 - expected) / 10_000) ** 0.5
