"""Every published rule, step by step, on laws small enough to work out by hand.

The expected maps are derived from the papers and from the behaviour of the authors' programs, at temperature 0: which
positions each step reveals, and which it masks again or rewrites. A new rule is asked for a case of its own.
"""

import inspect
import math
import re
from dataclasses import dataclass, field

import pytest

import unmask
from reference.scripted_network import Scripted, laws_of, sure
from unmask import recipes
from unmask.sampling import rule_names
from unmask.sampling.rules.catalogue import CATALOGUE

COIN, NEARLY = [0.5, 0.5], [0.99, 0.01]  # entropies 0.693 and 0.056 nats


@dataclass
class Case:
    """A rule, the laws it reads, and what it does with them.

    Attributes:
        laws: `laws({known position: token})`, (L, V).
        reveals: positions of each step, in order. takes_back, rewrites: the same, {number of the step: positions}.
        calls: network calls, where they are not one a step.
        sizes_only: whether positions are chosen by chance and only their numbers are compared.
        greedy: whether the most likely tokens are drawn; else the rule draws as its recipe says.
    """

    laws: object
    reveals: list
    takes_back: dict = field(default_factory=dict)
    rewrites: dict = field(default_factory=dict)
    calls: int | None = None
    sizes_only: bool = False
    greedy: bool = True
    vocab_size: int = 4


def _rcr(known):
    """Position 0 is written at .6, then the others are .95 sure; what is known is said again at .99."""
    return [sure(0.99 if i in known else 0.95 if known else (0.6 if i == 0 else 0.5)) for i in range(3)]


def _p2(known):
    """Once 0 and 1 are known the network would write token 1 at position 1, at .3, and is .9 sure of the rest."""
    first = [sure(0.95), sure(0.9), sure(0.5), sure(0.5)]
    later = [sure(0.95), [0.2, 0.3, 0.25, 0.25], sure(0.9), sure(0.9)]
    return later if len(known) >= 2 else first


def _wino(known):
    """Two tokens are drafted, then three; each of the first two is at .8 and .5 without the other."""
    if not known:
        return [sure(0.9), sure(0.8), *[sure(0.3)] * 4]
    if 2 not in known:
        return [sure(0.8), sure(0.5), *[sure(0.95)] * 3, sure(0.3)]
    return [sure(0.97)] * 6


def _edit(known):
    """Position 0 is written as token 0, and as soon as it is known the network would rather have token 1."""
    return [sure(0.95, token=1) if 0 in known else sure(0.9), sure(0.9) if known else sure(0.5)]


def _punt(known):
    """0 and 1 are independent; 2 moves when 0 is shown, 3 never."""
    return [sure(0.9), sure(0.8), sure(0.6 if 0 in known else 0.5, token=1 if 0 in known else 0), sure(0.4)]


def _slow_fast(known):
    """Four positions can be seen from the start; once two are known everything is sure."""
    return [sure(p, 8) for p in ([0.95] * 6 if len(known) >= 2 else (0.5, 0.4, 0.45, 0.35, 0.2, 0.2))]


def _info_gain(known):
    """Position 1 settles the others, 0 and 2 do not."""
    return [sure(0.99 if 1 in known else 0.4 if known else p) for p in (0.6, 0.55, 0.5)]


A = [0.499, 0.499] + [0.002 / 38] * 38  # two tokens, at temperature 0.2 a coin
B = [0.7] + [0.3 / 39] * 39  # at temperature 0.2 and top-p 0.95 one token: entropy 0

