"""Each selection on laws that are written down by hand: how many positions it takes, and which."""

import math

import pytest
import torch

import unmask
from unmask import laws, orders, recipes
from unmask.sampling.priorities import Confidence
from unmask.sampling.rules.klass import Stable
from unmask.sampling.rules.spaced import Spaced
from unmask.sampling.rules.threshold import Threshold
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import Each, Sizes

COIN = [0.5, 0.5]


class Fixed:
    """The same laws whatever is known: (L, V) probabilities."""

    mask_token_id, forbidden_ids, end_of_text_id, calls_per_query = None, (), None, 1
    device = torch.device("cpu")

    def __init__(self, probabilities, dtype=torch.float32):
        self.laws = torch.tensor(probabilities, dtype=torch.float64).log().to(dtype)
        self.length, self.vocab_size = self.laws.shape

    def log_probs(self, tokens, known, wanted):
        return self.laws[wanted.columns]


def reveals(predictor, sampler, **options):
    """Positions revealed by each step of one row."""
    out = unmask.sample(predictor, sampler, n=1, **options)
    return [line["positions"] for line in out.trace]


def test_the_entropy_bound_is_in_nats():
    """Two fair coins: sum - max = ln 2 = 0.693 nats, or 1 bit. A bound of 0.7 allows both in nats and not in bits."""
    coins = Fixed([COIN, COIN])
    assert reveals(coins, recipes.entropy_bound(0.70)) == [[0, 1]]
    assert reveals(coins, recipes.entropy_bound(0.69)) == [[0], [1]]
    assert reveals(Fixed([COIN] * 3), recipes.entropy_bound(2 * math.log(2) + 1e-5)) == [[0, 1, 2]]


def test_the_entropy_sum_counts_every_position():
    coins = Fixed([COIN] * 4)
    steps = reveals(coins, recipes.entropy_sum(2 * math.log(2) + 1e-5, order=orders.LeftToRight()))
    assert steps == [[0, 1], [2, 3]]
    assert [len(s) for s in reveals(coins, recipes.entropy_sum(0.1))] == [1] * 4


def test_threshold_takes_all_sure_positions_or_the_surest():
    law = Fixed([[0.95, 0.05], [0.6, 0.4], [0.7, 0.3], [0.91, 0.09]])
    assert reveals(law, recipes.threshold(0.9)) == [[0, 3], [2], [1]]
    assert reveals(law, recipes.threshold(0.9, order=orders.LeftToRight())) == [[0, 3], [1], [2]]


def test_thresholds_are_compared_in_float32_even_for_networks_in_bfloat16():
    """0.8984375 is the bfloat16 number next to 0.9: in bfloat16 it would not be above a threshold of 0.898."""
    law = Fixed([[0.89805, 0.10195]] * 2, dtype=torch.bfloat16)
    confidence = float(law.laws[0, 0].float().exp())
    assert torch.tensor(confidence - 1e-4).bfloat16() == torch.tensor(confidence).bfloat16()
    assert reveals(law, recipes.threshold(confidence - 1e-4)) == [[0, 1]]
    assert reveals(law, recipes.threshold(confidence + 1e-4)) == [[0], [1]]


