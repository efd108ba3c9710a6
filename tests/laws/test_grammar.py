import itertools
import math

import numpy as np
import pytest

from reference import law_checks
from unmask import InputError
from unmask.laws import Grammar

BRACKETS = {
    "S": {"S S": 0.3, "OPEN REST": 0.4, "OPEN CLOSE": 0.3},
    "REST": {"S CLOSE": 1.0},
    "OPEN": {"(": 1.0},
    "CLOSE": {")": 1.0},
}


def random_grammar(symbols, vocab_size, length, seed, zeros=0.3):
    """Random rules, each absent with probability `zeros`; ambiguous as a rule."""
    rng = np.random.default_rng(seed)
    rules = rng.exponential(size=(symbols, symbols**2 + vocab_size))
    rules *= rng.random(rules.shape) >= zeros
    rules[:, -1] += 1e-2
    rules /= rules.sum(axis=1, keepdims=True)
    return Grammar(length, rules[:, : symbols**2].reshape((symbols,) * 3), rules[:, symbols**2 :])


LAWS = {
    "brackets": Grammar.from_rules(BRACKETS, 6),
    "one token": random_grammar(3, 3, 1, seed=0),
    "three symbols": random_grammar(3, 3, 4, seed=1),
    "long and sparse": random_grammar(2, 2, 7, seed=2, zeros=0.5),
    "start elsewhere": Grammar.from_rules({"A": {"a": 0.5, "b": 0.5}, "S": {"A S": 0.5, "A A": 0.5}}, 4, start="S"),
}
each_law = pytest.mark.parametrize("law", LAWS.values(), ids=LAWS.keys())


def weight_of_all_trees(grammar, symbol, tokens):
    """Probability that `symbol` derives the tokens: every rule and every split, by recursion."""
    if len(tokens) == 1:
        return grammar.lexical[symbol, tokens[0]]
    return sum(
        grammar.binary[symbol, b, c]
        * weight_of_all_trees(grammar, b, tokens[:cut])
        * weight_of_all_trees(grammar, c, tokens[cut:])
        for b, c in itertools.product(range(len(grammar.lexical)), repeat=2)
        if grammar.binary[symbol, b, c] > 0
        for cut in range(1, len(tokens))
    )


@pytest.mark.parametrize("name", ["brackets", "three symbols", "one token", "start elsewhere"])
def test_probabilities_are_the_sum_over_all_trees_given_the_length(name):
    law = LAWS[name]
    sequences = law.support()
    weights = np.array([weight_of_all_trees(law, law.start, tuple(row)) for row in sequences.tolist()])
    np.testing.assert_allclose(np.exp(law.log_prob(sequences)), weights / weights.sum(), rtol=1e-11, atol=0)


@each_law
def test_conditionals_are_those_of_the_joint_table(law):
    law_checks.assert_law_is_exact(law)


@each_law
def test_samples_follow_the_law(law):
    law_checks.assert_samples_follow(law)


@each_law
def test_the_curve_of_a_small_grammar_is_the_enumerated_one(law):
    law_checks.assert_curve_is_exact(law)


def test_long_sentences_of_brackets_are_balanced_and_their_masked_tokens_are_known_exactly():
    law = Grammar.from_rules(BRACKETS, 40)
    x = law.sample(50, seed=3)
    depth = np.cumsum(1 - 2 * x, axis=1)
    assert np.all(depth >= 0)
    assert np.all(depth[:, -1] == 0)
    assert np.all(np.isfinite(law.log_prob(x)))
    known = np.ones(x.shape, dtype=bool)
    known[:, 20] = False  # parity of the count decides
    np.testing.assert_allclose(law.conditionals(x, known)[np.arange(50), 20, x[:, 20]], 1.0, atol=1e-12)
    nothing = np.zeros((1, 40), dtype=bool)
    first, last = law.conditionals(x[:1], nothing)[0, [0, -1]]
    np.testing.assert_allclose([first, last], [[1, 0], [0, 1]], atol=1e-12)


def test_rare_words_do_not_underflow():
    words = {f"w{i}": 1e-4 for i in range(10_000)}
    law = Grammar.from_rules({"S": {"S A": 0.5, "A A": 0.5}, "A": words}, 100)
    x = law.sample(2, seed=0)
    np.testing.assert_allclose(law.log_prob(x), -100 * math.log(10_000), rtol=1e-10)


def test_named_rules_make_the_same_grammar_as_arrays():
    law = Grammar.from_rules({"S": {"S S": 0.25, "yes": 0.5, "no": 0.25}}, 3)
    assert law.words == ("yes", "no")
    arrays = Grammar(3, [[[0.25]]], [[0.5, 0.25]])
    np.testing.assert_array_equal(law.log_prob(law.support()), arrays.log_prob(arrays.support()))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Grammar.from_rules({"S": {"S S": 0.3, "a": 0.6}}, 3), r"rules for 'S' sum to 0.9; expected 1"),
        (lambda: Grammar.from_rules({"S": {"S": 0.3, "a": 0.7}}, 3), r"'S -> S'; a right side is two symbols, or one"),
        (lambda: Grammar.from_rules({"S": {"S b": 0.3, "a": 0.7}}, 3), r"'S -> S b'; a right side is two symbols"),
        (lambda: Grammar.from_rules(BRACKETS, 7), r"length is 7, but the grammar derives no sentence of 7 tokens"),
        (lambda: Grammar.from_rules(BRACKETS, 6, start="T"), r"start is 'T'; the symbols are S, REST, OPEN, CLOSE"),
        (lambda: Grammar(3, [[[0.5]]], [[0.2, 0.2]]), r"rules is not a distribution: a row of it sums to 0.9"),
        (lambda: Grammar(3, [[[0.5]]], [[0.7, -0.2]]), r"rules has an entry -0.2"),
        (lambda: Grammar(3, [[0.5]], [[0.5]]), r"binary and lexical have shapes \(1, 1\) and \(1, 1\)"),
        (lambda: Grammar(0, [[[0.5]]], [[0.5]]), r"length is 0; expected a whole number of at least 1"),
        (lambda: Grammar(3, [[[0.5]]], [[0.5]], words=["a", "b"]), r"words has 2 entries"),
    ],
)
def test_a_grammar_that_is_none_is_refused_in_one_line(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
