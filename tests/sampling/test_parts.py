"""Windows, shapes, stops, orders and citations, each alone."""

import pytest
import torch

import unmask
from reference.tiny_network import TinyNetwork
from unmask import orders, recipes
from unmask.sampling import logits_transforms, stopping
from unmask.sampling.canvas import Canvas
from unmask.sampling.priorities import Arranged, Confidence, DrawnConfidence, Noisy
from unmask.sampling.rules.llada import EndOfTextLast
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import Each
from unmask.sampling.windows import Blocks, Sliding, Whole


def canvas(known, **options):
    known = torch.tensor(known, dtype=torch.bool)
    return Canvas(torch.zeros(known.shape).long(), known, torch.arange(len(known)), 0, torch.device("cpu"), **options)


# -- windows --


def test_blocks_begin_after_the_prompt_and_skip_what_is_known():
    rows = canvas([[0, 0, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0, 0], [1, 0, 1, 0, 0, 0, 0]])
    window = Blocks(2)
    assert window(rows).int().tolist() == [[1, 1, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 0, 0], [0, 1, 1, 0, 0, 0, 0]]
    assert window.stages(rows).tolist() == [4, 2, 3]
    rows.known[0, :2] = True
    rows.known[1, 3] = True
    assert window.stage(rows).tolist() == [1, 0, 0]
    assert window.stages(rows).tolist() == [4, 2, 3]


def test_a_sliding_window_opens_the_first_masked_positions():
    rows = canvas([[0, 1, 0, 0, 0], [0, 0, 0, 0, 0]])
    assert Sliding(2)(rows).int().tolist() == [[1, 0, 1, 0, 0], [1, 1, 0, 0, 0]]
    assert Whole()(rows).all()
    out = unmask.sample(TinyNetwork(), Sampler(Confidence(), Each(1), Sliding(3)), n=2, length=9)
    revealed = set()
    for line in out.trace.row(0):
        first_masked = next(i for i in range(9) if i not in revealed)
        assert line["positions"][0] < first_masked + 3 + len(revealed)
        revealed |= set(line["positions"])


def test_blocks_of_any_sampler_finish_one_block_before_the_next():
    out = unmask.sample(TinyNetwork(), recipes.entropy_bound(2.0).in_blocks(4), n=3, length=10)
    for row in range(3):
        blocks = [column // 4 for line in out.trace.row(row) for column in line["positions"]]
        assert blocks == sorted(blocks)


# -- shapes --


def shaped(shape, probabilities):
    return shape(torch.tensor([probabilities]).log(), None, None).exp()[0]


def test_temperature_top_k_and_top_p_change_the_law_as_their_names_say():
    p = [0.5, 0.25, 0.15, 0.1]
    torch.testing.assert_close(
        shaped(logits_transforms.Tempered(0.5), p), torch.tensor(p) ** 2 / (torch.tensor(p) ** 2).sum()
    )
    torch.testing.assert_close(shaped(logits_transforms.Tempered(top_k=2), p), torch.tensor([2 / 3, 1 / 3, 0, 0]))
    torch.testing.assert_close(shaped(logits_transforms.Tempered(top_p=0.6), p), torch.tensor([2 / 3, 1 / 3, 0, 0]))
    torch.testing.assert_close(shaped(logits_transforms.Tempered(top_p=0.5), p), torch.tensor([1.0, 0, 0, 0]))
    torch.testing.assert_close(shaped(logits_transforms.Tempered(top_p=1e-9), p), torch.tensor([1.0, 0, 0, 0]))
    assert logits_transforms.Tempered().raw
    assert logits_transforms.Tempered(top_p=1.0).raw
    assert not logits_transforms.Shapes((logits_transforms.Raw(), logits_transforms.Tempered(0.9))).raw


def test_shaping_the_draw_does_not_change_the_choice_of_positions():
    options = {"n": 1, "length": 9, "seed": 1, "entropies": True}
    plain = unmask.sample(TinyNetwork(), recipes.margin(9), **options)
    cold = unmask.sample(TinyNetwork(), recipes.margin(9).drawing(temperature=0.1, top_p=0.5), **options)
    assert plain.trace.row(0)[0]["positions"] == cold.trace.row(0)[0]["positions"]
    assert plain.trace.row(0)[0]["entropies"] == cold.trace.row(0)[0]["entropies"]


def test_a_reading_changes_what_the_order_sees():
    sampler = Sampler(
        Confidence(), Each(1), reading=logits_transforms.Tempered(top_p=0.05)
    )  # every confidence becomes 1
    out = unmask.sample(TinyNetwork(), sampler, n=1, length=6)
    assert [line["positions"] for line in out.trace] == [[i] for i in range(6)]


def test_temperature_zero_is_greedy_and_ignores_the_seed():
    sampler = recipes.margin(3).drawing(temperature=0)
    one, two = (unmask.sample(TinyNetwork(), sampler, n=2, length=6, seed=seed).tokens for seed in (0, 1))
    assert torch.equal(one, two)
    assert torch.equal(one[0], one[1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"top_k": 0}, "top_k is 0"),
        ({"top_p": 0.0}, "top_p is 0.0"),
        ({"top_p": 1.5}, "top_p is 1.5"),
    ],
)
def test_impossible_shapes_are_refused(options, message):
    with pytest.raises(unmask.InputError, match=message):
        recipes.margin(3).drawing(**options)


