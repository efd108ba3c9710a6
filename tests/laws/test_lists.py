import math

import numpy as np
import pytest

from reference import enumeration, law_checks
from unmask import InputError
from unmask.laws import catalogue, list_operation
from unmask.laws.listed_task import NAMES
from unmask.laws.lists import OPERATIONS

# Answers to a prompt, places of the prompt, and names it takes besides the list, for n items.
SIZES = {
    "copy": lambda n: (1, 1, 0),
    "reverse": lambda n: (1, 1, 0),
    "sort": lambda n: (1, 1, 0),
    "shuffle": lambda n: (math.factorial(n), 1, 0),
    "insert": lambda n: (1, n + 1, 1),
    "insert_random": lambda n: (n + 1, 1, 1),
    "remove": lambda n: (1, n, 0),
    "remove_random": lambda n: (n, 1, 0),
    "replace": lambda n: (1, n, 1),
    "replace_random": lambda n: (n, 1, 1),
}
RIGHT = {
    "copy": ["anna dora ben carla anna dora ben carla"],
    "reverse": ["anna dora ben carla carla ben dora anna"],
    "sort": ["anna dora ben carla anna ben carla dora"],
    "shuffle": ["anna dora ben carla anna dora ben carla", "anna dora ben carla carla anna dora ben"],
    "insert": [
        "anna dora ben carla emil second anna emil dora ben carla",
        "anna dora ben carla emil fifth anna dora ben carla emil",
    ],
    "insert_random": ["anna dora ben carla emil anna emil dora ben carla"],
    "remove": ["anna dora ben carla second anna ben carla"],
    "remove_random": ["anna dora ben carla anna dora ben"],
    "replace": ["anna dora ben carla emil second anna emil ben carla"],
    "replace_random": ["anna dora ben carla emil anna dora ben emil"],
}
WRONG = {
    ("copy", "anna dora ben carla anna dora dora carla"): "dora stands twice in the answer",
    ("copy", "anna dora anna carla anna dora anna carla"): "anna stands twice in the list",
    ("copy", "anna dora ben carla anna ben dora carla"): "ben stands second in the answer, where dora belongs",
    ("copy", "anna dora ben carla anna dora ben emil"): "carla is missing in the answer",
    ("shuffle", "anna dora ben carla anna anna dora ben"): "anna stands twice in the answer",
    ("shuffle", "anna dora ben carla emil anna dora ben"): "carla is missing in the answer",
    ("insert", "anna dora ben carla dora second anna dora dora ben carla"): "dora is in the list already",
    ("insert", "anna dora ben carla emil emil anna emil dora ben carla"): '"emil" stands where a place belongs',
    (
        "insert",
        "anna dora ben carla emil first anna emil dora ben carla",
    ): "anna stands first in the answer, where emil belongs",
    ("remove", "anna dora ben carla second anna dora carla"): "ben is missing in the answer",
    ("replace_random", "anna dora ben carla emil anna dora ben carla"): "emil is missing in the answer",
    ("replace_random", "anna dora ben carla emil emil dora ben emil"): "emil stands twice in the answer",
}


def right_in_one_step(law, x):
    """P(valid | prompt) when the whole answer of one row x is drawn in one step, by adding up every right answer."""
    prompt = law.prompt_length
    first = law.conditionals(x, np.arange(law.length)[None] < prompt)[0]
    right = law.listed.sequences[np.all(law.listed.sequences[:, :prompt] == x[0, :prompt], axis=1)]
    return first[np.arange(law.length), right].prod(axis=1).sum()


