import numpy as np
import pytest

from unmask import InputError
from unmask.laws import Law, MarkovChain, Permutation, Staircase, catalogue, toy_grammar
from unmask.laws.catalogue import from_name, names, parameters


@pytest.mark.parametrize("name", names())
def test_every_name_makes_a_law_that_knows_its_own_samples(name):
    law = from_name(name)
    assert isinstance(law, Law)
    x = law.sample(20, seed=0)
    assert x.shape == (20, law.length)
    assert np.all(np.isfinite(law.log_prob(x)))
    known = np.random.default_rng(0).random(x.shape) < 0.5
    answers = law.conditionals(x, known)
    np.testing.assert_allclose(answers.sum(axis=2), 1.0, atol=1e-9)
    assert np.all(np.take_along_axis(answers, x[:, :, None], axis=2) > 0)  # what was drawn is possible


@pytest.mark.parametrize("name", names())
def test_no_rows_are_a_batch_too(name):
    law = from_name(name)
    x = law.sample(0, seed=0)
    assert x.shape == (0, law.length)
    assert law.log_prob(x).shape == (0,)
    assert law.conditionals(x, np.zeros((0, law.length), dtype=bool)).shape == (0, law.length, law.vocab_size)


@pytest.mark.parametrize("name", [name for name in names() if "length" in parameters(name)])
def test_every_length_can_be_said(name):
    length = {"mds_code": 14, "staircase": 14, "table": 3}.get(name, 10)
    assert from_name(f"{name}:length={length}").length == length


def test_parameters_reach_the_law():
    assert isinstance(from_name("permutation:length=8"), Permutation)
    assert from_name("balanced: length=9, ones=2").ones == 2
    chain = from_name("markov_chain:length=64,stay=0.95,vocab_size=3")
    assert isinstance(chain, MarkovChain)
    np.testing.assert_allclose(chain.transition[0], [0.95, 0.025, 0.025])
    stairs = from_name("staircase:length=4,codes=1x5+3x7")
    assert isinstance(stairs, Staircase)
    assert stairs.vocab_size == 35


def test_a_name_may_be_written_with_hyphens_or_capitals():
    assert repr(from_name("Polya-Urn")) == repr(from_name("polya_urn"))


def test_the_toy_language_is_a_law_by_name():
    assert from_name("toy") is toy_grammar()


def test_a_seeded_law_is_the_same_each_time_and_another_for_another_seed():
    x = np.zeros((1, 4), dtype=int)
    assert from_name("table").log_prob(x) == from_name("table:seed=0").log_prob(x)
    assert from_name("table:seed=1").log_prob(x) != from_name("table").log_prob(x)


def test_parameters_lists_the_defaults():
    assert parameters("markov_chain") == {"length": 16, "vocab_size": 4, "stay": 0.9}
    assert parameters("toy") == {}


def test_names_are_sorted_and_each_is_its_laws_field_name():
    assert list(names()) == sorted(names())
    assert {"markov_chain", "mds_code", "permutation", "parity", "toy"} <= set(names())
    assert catalogue.names() == names()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("permutaton", r"there is no law 'permutaton'; did you mean 'permutation'\? There are balanced, "),
        ("zzz", r"there is no law 'zzz'; there are balanced, "),
        ("", r"there is no law ''; there are balanced, "),
        ("markov_chain:lenght=3", r"no parameter 'lenght'; did you mean 'length'\?"),
        ("permutation:8", r"has the part '8'; expected permutation:parameter=value"),
        ("permutation:length=x", r"length of permutation is 'x'; expected a whole number"),
        ("permutation:length=2.5", r"length of permutation is '2.5'; expected a whole number"),
        ("permutation:length=-2", r"length is -2; expected a whole number of at least 1"),
        ("polya_urn:concentration=much", r"concentration of polya_urn is 'much'; expected a number"),
        ("polya_urn:concentration=nan", r"concentration of polya_urn is 'nan'; expected a number"),
        ("toy:length=3", r"no parameter 'length'; it takes none"),
        ("mds_code:vocab_size=15", r"prime of at least 16, such as 17"),
        ("staircase:codes=4-5", r"codes is '4-5'; expected dimension x field pairs"),
        ("markov_chain:stay=1.3", r"stay is 1.3; expected a probability in 0..1"),
        ("markov_chain:vocab_size=1", r"vocab_size is 1; expected a whole number of at least 2"),
        ("hidden_markov:blur=2", r"blur is 2.0; expected a probability in 0..1"),
        ("brackets:length=7", r"the grammar derives no sentence of 7 tokens"),
        ("brackets:nested=0.9", r"side_by_side and nested are 0.3 and 0.9; expected shares that sum to at most 1"),
        ("table:length=30", r"table of 3\^30 entries is too large"),
    ],
)
def test_a_name_that_means_nothing_is_refused_in_one_line(name, message):
    with pytest.raises(InputError, match=message) as caught:
        from_name(name)
    assert "\n" not in str(caught.value)


OWN = """
from unmask.laws import Permutation

def cards(length: int = 4) -> Permutation:
    return Permutation(length)

def wrong():
    return 4
"""


def test_a_law_may_lie_in_a_file_of_one_s_own(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    assert from_name(f"{tmp_path}/own.py:cards").length == 4
    assert from_name(f"{tmp_path}/own.py:cards:length=5").length == 5
    with pytest.raises(InputError, match=r"own.py:wrong made 4; expected a Law"):
        from_name(f"{tmp_path}/own.py:wrong")
    with pytest.raises(InputError, match="has no function 'card'; did you mean 'cards'"):
        from_name(f"{tmp_path}/own.py:card")
    with pytest.raises(InputError, match="no parameter 'size'"):
        from_name(f"{tmp_path}/own.py:cards:size=5")