CASES = {
    "confidence:2": Case(laws_of(0.5, 0.9, 0.7, 0.6), [[1, 2], [0, 3]]),
    # margins 0, .4, .1, .9
    "margin:2": Case(
        lambda k: [[0.5, 0.5, 0], [0.6, 0.2, 0.2], [0.5, 0.4, 0.1], [0.95, 0.05, 0]], [[1, 3], [0, 2]], vocab_size=3
    ),
    "one_by_one:order=left_to_right": Case(laws_of(0.5, 0.9, 0.7), [[0], [1], [2]]),
    "one_by_one": Case(laws_of(0.5, 0.9, 0.7), [1, 1, 1], sizes_only=True),
    "first_hitting": Case(laws_of(0.5, 0.9, 0.7), [1, 1, 1], sizes_only=True),
    "left_to_right:2": Case(laws_of(0.5, 0.9, 0.7), [[0, 1], [2]]),
    # the first call has nothing to verify; of independent laws a draft of two is then kept whole
    "exact:draft=2,order=left_to_right": Case(laws_of(0.5, 0.9, 0.7), [[0], [1, 2]], greedy=False),
    "ancestral:1": Case(laws_of(0.5, 0.9, 0.7), [[0, 1, 2]]),
    # 8 cos(pi t / 8), rounded down: 7, 5, 3, 0 are masked after the steps
    "maskgit:4,temperature=0": Case(
        laws_of(0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55), [[0], [1, 2], [3, 4], [5, 6, 7]]
    ),
    "maskgit:4": Case(laws_of(*[0.5] * 8), [1, 2, 2, 3], sizes_only=True),
    "moment:4": Case(laws_of(*[0.5] * 8), list(unmask.Schedule.cosine(8, 4)), sizes_only=True),
    # two blocks of two steps
    "llada:4,block_length=2": Case(laws_of(0.5, 0.9, 0.7, 0.6), [[1], [0], [2], [3]]),
    # tokens 1 and 2 end the text: positions 0 and 1 come last
    "llada:4,block_length=none,end_of_text_last=true,end_of_text=1/2": Case(
        lambda k: [sure(0.9, token=1), sure(0.8, token=2), sure(0.5), sure(0.4)], [[2], [3], [0], [1]]
    ),
    # .5 of what is left without token 1 is .5/.55 for position 0 and .6/.99 for position 1
    "llada:2,end_of_text_last=true,end_of_text=1/1,renormalised=true": Case(
        lambda k: [[0.5, 0.45, 0.05], [0.6, 0.01, 0.39]], [[0], [1]], vocab_size=3
    ),
    "llada:2,end_of_text_last=true,end_of_text=1/1": Case(
        lambda k: [[0.5, 0.45, 0.05], [0.6, 0.01, 0.39]], [[1], [0]], vocab_size=3
    ),
    # 4 (1 - .5005) rounded down, then the rest; ranked by the laws it draws from, temperature 0.2 and top-p 0.95
    "dream:2": Case(lambda k: [A, A, A, B], [[3], [0, 1, 2]], greedy=False, vocab_size=40),
    "dream:2,raw_order=true": Case(lambda k: [A, A, A, B], [[0], [1, 2, 3]], greedy=False, vocab_size=40),
    # sums less the largest, lowest entropy first: 0, .056, .112; with both coins .805
    "entropy_bound:0.5": Case(lambda k: [COIN, NEARLY, COIN, NEARLY], [[0, 1, 3], [2]], vocab_size=2),
    # .693, .749, 1.442
    "entropy_sum:1,order=left_to_right": Case(lambda k: [COIN, NEARLY, COIN], [[0, 1], [2]], vocab_size=2),
    "entropy_sum:1,crossing=true,order=left_to_right": Case(lambda k: [COIN, NEARLY, COIN], [[0, 1, 2]], vocab_size=2),
    "threshold:0.7": Case(laws_of(0.9, 0.6, 0.75, 0.5), [[0, 2], [1], [3]]),
    "threshold:0.75": Case(laws_of(0.9, 0.75, 0.5), [[0], [1], [2]]),
    "threshold:0.75,inclusive=true": Case(laws_of(0.9, 0.75, 0.5), [[0, 1], [2]]),
    "threshold:0.7,block_length=2": Case(laws_of(0.6, 0.9, 0.75, 0.8), [[1], [0], [2, 3]]),
    # (2)(.1) and (3)(.2) are below 1, (4)(.3) is not
    "factor:1": Case(laws_of(0.9, 0.8, 0.7, 0.6), [[0, 1], [2], [3]]),
    "factor:1,last_too=true": Case(laws_of(0.9, 0.3), [[0, 1]]),
    # a history of two needs three predictions; the second block has one, but waits for its second step
    "klass:block_length=4": Case(laws_of(*[0.95] * 8), [[0], [1], [2, 3], [4], [5, 6, 7]]),
    "klass:block_length=4,ahead=false": Case(laws_of(*[0.95] * 8), [[0], [1], [2, 3], [4], [5], [6, 7]]),
    # .85 with one credit is .901, with two .920
    "credit:0.91": Case(laws_of(0.85, 0.85, 0.85, vocab_size=2), [[0], [1, 2]], vocab_size=2),
    # strides 12, 6, 3, 1
    "dilated:24": Case(
        laws_of(*[0.5] * 24),
        [[0, 12], [6, 18], [3, 9, 15, 21], [i for i in range(24) if i % 3]],
    ),
    # strides 3, 1: the last level is the larger one. Of 3: 0, 1 and 2 have stride 1
    "dilated:6": Case(laws_of(*[0.5] * 6), [[0, 3], [1, 2, 4, 5]]),
    # stride 2, then 1: two are left, fewer than the three of the first level
    "dilated:5": Case(laws_of(*[0.5] * 5), [[0, 1, 2, 3, 4]]),
    # gaps 19.5 and 1.5 in the region: the mean is above 7.5 before anything is revealed
    "prophet:6,region=4/6": Case(
        lambda k: [sure(0.4)] * 4 + [sure(1 - 1e-8), sure(0.6)], [[4, 0, 1, 2, 3, 5]], calls=1
    ),
    # gaps 0.81 and 5.7: 3.3 is enough in the last third alone, step 4 of 6
    "prophet:6,region=4/6,gaps=7/5/3": Case(
        lambda k: [sure(0.8), sure(0.8), sure(0.7), sure(0.7), sure(0.99), sure(0.4286)],
        [[4], [0], [1], [2], [3, 5]],
        calls=5,
    ),
    "rcr:3": Case(_rcr, [[0], [1, 2], [0]], takes_back={1: [0]}),
    # step 2 keeps three of four: .95, .9 and .9 against the new draw's .3 at position 1, which stands at .2
    "p2:4": Case(_p2, [[0], [1], [2, 3], [1]], takes_back={2: [1]}),
    "remdm:1": Case(laws_of(0.5, 0.9, 0.7), [[0, 1, 2]]),
    # drafts 2 and then 3; both old tokens fail, and fewer than the two of the step before are taken back
    "wino:0.6,verify=0.9": Case(_wino, [[0, 1], [2, 3, 4], [1, 5]], takes_back={1: [1]}, calls=1 + 3 + 1 + 4),
    "wino:0.6,verify=0.9,cap_by_now=true": Case(
        _wino, [[0, 1], [2, 3, 4], [0, 1, 5]], takes_back={1: [0, 1]}, calls=1 + 3 + 1 + 3
    ),
    "edit:0.7,edit_threshold=0.9,block_length=none": Case(_edit, [[0], [1]], rewrites={1: [0]}, calls=3),
    # one question for each of the two bits of the ranks: position 2 moves when 0 is shown
    "punt:0.01": Case(_punt, [[0, 1, 3], [2]], calls=4),
    # without a profile all depend on all: 1 is first, 0 costs .056 for its own .693, and a third .056 is more than .1
    "dependence:0.1": Case(lambda k: [COIN, NEARLY, NEARLY, COIN], [[0, 1], [2, 3]], vocab_size=2),
    # entropies 0.693, 0.056 and 0.325
    "entropy_threshold:0.5": Case(lambda k: [COIN, NEARLY, [0.9, 0.1]], [[1, 2], [0]], vocab_size=2),
    # .95 - 1 + .95, 1.85 - 2 + .9, 2.65 - 3 + .8 are above .25, 3.15 - 4 + .5 is not; factor:0.75 takes two
    "frechet:0.25": Case(laws_of(0.95, 0.9, 0.8, 0.5), [[0, 1, 2], [3]]),
    "factor:0.75": Case(laws_of(0.95, 0.9, 0.8, 0.5), [[0, 1], [2], [3]]),
    # nothing has stayed in the first step
    "less": Case(laws_of(0.8, 0.8, 0.8, 0.5), [[0], [1, 2], [3]]),
    # the middle, then the middles of both sides, then what is left between, and last what is below `low`
    "hierarchy:low=0.3": Case(laws_of(0.5, 0.6, 0.5, 0.8, 0.5, 0.55, 0.25), [[3], [1, 5], [0, 2, 4], [6]]),
    "hierarchy:0.7": Case(laws_of(0.75, 0.8, 0.5, 0.6), [[0, 1], [3], [2]]),
    # Dream's counts are 0, 1, 1, rest, the bars 7.5, 6.25, 3.75, 2.5; gaps 5.69 and 1.10: (2 (5.69) + 1.10)/3 = 4.16
    "sched:4": Case(laws_of(0.99, 0.99, 0.99, 0.5), [[], [0], [1, 2, 3]], calls=2),
    # every block opens when half of the one before it is known
    "pipeline:block_length=2,add=0.5,complete=1": Case(
        laws_of(0.95, 0.5, 0.95, 0.5, 0.95, 0.5), [[0], [1, 2], [3, 4], [5]]
    ),
    # .3, .9/e and .95/e² times log 4
    "pc_sampler:3,decay=1": Case(laws_of(0.3, 0.9, 0.95), [[1], [0], [2]]),
    # two slow steps, the span of four, and a new cycle
    "slow_fast:explore=2": Case(_slow_fast, [[0], [2], [1, 3], [4, 5]], vocab_size=8),
    # three candidates are tried; what is left afterwards is sure
    "info_gain:16,temperature=10": Case(_info_gain, [[1], [0, 2]], calls=1 + 3 + 1),
    "renoise:1,gamma=0.1": Case(
        lambda k: [NEARLY, COIN, NEARLY, COIN], [[0, 1, 2, 0, 1, 2, 3]], takes_back={0: [0, 1, 2]}, vocab_size=2
    ),
}
OTHERS = {
    "planned": recipes.planned(unmask.Schedule([1, 2]), order=unmask.orders.LeftToRight()),
    "spaced": recipes.spaced(recipes.threshold(0.5), gap=3),
    # DUS: a gap of 8 at 8 open positions of 8, of max(2, 8 m // 8) later
    "spaced, narrowing": recipes.spaced(recipes.threshold(0.5), gap=4, block_length=8),
}
OTHER_MAPS = {
    "planned": (laws_of(0.5, 0.9, 0.7), [[0], [1, 2]]),
    "spaced": (laws_of(0.8, 0.9, 0.7, 0.6, 0.95), [[1, 4], [0, 3], [2]]),
    # gaps 4, then (5 left) 2, then (2 left) 2
    "spaced, narrowing": (laws_of(*[0.9] * 8), [[0, 4], [1, 5], [2, 6], [3, 7]]),
}