# -- the end of the text --


def test_without_stopping_a_network_that_loves_the_end_fills_the_canvas_with_it():
    network = TinyNetwork(end_of_text_id=3, favourite=3)
    full = unmask.sample(network, recipes.one_by_one(order=orders.LeftToRight()), n=1, length=9)
    assert full.network_calls.tolist() == [9]
    stopped = unmask.sample(
        network, recipes.one_by_one(order=orders.LeftToRight()).ending(stopping.EndOfText()), n=1, length=9
    )
    assert stopped.network_calls.tolist() == [1]
    assert (full.tokens_per_call, full.tokens_before_end_per_call) == (1, 1 / 9)
    assert (stopped.tokens_per_call, stopped.tokens_before_end_per_call) == (9, 1)
    assert torch.equal(full.tokens, stopped.tokens)


def test_a_text_ends_only_when_everything_before_the_end_is_known():
    network = TinyNetwork(end_of_text_id=3, favourite=3)
    from_the_right = orders.Given(range(5, -1, -1))
    out = unmask.sample(network, recipes.one_by_one(order=from_the_right).ending(stopping.EndOfText()), n=1, length=6)
    assert out.network_calls.tolist() == [6]


def test_an_end_of_text_in_the_prompt_ends_nothing():
    network = TinyNetwork(end_of_text_id=3, favourite=4)
    sampler = recipes.one_by_one(order=orders.LeftToRight()).ending(stopping.EndOfText())
    assert unmask.sample(network, sampler, prompt=[1, 3], length=6).network_calls.tolist() == [4]


def test_the_end_of_text_can_be_forbidden_or_put_last():
    network = TinyNetwork(end_of_text_id=3, favourite=3)
    banned = Sampler(Confidence(), Each(2), reading=logits_transforms.WithoutEndOfText())
    assert not (unmask.sample(network, banned, n=4, length=8).tokens == 3).any()

    class EndsAtTheFront(TinyNetwork):
        def log_probs(self, tokens, known, wanted):
            laws = torch.full((len(wanted.rows), self.vocab_size), -20.0)
            laws[torch.arange(len(laws)), torch.where(wanted.columns < 2, 3, 5)] = 20.0 - wanted.columns.float()
            return laws.log_softmax(-1)

    network = EndsAtTheFront(end_of_text_id=3)
    first = unmask.sample(network, recipes.confidence(4), n=1, length=4)
    last = unmask.sample(network, Sampler(EndOfTextLast(Confidence()), Each(1)), n=1, length=4)
    assert next(iter(first.trace))["positions"] == [0]
    assert [line["positions"] for line in last.trace] == [[2], [3], [0], [1]]