def test_every_operation_is_tested():
    assert list(SIZES) == list(OPERATIONS)
    assert list(RIGHT) == list(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_everything_is_exact_for_two_items(name):
    law = list_operation(name, items=2, names=3)
    law_checks.assert_law_is_exact(law)
    law_checks.assert_curve_is_exact(law)
    law_checks.assert_samples_follow(law, n=5000)


@pytest.mark.parametrize("name", OPERATIONS)
def test_conditionals_given_any_known_set_are_those_of_the_rows_that_agree(name):
    law = list_operation(name)
    rows, masses = law.listed.sequences, law.listed.probabilities
    x, known = enumeration.random_canvases(law.length, law.vocab_size, 12, seed=5)
    x[:9] = law.sample(9, seed=6)
    answers = law.conditionals(x, known)
    for row in range(len(x)):
        agrees = np.all((rows == x[row]) | ~known[row], axis=1)
        for i in np.flatnonzero(~known[row]):
            counts = np.bincount(rows[agrees, i], masses[agrees], minlength=law.vocab_size)
            wanted = counts / counts.sum() if agrees.any() else np.full(law.vocab_size, 1 / law.vocab_size)
            np.testing.assert_allclose(answers[row, i], wanted, atol=1e-12)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize(("items", "names"), [(4, 6), (3, 4)])
def test_the_entropy_is_that_of_prompt_and_answer(name, items, names):
    answers, places, new = SIZES[name](items)
    law = list_operation(name, items, names)
    size = math.perm(names, items + new) * places * answers
    assert len(law.listed.sequences) == size
    assert law.entropy == pytest.approx(math.log(size))
    assert law.curve().stderr is None
    assert law.curve().entropy == pytest.approx(math.log(size))
    assert law.prompt_length == items + new + (places > 1)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("n", [3, 4])
def test_given_the_prompt_one_step_is_right_with_the_probability_of_the_formula(name, n):
    law = list_operation(name, items=n)
    wanted = {
        "shuffle": math.factorial(n) / n**n,
        "replace_random": (1 - 1 / n) ** (n - 1),
        "insert_random": math.factorial(n) * 2**n / (n + 1) ** (n + 1),  # ours: sum over the place
        "remove_random": math.factorial(n - 1) * 2 ** (n - 1) / n ** (n - 1),
    }
    assert right_in_one_step(law, law.sample(1, seed=7)) == pytest.approx(wanted.get(name, 1.0), abs=1e-12)


@pytest.mark.parametrize("name", OPERATIONS)
def test_right_answers_are_valid_and_have_nothing_to_explain(name):
    law = list_operation(name)
    for text in RIGHT[name]:
        row = law.encode(text)
        assert law.decode(row) == text
        assert law.is_valid(row[None])[0]
        assert law.explain(row) is None


@pytest.mark.parametrize(("question", "reason"), WRONG.items())
def test_a_wrong_answer_is_found_and_its_mistake_named(question, reason):
    name, text = question
    law = list_operation(name)
    row = law.encode(text)
    assert not law.is_valid(row[None])[0]
    assert law.explain(row) == reason


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_rule_agrees_with_the_list(name):
    law = list_operation(name)
    rng = np.random.default_rng(8)
    x = law.sample(300, rng)
    mixed = np.where(rng.random(x.shape) < 0.1, law.sample(300, rng), x)
    swapped = x.copy()
    swapped[:, [-1, -2]] = x[:, [-2, -1]]
    anything = np.where(rng.random(x.shape) < 0.1, rng.integers(-1, law.vocab_size + 1, size=x.shape), x)
    rows = np.concatenate([x, mixed, swapped, anything])
    valid = law.is_valid(rows)
    assert valid[:300].all()
    assert not valid.all()
    assert [law.explain(row) is None for row in rows] == valid.tolist()


def test_every_operation_is_a_law_by_name():
    for name in OPERATIONS:
        law = catalogue.from_name(f"list_{name}:items=3,names=5")
        assert repr(law) == f"ListedTask(list_{name}:items=3,names=5)"
        assert catalogue.parameters(f"list_{name}") == {"items": 4, "names": 6}


def test_names_are_in_alphabetical_order():
    assert list(NAMES) == sorted(set(NAMES))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("shufle",), r"there is no list operation 'shufle'; did you mean 'shuffle'\? There are copy, reverse"),
        (("zzz",), r"there is no list operation 'zzz'; there are copy, reverse"),
        (("shuffle", 12, 12), r"items is 12; .* more than 50000 sequences, .* items may be at most 3 here"),
        (("copy", 7, 6), r"items is 7; expected a whole number in 2..6"),
        (("insert", 6, 6), r"items is 6; expected a whole number in 2..5"),
        (("copy", 1, 6), r"items is 1; expected a whole number in 2..6"),
        (("copy", 4, 13), r"names is 13; expected a whole number in 2..12"),
    ],
)
def test_what_cannot_be_made_is_refused_in_one_line(arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        list_operation(*arguments)
    assert "\n" not in str(caught.value)