def maps_of(sampler, laws, vocab_size=4, uniform_state=False):
    """(reveals, takes back, rewrites, calls) of a run."""
    network = Scripted(vocab_size, laws)
    out = unmask.sample(network, sampler, length=len(laws({})))
    lines = out.trace.row(0)
    steps = {line["step"]: line for line in lines}
    numbered = [steps.get(number, {"positions": []}) for number in range(max(steps) + 1)]
    return (
        [line["positions"] for line in numbered],
        {number: line["released"] for number, line in enumerate(numbered) if "released" in line},
        {number: line["rewritten"] for number, line in enumerate(numbered) if "rewritten" in line},
        int(out.network_calls[0]),
    )


@pytest.mark.parametrize("name", CASES)
def test_a_rule_reveals_what_its_paper_says(name):
    case = CASES[name]
    sampler = rule_names.from_name(name)
    reveals, taken_back, rewritten, calls = maps_of(
        sampler.drawing(temperature=0) if case.greedy else sampler, case.laws, case.vocab_size
    )
    assert ([len(positions) for positions in reveals] if case.sizes_only else reveals) == case.reveals
    assert taken_back == case.takes_back
    assert rewritten == case.rewrites
    assert calls == (len(case.reveals) if case.calls is None else case.calls)


@pytest.mark.parametrize("name", OTHERS)
def test_a_rule_that_has_no_name_does_too(name):
    laws, expected = OTHER_MAPS[name]
    assert maps_of(OTHERS[name].drawing(temperature=0), laws)[0] == expected


