"""Predictors that answer wrongly, from the first answer or from a later one: every command refuses, in one line.

Every rule is run with every fault, on a network whose mask token is suppressed here and on one that suppresses it
itself, so that nothing normalises what it says.
"""

import functools

import pytest
import torch

import unmask
from reference.seeing_network import SeeingNetwork
from unmask import recipes
from unmask.certifying.certificate import certify
from unmask.errors import InputError
from unmask.laws import MarkovChain
from unmask.models.predictor import Wrapped
from unmask.sampling import rule_names
from unmask.sampling.answers import FEW, SEVERAL, Looks, as_laws
from unmask.sampling.rules.catalogue import CATALOGUE

LENGTH = 9
SAMPLERS = {name: rule_names.from_name(f"{name}:{rule.example}") for name, rule in CATALOGUE.items() if rule.named}
SAMPLERS["planned"] = recipes.planned(unmask.Schedule([1, 2, 6]))
NO_LAW = "NaN, infinite or all-forbidden"
LOGITS = "look like (probabilities or )?logits|are these logits"


def with_entry(laws, value):
    """One entry of the middle row has another value: the largest, which no choice of a token can miss."""
    changed = laws.clone()
    row = len(laws) // 2
    changed[row, changed[row].argmax()] = value
    return changed


FAULTS = {
    "NaN": (lambda laws: torch.full_like(laws, torch.nan), NO_LAW),
    "one NaN": (lambda laws: with_entry(laws, torch.nan), NO_LAW),
    "one infinity": (lambda laws: with_entry(laws, torch.inf), NO_LAW),
    "no mass": (lambda laws: torch.full_like(laws, -torch.inf), NO_LAW),
    "logits": (lambda laws: laws + 4.0, LOGITS),
    "logits below zero": (lambda laws: laws - 4.0, LOGITS),
    "probabilities": (lambda laws: laws.exp(), LOGITS),
    "not normalised": (lambda laws: laws - 0.2, LOGITS),
    "a row less": (lambda laws: laws[:-1], "returned shape"),
    "a token more": (lambda laws: torch.cat([laws, laws[:, :1]], 1), "returned shape"),
    "numpy": (lambda laws: laws.numpy(), "returned numpy.ndarray; expected a torch.Tensor"),
    "a list": (lambda laws: laws.tolist(), "returned list; expected"),
    "nothing": (lambda laws: None, "returned NoneType; expected"),
    "whole numbers": (lambda laws: laws.nan_to_num().long(), "returned torch.int64"),
}


class Faulty(Wrapped):
    """Another predictor, whose answers are wrong from number `at` on."""

    def __init__(self, predictor, fault, at, normalised_by_us):
        super().__init__(predictor)
        self.fault, self.at, self.answers = fault, at, 0
        self.suppresses_forbidden = not normalised_by_us

    def log_probs(self, tokens, known, wanted):
        laws = self.predictor.log_probs(tokens, known, wanted)
        if self.suppresses_forbidden and self.forbidden_ids:
            laws = laws.index_fill(1, torch.tensor(self.forbidden_ids), -torch.inf).log_softmax(-1)
        self.answers += 1
        return self.fault(laws) if self.answers > self.at else laws


def faulty(name, at, normalised_by_us=False, network=None):
    return Faulty(network or SeeingNetwork(), FAULTS[name][0], at, normalised_by_us)


@functools.cache
def answers_of(rule, normalised_by_us):
    """How many answers a run of a rule asks for."""
    whole = Faulty(SeeingNetwork(), lambda laws: laws, 0, normalised_by_us)
    unmask.sample(whole, SAMPLERS[rule], n=2, length=LENGTH, seed=1)
    return whole.answers


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("rule", SAMPLERS)
def test_no_rule_samples_from_what_is_no_law(rule, name):
    for normalised_by_us in (False, True):
        for at in {0, answers_of(rule, normalised_by_us) - 1}:
            with pytest.raises(InputError, match=FAULTS[name][1]) as refused:
                unmask.sample(faulty(name, at, normalised_by_us), SAMPLERS[rule], n=2, length=LENGTH, seed=1)
            assert "\n" not in str(refused.value)


