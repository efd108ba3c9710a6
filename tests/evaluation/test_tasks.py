import numpy as np
import pytest

from unmask import InputError, laws
from unmask.evaluation import tasks
from unmask.evaluation.tasks import names, task, task_of_law
from unmask.laws import catalogue


@pytest.mark.parametrize("name", names())
def test_every_task_is_a_law_by_name_and_its_samples_are_right(name):
    made = task(name)
    assert made.name == name
    assert repr(made.law) == repr(catalogue.from_name(name))
    x = made.law.sample(20, seed=0)
    assert made.is_valid(x).tolist() == [True] * 20
    assert made.explain(x[0]) is None
    assert 0 <= made.prompt_length < made.law.length
    assert made.description.endswith(".")


@pytest.mark.parametrize("name", names())
def test_a_row_is_explained_exactly_when_it_is_wrong_and_a_mask_is_wrong(name):
    made = task(name)
    rng = np.random.default_rng(1)
    x = made.law.sample(40, rng)
    rows = np.where(rng.random(x.shape) < 0.1, rng.integers(made.law.vocab_size, size=x.shape), x)
    rows[0, -1], rows[1, 0] = made.law.vocab_size, -1
    valid = made.is_valid(rows)
    assert not valid[:2].any()
    assert [made.explain(row) is None for row in rows] == valid.tolist()
    assert not valid.all()


@pytest.mark.parametrize("name", names())
def test_the_task_of_a_law_is_the_one_its_name_makes(name):
    made = task(name)
    again = task_of_law(made.law)
    assert again is not None
    assert again.law is made.law
    assert (again.name.partition(":")[0], again.title, again.description) == (name, made.title, made.description)
    assert again.prompt_length == made.prompt_length


def test_parameters_reach_the_law_and_stay_in_the_name():
    made = task("list_copy:items=3")
    assert made.name == "list_copy:items=3"
    assert made.law.length == 6
    assert made.prompt_length == 3
    assert task("Latin-Square:side=3").law.length == 9


@pytest.mark.parametrize("name", sorted(set(catalogue.names()) - set(names())))
def test_a_law_that_is_no_task_by_name_allows_everything_unless_it_repeats(name):
    assert (task_of_law(catalogue.from_name(name)) is not None) == (name == "repeated")


@pytest.mark.parametrize(
    ("law", "restricted"),
    [
        (laws.MDSCode(3, 3, 3), False),
        (laws.MDSCode(3, 2, 3), True),
        (laws.Staircase(3, [(3, 3), (1, 5)]), True),
        (laws.Staircase(3, [(3, 3)]), False),
        (laws.Permutation(1), False),
        (laws.Repeated(4, 2, 0.1), False),
        (laws.Product([[0.5, 0.5], [1.0, 0.0]]), True),
        (laws.Listed([[0, 0], [1, 1]]), True),
        (laws.Listed([[0], [1]]), False),
        (laws.Table([[0.5, 0.5], [0.0, 0.0]]), True),
        (laws.MarkovChain([0.5, 0.5], [[0.5, 0.5], [1.0, 0.0]], 3), True),
        (laws.MarkovChain([0.5, 0.5], [[0.5, 0.5], [1.0, 0.0]], 1), False),
        (laws.Tree([-1, 0], [0.5, 0.5], [[0.5, 0.5], [1.0, 0.0]]), True),
        (laws.Tree([-1, 0], [0.5, 0.5], [[0.5, 0.5], [0.9, 0.1]]), False),
    ],
)
def test_a_law_is_a_task_when_some_row_is_impossible(law, restricted):
    assert (task_of_law(law) is not None) == restricted
    assert np.isneginf(law.log_prob(law.support())).any() == restricted


def test_a_law_with_no_rule_to_read_says_that_a_row_is_impossible():
    made = task("permutation:length=3")
    assert made.explain([0, 1, 1]) == "impossible under the law"
    assert made.explain([2, 1, 0]) is None
    assert made.law.length == 3


def test_a_law_with_a_rule_says_what_is_wrong():
    assert task("modular_sum:digits=2,modulus=5").explain([3, 4, 1]) == "3 + 4 is 2 mod 5, not 1"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sudoko", r"there is no task 'sudoko'; did you mean 'sudoku'\? There are balanced, "),
        ("zzz", r"there is no task 'zzz'; there are balanced, "),
        ("list_copy:item=3", r"no parameter 'item'; did you mean 'items'\?"),
        ("mds_code:dimension=16", r"'mds_code:dimension=16' gives every row a probability"),
    ],
)
def test_a_name_that_means_nothing_is_refused_in_one_line(name, message):
    with pytest.raises(InputError, match=message) as caught:
        task(name)
    assert "\n" not in str(caught.value)


def test_names_are_sorted_and_all_are_laws():
    assert list(names()) == sorted(names())
    assert set(names()) <= set(catalogue.names())
    assert tasks.names() == names()