def test_every_rule_of_the_catalogue_has_a_case():
    held = {rule_names.split(name)[0] for name in CASES} | set(OTHERS)
    missing = sorted(set(CATALOGUE) - held)
    assert not missing, f"work out by hand what {', '.join(missing)} reveals, and add it to CASES"


@pytest.mark.parametrize("name", [name for name, rule in CATALOGUE.items() if rule.paper])
def test_a_rule_with_a_paper_says_how_near_to_it_it_is(name):
    """At which temperature it is the published rule, or what of the paper could be read."""
    if name in ("planned", "exact"):  # their outputs' laws are what the papers prove
        return
    said = inspect.getdoc(CATALOGUE[name].recipe)
    assert re.search(r"temperature|could be (read|found)|published", said), name


def test_rcr_in_blocks_can_take_back_a_token_of_an_earlier_block():
    """The least sure token of the first block is masked again as long as the second one has steps."""

    def laws(known):
        return [sure(0.9), sure(0.4), sure(0.8), sure(0.7)]

    reveals, taken_back, _, _ = maps_of(recipes.rcr(4, block_length=2).drawing(temperature=0), laws)
    assert reveals == [[0], [1], [2, 3], [1]]
    assert taken_back == {2: [1]}


def test_p2_judges_the_token_that_stands_there_when_it_is_told_to():
    def laws(known):  # once 0 is known the network would rather have token 1 there
        return [sure(0.9, token=1 if known else 0), sure(0.5), sure(0.4)]

    assert maps_of(recipes.p2(3).drawing(temperature=0), laws)[1] == {}
    assert maps_of(recipes.p2(3, standing=True).drawing(temperature=0), laws)[1] == {1: [0]}


