import itertools

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForMaskedLM

from unmask import laws
from unmask.training import architecture
from unmask.training.objective import (
    HiddenLogits,
    corrupt,
    objective,
    revealed,
    stratified_counts,
    token_losses,
)

LENGTH, VOCAB = 4, 3


@pytest.fixture(scope="module")
def law():
    rng = np.random.default_rng(0)
    table = rng.gamma(0.5, size=(VOCAB,) * LENGTH)
    return laws.Table(table / table.sum())


def imperfect(law, x, known, share):
    """The law's conditionals mixed with the uniform law: a predictor that is worse than the law."""
    return (1 - share) * law.conditionals(x, known) + share / law.vocab_size


def cross_entropy_curve(law, share):
    """c_k by brute force: every sequence, every set, every hidden position."""
    x = law.support()
    probabilities = np.exp(law.log_prob(x))
    curve = []
    for k in range(LENGTH):
        values = []
        for subset in itertools.combinations(range(LENGTH), k):
            known = np.zeros((len(x), LENGTH), dtype=bool)
            known[:, list(subset)] = True
            predicted = imperfect(law, x, known, share)
            for i in set(range(LENGTH)) - set(subset):
                values.append(
                    -(probabilities * np.log(np.maximum(predicted[np.arange(len(x)), i, x[:, i]], 1e-300))).sum()
                )
        curve.append(np.mean(values))
    return np.array(curve)


def loss_of_rows(law, x, known, share):
    """The objective as the trainer computes it, with a predictor in the place of the network."""
    batch = corrupt(x, known, mask_token_id=VOCAB)
    logits = torch.from_numpy(np.log(np.maximum(imperfect(law, x, known, share), 1e-300))).flatten(0, 1)[batch.hidden]
    return batch, logits


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_population_value_of_the_objective_is_the_nelbo_per_token(law, share):
    x = law.support()
    probabilities = np.exp(law.log_prob(x))
    expectation = 0.0
    for k in range(LENGTH):
        subsets = list(itertools.combinations(range(LENGTH), k))
        for subset in subsets:
            known = np.zeros((len(x), LENGTH), dtype=bool)
            known[:, list(subset)] = True
            batch, logits = loss_of_rows(law, x, known, share)
            row_of = batch.hidden.numpy() // LENGTH
            rows = np.bincount(row_of, token_losses(logits, batch.targets).numpy() * batch.weights.numpy())
            assert float(objective(logits, batch, len(x))) == pytest.approx(rows.mean(), rel=1e-6)
            expectation += (probabilities * rows).sum() / (LENGTH * len(subsets))
    assert expectation == pytest.approx(cross_entropy_curve(law, share).mean(), rel=1e-6)
    if share == 0:
        assert expectation == pytest.approx(law.curve().entropy / LENGTH, rel=1e-6)


def test_drawn_corruption_estimates_the_nelbo_without_bias(law):
    # 200 batches of 64 rows; the mean is within 4 standard errors with probability above 0.9999, and the seed is fixed.
    rng = np.random.default_rng(1)
    values = []
    for step in range(200):
        x = law.sample(64, rng)
        counts = stratified_counts(LENGTH, 64, seed=5, step=step)
        known = revealed(counts, LENGTH, 5, np.full(64, 0), np.arange(64) + 64 * step)
        batch, logits = loss_of_rows(law, x, known, 0.3)
        values.append(float(objective(logits, batch, 64)))
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    assert abs(np.mean(values) - cross_entropy_curve(law, 0.3).mean()) < 4 * error
    assert error < 0.01


def test_counts_of_a_batch_of_l_rows_are_each_count_once():
    for step in range(5):
        assert sorted(stratified_counts(16, 16, seed=0, step=step)) == list(range(16))


def test_the_count_of_every_row_is_uniform():
    # chi-square with 7 degrees of freedom, 4000 draws; 24.3 is the 0.999 quantile, and the seed is fixed.
    for row in (0, 3):
        counts = np.bincount([stratified_counts(8, 4, seed=2, step=step)[row] for step in range(4000)], minlength=8)
        assert ((counts - 500) ** 2 / 500).sum() < 24.3


def test_revealed_sets_have_the_asked_size_and_are_uniform():
    counts = np.full(6000, 2)
    known = revealed(counts, 4, 0, np.zeros(6000, dtype=int), np.arange(6000))
    assert (known.sum(axis=1) == 2).all()
    # 6 pairs, 1000 expected each: chi-square with 5 degrees of freedom, 20.5 is the 0.999 quantile.
    pairs = np.bincount(known @ np.array([1, 2, 4, 8]), minlength=16)
    pairs = pairs[[3, 5, 6, 9, 10, 12]]
    assert pairs.sum() == 6000
    assert ((pairs - 1000) ** 2 / 1000).sum() < 20.5


def test_the_revealed_set_of_an_example_does_not_depend_on_its_batch():
    counts, epochs, examples = np.array([3, 7, 1, 5]), np.array([0, 0, 1, 1]), np.array([9, 4, 9, 2])
    together = revealed(counts, 10, 3, epochs, examples)
    for row in range(4):
        alone = revealed(counts[row : row + 1], 10, 3, epochs[row : row + 1], examples[row : row + 1])
        assert (alone[0] == together[row]).all()
    assert (revealed(counts, 10, 4, epochs, examples) != together).any()
    fixed = np.full(4, 5)
    assert (revealed(fixed, 10, 3, epochs, examples)[0] != revealed(fixed, 10, 3, epochs, examples)[2]).any()


def test_corruption_hides_exactly_what_is_not_known():
    x = np.arange(12).reshape(2, 6)
    known = np.array([[1, 0, 1, 0, 1, 1], [0, 1, 1, 1, 1, 1]], dtype=bool)
    batch = corrupt(x, known, mask_token_id=99)
    assert batch.inputs.tolist() == [[0, 99, 2, 99, 4, 5], [99, 7, 8, 9, 10, 11]]
    assert batch.hidden.tolist() == [1, 3, 6]
    assert batch.targets.tolist() == [1, 3, 6]
    assert batch.weights.tolist() == [0.5, 0.5, 1.0]


def bert():
    torch.manual_seed(0)
    return BertForMaskedLM(
        BertConfig(vocab_size=20, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
    )


@pytest.mark.parametrize("make", [lambda: architecture.from_scratch("nano", 20, 8, seed=0), bert])
def test_logits_at_hidden_positions_are_those_of_the_whole_network(make):
    network = make().eval()
    inputs = torch.randint(0, 20, (3, 8), generator=torch.Generator().manual_seed(0))
    hidden = torch.tensor([0, 5, 9, 23])
    with torch.no_grad():
        whole = network(input_ids=inputs).logits.flatten(0, 1)[hidden]
        some = HiddenLogits(network)(inputs, hidden)
        again = network(input_ids=inputs).logits  # the network itself stays an ordinary one
    torch.testing.assert_close(some, whole, rtol=1e-5, atol=1e-6)
    assert again.shape == (3, 8, 20)