SCORED = [rule for rule, sampler in SAMPLERS.items() if sampler.scorable]


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("rule", SCORED)
def test_no_text_is_scored_from_what_is_no_law(rule, name):
    texts = torch.randint(0, 3, (2, LENGTH), generator=torch.Generator().manual_seed(0))
    whole = Faulty(SeeingNetwork(), lambda laws: laws, 0, False)
    unmask.score(whole, SAMPLERS[rule], texts, random_orders=1)
    for at in {0, whole.answers - 1}:
        with pytest.raises(InputError, match=FAULTS[name][1]):
            unmask.score(faulty(name, at), SAMPLERS[rule], texts, random_orders=1)


LAW = MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], 6)


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("work", ["measure", "certify a plan", "certify a rule", "dependence"])
def test_nothing_is_measured_or_certified_from_what_is_no_law(work, name):
    from unmask.order_search.dependence import measure_dependence

    texts = LAW.sample(12, 0)
    run = {
        "measure": lambda model: unmask.measure(model, texts, batch_size=4),
        "certify a plan": lambda model: certify(model, unmask.Schedule([2, 4]), texts, 3.0, stop=False, batch_size=4),
        "certify a rule": lambda model: certify(model, recipes.confidence(3), texts, 3.0, stop=False, batch_size=4),
        "dependence": lambda model: measure_dependence(model, texts),
    }[work]
    whole = Faulty(unmask.oracle(LAW), lambda laws: laws, 0, False)
    run(whole)
    assert whole.answers > 1
    for at in (0, whole.answers - 1):
        with pytest.raises(InputError, match=FAULTS[name][1]):
            run(faulty(name, at, network=unmask.oracle(LAW)))


@pytest.mark.parametrize("rule", [rule for rule, sampler in SAMPLERS.items() if sampler.reading.raw])
def test_the_conditionals_that_tokens_are_drawn_from_are_looked_at(rule, monkeypatch):
    """With the look at every answer taken away, what is drawn from is looked at still."""
    monkeypatch.setattr(Looks, "sums_of_some", lambda self, laws: None)
    with pytest.raises(InputError, match="are these logits"):
        unmask.sample(faulty("not normalised", 0), SAMPLERS[rule], n=2, length=LENGTH, seed=1)


def test_one_conditional_among_those_drawn_from_is_noticed():
    laws = torch.full((SEVERAL, 4), 0.25).log()
    laws[7] -= 1.0
    looks = Looks(torch.device("cpu"))
    looks.used(laws)
    with pytest.raises(InputError, match=r"a factor of exp\(1\)"):
        looks.refuse()


def test_few_sums_of_an_answer_are_looked_at_and_all_rows_have_their_turn():
    laws = torch.full((100, 4), 0.25).log()
    looks, seen = Looks(torch.device("cpu")), set()
    looks.sums = lambda some: seen.update(some[:, 0].tolist()) or sizes.append(len(some))
    looks.largest = lambda some: None
    sizes = []
    laws[:, 0] += torch.arange(100) * 1e-3
    for _ in range(100):
        looks.sums_of_some(laws)
    assert max(sizes) <= FEW
    assert len(seen) == 100


@pytest.mark.parametrize("low", [torch.float16, torch.bfloat16])
def test_the_rounding_of_half_precision_is_no_fault(low):
    logits = torch.randn(64, 5000, generator=torch.Generator().manual_seed(0)) * 3
    laws = logits.to(low).log_softmax(-1)
    looks = Looks(torch.device("cpu"))
    looks.sums(as_laws(laws, 64, 5000))
    looks.largest(as_laws(laws, 64, 5000))
    looks.refuse()


def test_what_a_law_says_passes_exactly_as_it_is():
    laws = torch.tensor([[0.25, 0.75], [1.0, 0.0]]).log()
    assert torch.equal(as_laws(laws, 2, 2), laws)