def test_renoise_cools_as_the_public_implementations_do():
    reading = recipes.renoise(4).reading
    assert [reading.temperature(step) for step in range(4)] == pytest.approx([0.8, 0.7, 0.6, 0.5])


def test_the_loop_of_remdm_keeps_its_share_while_it_exchanges_tokens():
    """Twenty steps: to 0.9 until time 0.55, then the exchange until 0.05, then to 1."""
    rate = recipes.remdm(remasking=rule_names.RULES["remdm"].readers["remasking"]("loop")).revision.rate
    shares = [rate.shares(step, 20) for step in range(20)]
    assert shares[0] == pytest.approx((0.0, 0.05 * 0.9 / 0.45))
    assert shares[8][1] == pytest.approx(0.9)
    assert {shares[step] for step in range(9, 19)} == {(0.9, 0.9)}
    assert shares[19] == pytest.approx((0.9, 1.0))
    assert rate(*shares[3]) == 0
    assert rate(*shares[12]) == rate.eta == 0.02


@pytest.mark.parametrize(
    "rule",
    ["threshold:1.5", "threshold:-0.1", "entropy_bound:-1", "entropy_sum:-1", "factor:-1", "klass:2", "wino:1.5"],
)
def test_a_knob_that_can_mean_nothing_is_refused_in_one_line(rule):
    with pytest.raises(unmask.InputError, match=r"expected (0|a probability|nats)") as refused:
        rule_names.from_name(rule)
    assert "\n" not in str(refused.value)


def test_drawn_tokens_rank_where_a_rule_is_told_so():
    for name in ("threshold:0.5", "factor:1", "wino:0.6", "edit:0.7", "credit:0.7"):
        sampler = rule_names.from_name(name, drawn=True)
        assert sampler.reads_draw
        assert not sampler.scorable
        assert not rule_names.from_name(name).reads_draw
    sharp = unmask.sample(
        Scripted(4, laws_of(0.6, 0.6, 0.6)), recipes.threshold(0.5, drawn=True), n=400, length=3, seed=1
    )
    first = [line for line in sharp.trace if line["step"] == 0 and len(line["positions"]) > 1]
    assert first
    assert all(token == 0 for line in first for token in line["tokens"])  # only likely draws passed


def test_entropies_are_nats():
    assert -sum(p * math.log(p) for p in NEARLY) == pytest.approx(0.056, abs=1e-3)