def test_a_network_without_an_end_of_text_cannot_stop_at_it():
    with pytest.raises(unmask.InputError, match="no end-of-text id"):
        unmask.sample(TinyNetwork(), recipes.margin(3).ending(stopping.EndOfText()), n=1, length=4)


# -- orders --


def test_an_arranged_order_reveals_in_the_order_it_draws():
    order = orders.BitReversal(shift=False)
    out = unmask.sample(TinyNetwork(), recipes.one_by_one(order=order), n=1, length=8)
    assert [line["positions"][0] for line in out.trace] == order.draw(8, 0).tolist()


def test_an_order_is_drawn_over_the_masked_positions_only():
    known = [False, True, False, False, True, False]
    out = unmask.sample(TinyNetwork(), recipes.one_by_one(order=orders.Given([3, 0, 2, 1])), infill=([0] * 6, known))
    assert [line["positions"][0] for line in out.trace] == [5, 0, 3, 2]


def test_uniform_orders_are_uniform():
    """First positions of 3,000 rows of length 6; chi-square with 5 degrees of freedom below its 99.9 % point, 20.5."""
    out = unmask.sample(TinyNetwork(), recipes.one_by_one(), n=3000, length=6)
    first = torch.zeros(6)
    for line in out.trace:
        if line["step"] == 0:
            first[line["positions"][0]] += 1
    assert float(((first - 500) ** 2 / 500).sum()) < 20.5


def test_noise_of_strength_zero_changes_nothing_and_much_noise_forgets_the_order():
    plain = unmask.sample(TinyNetwork(), Sampler(Confidence(), Each(1)), n=20, length=8)
    still = unmask.sample(TinyNetwork(), Sampler(Noisy(Confidence(), 0.0), Each(1)), n=20, length=8)
    wild = unmask.sample(TinyNetwork(), Sampler(Noisy(Confidence(), 1e6), Each(1)), n=20, length=8)
    assert torch.equal(plain.tokens, still.tokens)
    assert len({tuple(wild.trace.row(row)[0]["positions"]) for row in range(20)}) > 3
    assert Noisy(DrawnConfidence(), 1.0).reads_draw


def test_what_is_not_an_order_is_refused():
    with pytest.raises(unmask.InputError, match=r"expected one of unmask\.orders"):
        recipes.entropy_bound(0.1, order="uniform")
    assert not Arranged(orders.LeftToRight()).random
    assert Arranged(orders.Uniform()).random
    assert Arranged(orders.BitReversal()).random
    assert not Arranged(orders.Given([1, 0])).random


# -- citations --


def test_cite_names_exactly_the_parts_in_use():
    assert "2505.21400" in unmask.cite(unmask.Schedule([1, 2]))
    assert unmask.cite(recipes.one_by_one()) == ""
    cited = unmask.cite(recipes.spaced(recipes.entropy_bound(0.1).in_blocks(4), gap=2))
    assert [number in cited for number in ("2505.24857", "2506.19037", "2502.09992", "2505.22618")] == [True] * 3 + [
        False
    ]
    assert cited.count("2505.24857") == 1


def test_every_recipe_can_be_cited():
    made = [recipes.planned(unmask.Schedule([2])), recipes.margin(2), recipes.confidence(2)]
    made += [getattr(recipes, name)() for name in recipes.__all__ if name not in NEEDS_ARGUMENTS]
    for sampler in made:
        for line in unmask.cite(sampler).splitlines():
            assert "arXiv" in line


NEEDS_ARGUMENTS = {"planned", "margin", "confidence", "spaced", "as_sampler"}
