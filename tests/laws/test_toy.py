import itertools
import math

import numpy as np
import pytest

from unmask import InputError, Schedule, price
from unmask.laws import toy_grammar
from unmask.laws.toy import GIVING, HAVING, HAVING_SHARE, NAMES

RIGHT = [
    "ben has 3 red plums , emil has 9 more : in all 12 red plums .",
    "anna gave dora 5 apples , dora had 8 before : now dora has 13 apples .",
]
WRONG = {
    "ben has 3 red plums , emil has 9 more : in all 16 red plums .": "3 + 9 is 12, not 16",
    "anna gave dora 5 apples , dora had 8 before : now dora has 16 apples .": "5 + 8 is 13, not 16",
    "ben has 3 red plums , emil has 9 more : in all 12 green plums .": "red turns into green",
    "ben has 3 red plums , emil has 9 more : in all 12 red figs .": "plums turns into figs",
    "anna gave dora 5 apples , emil had 8 before : now dora has 13 apples .": "dora turns into emil",
    "ben has 3 red plums , ben has 9 more : in all 12 red plums .": "ben comes twice",
    "ben has 3 red plums , emil has 9 before : in all 12 red plums .": '"before" stands where "more" belongs',
    "ben has 13 red plums , emil has 5 more : in all 18 red plums .": '"13" stands where a number up to 10 belongs',
    "ben has 3 red red , emil has 9 more : in all 12 red red .": '"red" stands where a fruit belongs',
    "anna gave dora 5 apples , dora had 8 before : now all 13 green apples .": '"all" stands where a name belongs',
}


@pytest.fixture(scope="module")
def toy():
    return toy_grammar()


def draw_in_parallel(law, permutations, sizes, seed):
    """Each step draws its positions independently from the exact conditionals; one permutation a row."""
    rng = np.random.default_rng(seed)
    x, known = np.zeros((2, *permutations.shape), dtype=np.int64)
    known = known.astype(bool)
    for start, size in zip(Schedule(sizes).revealed, sizes, strict=True):
        sums = np.cumsum(law.conditionals(x, known), axis=2)
        drawn = (sums <= rng.random((*x.shape, 1)) * sums[:, :, -1:]).sum(axis=2)
        chosen = np.zeros_like(known)
        np.put_along_axis(chosen, permutations[:, start : start + size], True, axis=1)
        x, known = np.where(chosen, drawn, x), known | chosen
    return x


def test_there_are_48600_sentences_of_17_words_from_45(toy):
    assert toy.listed.sequences.shape == (48_600, 17)
    assert len(toy.words) == len(set(toy.words)) == toy.vocab_size == 45
    assert set(np.unique(toy.listed.sequences)) == set(range(45))  # no word is wasted


def test_the_entropy_is_15_36_bits(toy):
    having, giving = 5 * 4 * 81 * 4 * 6, 5 * 4 * 81 * 6
    share = HAVING_SHARE
    bits = share * math.log2(having / share) + (1 - share) * math.log2(giving / (1 - share))
    assert toy.entropy / math.log(2) == pytest.approx(bits, abs=1e-9)
    assert round(bits, 2) == 15.36


def test_samples_use_each_form_as_often_as_said_and_are_all_right(toy):
    x = toy.sample(4000, seed=1)
    assert np.all(toy.is_valid(x))
    assert np.all(np.isfinite(toy.log_prob(x)))
    having = np.array([toy.decode(row).split()[1] == "has" for row in x]).mean()
    assert abs(having - HAVING_SHARE) < 4 * math.sqrt(HAVING_SHARE * (1 - HAVING_SHARE) / 4000)  # 1 seed in 16,000
    assert len({toy.decode(row).split()[0] for row in x}) == len(NAMES)


def test_right_sentences_are_valid_and_have_nothing_to_explain(toy):
    for text in RIGHT:
        row = toy.encode(text)
        assert toy.decode(row) == text
        assert toy.is_valid(row[None])[0]
        assert toy.explain(row) is None


@pytest.mark.parametrize(("text", "reason"), WRONG.items())
def test_a_wrong_sentence_is_found_and_its_mistake_named(toy, text, reason):
    row = toy.encode(text)
    assert not toy.is_valid(row[None])[0]
    assert toy.explain(row) == reason


def test_the_checker_that_reads_rules_agrees_with_the_list(toy):
    """`explain` never looks at the list of sentences; `is_valid` only does."""
    rng = np.random.default_rng(2)
    x = toy.sample(3000, rng)
    partner = toy.sample(3000, rng)
    crossed = np.where(rng.random(x.shape) < 0.15, partner, x)  # plausible words in the right kind of place
    anything = np.where(rng.random(x.shape) < 0.05, rng.integers(45, size=x.shape), x)
    rows = np.concatenate([x, crossed, anything])
    valid = toy.is_valid(rows)
    assert 0.4 < valid.mean() < 0.9
    assert [toy.explain(row) is None for row in rows] == valid.tolist()


