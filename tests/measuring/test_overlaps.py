"""How long drafts stand, against the definition worked out with a law's own conditionals."""

import itertools
import json

import numpy as np
import pytest

import unmask
from reference.inconsistent import Inconsistent
from unmask.measuring import overlaps as module
from unmask.measuring.overlap_table import Overlaps
from unmask.measuring.overlaps import measure_overlaps

NETWORK = Inconsistent(length=4, vocab_size=3, seed=1, concentration=1.0)
TEXTS = np.random.default_rng(0).integers(0, 3, (6, 4))


def laws(text, order):
    """(L, L, V): the conditionals at every rank when 0, 1, … ranks of an order are shown."""
    found = []
    for count in range(len(text)):
        known = np.isin(np.arange(len(text)), order[:count])
        found.append(NETWORK.laws_of(text, known)[list(order)])
    return np.array(found)


def survival_of(text, order, revealed, drafted, verification):
    """The probability that `drafted` tokens stand, token after token of every draft."""
    p = laws(text, order)
    ranks = range(revealed, revealed + drafted)
    q = p[revealed - 1]
    if verification == "token":
        return float(np.prod([np.minimum(p[rank, rank], q[rank]).sum() for rank in ranks]))
    total = 0.0
    for tokens in itertools.product(range(3), repeat=drafted):
        target = [p[rank, rank][token] for rank, token in zip(ranks, tokens, strict=True)]
        draft = [q[rank][token] for rank, token in zip(ranks, tokens, strict=True)]
        ratio = np.cumprod(np.array(target) / np.array(draft))
        total += np.prod(target) * min(1.0, *(1 / ratio))
    return total


@pytest.mark.parametrize(("verification", "error"), [("token", 1e-5), ("block", 0.05)])
def test_survival_is_what_its_definition_says(monkeypatch, verification, error):
    """By blocks it is a mean over 2,000 draws: 0.05 is more than four standard errors."""
    monkeypatch.setattr(module, "DRAWS", 2_000)
    found = measure_overlaps(NETWORK, TEXTS, ("bisection",), verification=verification)
    order = unmask.orders.Bisection().draw(4)
    table = found.survival("bisection")
    assert table.shape == (6, 4, 3)
    for row, revealed, drafted in itertools.product(range(6), range(1, 4), range(1, 4)):
        expected = 0.0
        if revealed + drafted <= 4:
            expected = survival_of(TEXTS[row], order, revealed, drafted, verification)
        assert table[row, revealed, drafted - 1] == pytest.approx(expected, abs=error)
    assert (table[:, 0] == 0).all()


def test_what_a_text_gives_does_not_depend_on_the_others():
    together = measure_overlaps(NETWORK, TEXTS, ("uniform",), seed=3).survival("uniform")
    alone = measure_overlaps(NETWORK, TEXTS[[4, 2]], ("uniform",), seed=3, batch_size=1).survival("uniform")
    assert np.array_equal(together[[4, 2]], alone)


def test_given_tokens_are_not_drafted():
    found = measure_overlaps(NETWORK, TEXTS, ("left_to_right",), given=1, verification="token")
    whole = measure_overlaps(NETWORK, TEXTS, ("left_to_right",), verification="token")
    assert found.length == 3
    assert np.allclose(found.survival("left_to_right")[:, 1:, :2], whole.survival("left_to_right")[:, 2:, :2])


def test_of_independent_tokens_everything_stands():
    law = unmask.laws.Table(np.full((3,) * 4, 3.0**-4))
    found = measure_overlaps(unmask.oracle(law), law.sample(4, 0), ("uniform",))
    table = found.survival("uniform")
    assert np.allclose(table[table > 0], 1)


def test_the_file_is_read_back_as_it_was_written(tmp_path):
    found = measure_overlaps(NETWORK, TEXTS, ("uniform", unmask.orders.Given([2, 0, 3, 1])))
    path = found.save(tmp_path / "m.overlaps.json")
    read = Overlaps.load(path)
    assert read.texts == found.texts
    assert list(read.orders) == list(found.orders)
    assert all(np.array_equal(read.survival(name), found.survival(name)) for name in found.orders)
    broken = json.loads(path.read_text())
    for key, value, message in [
        ("length", 5, "expected \\[6, 5, 3\\]"),
        ("orders", {}, "there is no order"),
        ("texts", None, "not a whole unmask.overlaps/1 file"),
        ("format", "unmask.plan/1", "has format"),
    ]:
        path.write_text(json.dumps(broken | {key: value}))
        with pytest.raises(unmask.InputError, match=message):
            Overlaps.load(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"verification": "tree"}, "verification is 'tree'"),
        ({"largest": 0}, "largest is 0; expected a draft of at least 1"),
        ({"given": 3}, "one token is left to reveal"),
        ({"orders": ("sideways",)}, "there is no reveal order 'sideways'"),
    ],
)
def test_a_bad_argument_is_said_in_one_line(arguments, message):
    with pytest.raises(unmask.InputError, match=message):
        measure_overlaps(NETWORK, TEXTS, **arguments)