def test_factor_takes_the_most_positions_whose_product_with_the_doubt_stays_below():
    law = Fixed([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    # (n+1)(1-c): 2*0.1=0.2, 3*0.2=0.6, 4*0.3=1.2, 5*0.4=2.0
    assert reveals(law, recipes.factor(0.5))[0] == [0]
    assert reveals(law, recipes.factor(1.0))[0] == [0, 1]
    assert reveals(law, recipes.factor(1.3))[0] == [0, 1, 2]
    assert reveals(law, recipes.factor(2.1))[0] == [0, 1, 2, 3]
    assert [len(s) for s in reveals(law, recipes.factor(0.0))] == [1] * 4


def test_ties_go_to_the_leftmost_position():
    law = Fixed([[0.8, 0.2]] * 3 + [[0.9, 0.1]])
    assert reveals(law, recipes.confidence(4)) == [[3], [0], [1], [2]]
    assert reveals(law, recipes.margin(2)) == [[0, 3], [1, 2]]


def test_sizes_follow_the_family_row_by_row():
    known = torch.zeros(2, 10, dtype=torch.bool)
    known[1, :6] = True
    tokens = torch.zeros(2, 10, dtype=torch.int64)
    out = unmask.sample(Fixed([COIN] * 10), Sampler(Confidence(), Sizes(4)), infill=(tokens, known))
    assert [len(line["positions"]) for line in out.trace.row(0)] == [3, 3, 2, 2]
    assert [len(line["positions"]) for line in out.trace.row(1)] == [1, 1, 1, 1]
    cosine = unmask.sample(Fixed([COIN] * 10), Sampler(Confidence(), Sizes(4, unmask.Schedule.cosine)), n=1)
    assert [len(line["positions"]) for line in cosine.trace] == list(unmask.Schedule.cosine(10, 4))


def test_more_steps_than_tokens_is_one_token_a_step():
    assert [len(s) for s in reveals(Fixed([COIN] * 3), recipes.margin(50))] == [1, 1, 1]


def test_dream_counts_are_those_of_the_row_not_of_the_batch():
    known = torch.zeros(2, 8, dtype=torch.bool)
    known[1, 1:] = True
    tokens = torch.zeros(2, 8, dtype=torch.int64)
    law = Fixed([COIN] * 8)
    together = unmask.sample(law, recipes.dream(4), infill=(tokens, known))
    alone = unmask.sample(law, recipes.dream(4), n=1)
    # floor(8 * 0.24975) = 1, floor(7 * 0.333) = 2, floor(5 * 0.499) = 2, then the rest
    assert [len(line["positions"]) for line in alone.trace] == [1, 2, 2, 3]
    assert [len(line["positions"]) for line in together.trace.row(0)] == [1, 2, 2, 3]
    assert [line["step"] for line in together.trace.row(1)] == [3]


def test_dilated_reveals_halving_strides():
    law = Fixed([COIN] * 8)
    assert reveals(law, recipes.dilated(8)) == [[0, 4], [2, 6], [1, 3, 5, 7]]
    assert reveals(law, recipes.dilated(4)) == [[0, 2], [1, 3], [4, 6], [5, 7]]
    assert reveals(law, recipes.dilated(1)) == [[i] for i in range(8)]
    assert reveals(law, recipes.dilated(8), infill=([0] * 8, [True] + [False] * 7)) == [[1, 5], [3, 7], [2, 4, 6]]


def test_the_spacing_filter_keeps_the_first_choice_and_the_gap():
    law = Fixed([[0.95, 0.05], [0.96, 0.04], [0.97, 0.03], [0.94, 0.06], [0.93, 0.07]])
    assert reveals(law, Sampler(Confidence(), Spaced(Threshold(0.9), 2))) == [[0, 2, 4], [1, 3]]
    assert reveals(law, recipes.spaced(recipes.threshold(0.9), 3))[0] == [2]
    wide = unmask.sample(law, Sampler(Confidence(), Spaced(Each(5), 2)), n=3)
    for line in wide.trace:
        gaps = torch.tensor(sorted(line["positions"])).diff()
        assert (gaps >= 2).all()


def test_ancestral_sizes_have_the_right_mean():
    """Each of 4 steps reveals a quarter of 8 tokens on average; 2,000 rows, 4 standard errors."""
    out = unmask.sample(Fixed([COIN] * 8), recipes.ancestral(4), n=2000, seed=3)
    counts = torch.zeros(4)
    for line in out.trace:
        counts[line["step"]] += len(line["positions"])
    assert ((counts - 4000).abs() < 4 * (16_000 * 0.25 * 0.75) ** 0.5).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: recipes.margin(0),
        lambda: recipes.ancestral(0),
        lambda: recipes.dream(0),
        lambda: recipes.left_to_right(0),
    ],
)
def test_no_steps_is_an_error(make):
    with pytest.raises(unmask.InputError, match="expected at least 1"):
        make()


def sticky_law():
    """Thirty-two tokens, each like the one before it with probability 0.7."""
    return laws.MarkovChain([0.25] * 4, [[0.7 if i == j else 0.1 for j in range(4)] for i in range(4)], 32)


def test_a_selection_that_is_not_asked_does_not_advance():
    sizes = []
    for otherwise in (Sizes(8), Each(4)):
        sampler = Sampler(Confidence(), Stable(0.69, 0.5, 1, otherwise))
        out = unmask.sample(unmask.oracle(sticky_law()), sampler, n=4, seed=0)
        sizes.append([[len(line["positions"]) for line in out.trace.row(row)] for row in range(4)])
    assert sizes[0] == sizes[1]
    assert max(max(row) for row in sizes[0]) == 4


def test_sizes_make_up_for_what_a_gap_left_out():
    out = unmask.sample(unmask.oracle(sticky_law()), recipes.spaced(recipes.margin(8), 4), n=1, seed=0)
    revealed = [len(line["positions"]) for line in out.trace.row(0)]
    assert len(revealed) == 8
    assert sum(revealed) == 32