def test_a_mask_or_any_other_token_that_is_no_word_makes_a_row_invalid(toy):
    row = toy.encode(RIGHT[0])
    rows = np.stack([row, row, row])
    rows[1, 4], rows[2, 4] = 45, -1
    assert toy.is_valid(rows).tolist() == [True, False, False]
    assert toy.decode(rows[1]) == RIGHT[0].replace("plums", "_", 1)
    assert toy.explain(rows[1]) == '"_" stands where a fruit belongs'
    assert toy.explain(row[:3]) == "3 words instead of 17"


def test_conditionals_are_those_of_the_sentences_that_agree(toy):
    sequences, probabilities = toy.listed.sequences, toy.listed.probabilities
    rng = np.random.default_rng(3)
    x = toy.sample(6, rng)
    known = rng.random(x.shape) < np.array([[0.0], [0.1], [0.2], [0.3], [0.6], [0.9]])
    answers = toy.conditionals(x, known)
    for row in range(6):
        agrees = np.all((sequences == x[row]) | ~known[row], axis=1)
        for i in range(17):
            masses = np.bincount(sequences[agrees, i], probabilities[agrees], minlength=45)
            np.testing.assert_allclose(answers[row, i], masses / masses.sum(), atol=1e-12)


def test_the_curve_is_exact_from_the_first_words_to_the_last(toy):
    """Mean entropies over all sets of 0, 1, 2, 15, 16 and 17 positions, each by grouping the sentences."""
    curve = toy.curve()
    assert curve.stderr is None
    assert curve.entropy == pytest.approx(toy.entropy, abs=1e-9)
    sequences, probabilities = toy.listed.sequences, toy.listed.probabilities
    rng = np.random.default_rng(4)
    digests = rng.integers(1 << 62, size=(17, 45), dtype=np.uint64)[np.arange(17), sequences]  # (N, 17)

    def mean_entropy(size):
        entropies = []
        for positions in itertools.combinations(range(17), size):
            group = digests[:, list(positions)].sum(axis=1, dtype=np.uint64)  # equal words, equal digest
            masses = np.bincount(np.unique(group, return_inverse=True)[1], probabilities)
            entropies.append(-(masses * np.log(masses)).sum())
        return np.mean(entropies)

    for size in (0, 1, 15, 16):
        assert curve.values[size] == pytest.approx(mean_entropy(size + 1) - mean_entropy(size), abs=1e-10)


def test_left_to_right_with_sizes_2_1_6_8_is_exact_and_no_three_steps_are(toy):
    table = toy.order_table(np.arange(17))
    assert table.one_at_a_time == pytest.approx(toy.entropy, abs=1e-9)
    assert price(table, Schedule([2, 1, 6, 8])) == pytest.approx(0, abs=1e-9)
    three = [Schedule([a, b - a, 17 - b]) for a, b in itertools.combinations(range(1, 17), 2)]
    assert min(price(table, schedule) for schedule in three) == pytest.approx(0.6065, abs=1e-4)
    left_to_right = np.tile(np.arange(17), (300, 1))
    assert np.all(toy.is_valid(draw_in_parallel(toy, left_to_right, [2, 1, 6, 8], seed=5)))


def test_equal_sizes_in_uniform_order_spoil_most_sentences_at_four_steps(toy):
    """The share of right sentences is at least exp(-price), and about one in six: 0.28 would be five errors off."""
    rng = np.random.default_rng(6)
    permutations = rng.permuted(np.tile(np.arange(17), (400, 1)), axis=1)
    schedule = Schedule.uniform(17, 4)
    share = toy.is_valid(draw_in_parallel(toy, permutations, schedule.sizes, seed=7)).mean()
    paid = price(toy.curve(), schedule)
    assert paid == pytest.approx(2.627, abs=1e-3)
    assert math.exp(-paid) < share < 0.28
    one_by_one = draw_in_parallel(toy, permutations[:100], [1] * 17, seed=8)
    assert np.all(toy.is_valid(one_by_one))


def test_a_text_with_other_words_or_another_length_is_refused(toy):
    with pytest.raises(InputError, match=r"text has the word 'zoe'; known are anna ben"):
        toy.encode("zoe has 3")
    with pytest.raises(InputError, match=r"text has 3 words; a sentence has 17"):
        toy.encode("ben has 3")


def test_both_forms_have_17_words():
    assert len(HAVING.split()) == len(GIVING.split()) == 17


def test_the_toy_grammar_is_made_once():
    assert toy_grammar() is toy_grammar()
