"""Text in, text out: prompts, infillings and texts to be scored may be words wherever they may be token ids."""

import numpy as np
import pytest
import torch

import unmask
from unmask import InputError, laws, recipes
from unmask.models import text_requests
from unmask.sampling import rule_names


@pytest.fixture(scope="module")
def toy():
    return unmask.oracle(laws.toy_grammar())


@pytest.fixture(scope="module")
def texts(toy):
    return toy.decode(toy.law.sample(6, seed=0))


def test_texts_of_a_batch_and_their_tokens_are_each_others_inverse(toy, texts):
    rows = toy.encode(texts)
    assert toy.decode(rows) == texts
    assert toy.decode(np.array(rows)) == toy.decode(torch.tensor(rows)) == texts
    assert [toy.encode(text) for text in texts] == rows
    assert toy.decode(rows[0]) == texts[0]


def test_a_law_without_words_speaks_in_token_ids():
    model = unmask.oracle(laws.Permutation(4))
    assert model.encode("3 1 0") == [3, 1, 0]
    assert model.decode([[0, 1], [2, -1]]) == ["0 1", "2"]


def test_a_checkpoint_encodes_and_decodes_one_text_and_many():
    model = unmask.load("toy")
    text = "anna has 5 red pears"
    rows = model.encode([text, text])
    assert rows == [model.encode(text)] * 2
    assert model.decode(rows) == [model.decode(rows[0])] * 2 == [text] * 2
    assert model.decode(torch.tensor([[*rows[0], -1]])) == [text]


def test_a_prompt_in_words_is_the_prompt_of_its_tokens(toy, texts):
    words = " ".join(texts[0].split()[:4])
    spoken = unmask.sample(toy, "confidence:4", n=3, prompt=words, seed=1)
    told = unmask.sample(toy, recipes.confidence(4), n=3, prompt=toy.encode(words), seed=1)
    assert torch.equal(spoken.tokens, told.tokens)
    assert all(text.startswith(words) for text in spoken.texts)
    assert repr(spoken).count(words) == 3


def test_holes_of_an_infilling_are_filled_and_the_rest_stays(toy, texts):
    words = texts[0].split()
    holed = " ".join(["[MASK]", *words[1:5], "<mask>", *words[6:]])
    out = unmask.sample(toy, "one_by_one", n=4, infill=holed, seed=0)
    assert out.given.sum(1).tolist() == [len(words) - 2] * 4
    for text in out.texts:
        found = text.split()
        assert [*found[1:5], *found[6:]] == [*words[1:5], *words[6:]]
    assert bool(toy.law.is_valid(out.tokens.numpy()).all())


def test_an_infilling_without_a_hole_is_refused(toy, texts):
    with pytest.raises(InputError, match=r"\[MASK\] for every token"):
        unmask.sample(toy, "one_by_one", infill=texts[0])


def test_what_is_missing_after_an_infilling_is_filled_in_too():
    tokens, known = text_requests.as_infill(unmask.load("toy"), "anna has [MASK] red")
    assert known.tolist() == [True, True, False, True] + [False] * 13
    assert len(tokens) == 17


def test_texts_are_scored_as_their_tokens(toy, texts):
    spoken = unmask.score(toy, "confidence:4", texts)
    told = unmask.score(toy, recipes.confidence(4), toy.encode(texts))
    assert torch.equal(spoken.log_prob, told.log_prob)
    assert unmask.score(toy, "confidence:4", texts[0]).log_prob.shape == (1,)


def test_a_rule_is_a_name_a_sampler_a_plan_a_schedule_or_a_function_that_makes_one():
    def mine(gamma=0.2):
        return recipes.entropy_bound(gamma)

    assert rule_names.as_sampler("threshold:0.8") == rule_names.from_name("threshold:0.8")
    assert rule_names.as_sampler(mine).selection == recipes.entropy_bound(0.2).selection
    assert rule_names.as_sampler(unmask.Schedule([2, 2])).predictable
    with pytest.raises(InputError, match="there is no rule 'treshold'"):
        rule_names.as_sampler("treshold:0.9")
    with pytest.raises(InputError, match="such as 'threshold"):
        rule_names.as_sampler(0.9)
    with pytest.raises(InputError, match="made 3"):
        rule_names.as_sampler(lambda: 3)


def test_a_price_is_the_paired_difference_to_one_token_at_a_time():
    """Of exchangeable tokens each order costs the same, so the difference of every text is log 2 exactly."""
    law = laws.Permutation(4)
    found = unmask.score(unmask.oracle(law), unmask.Schedule([1, 1, 2]), law.sample(8, seed=0))
    assert 4 * found.price.value == pytest.approx(np.log(2))
    assert 4 * found.price.half_width == pytest.approx(0, abs=1e-6)
    assert found.price.count == 8


def test_a_price_of_texts_of_different_lengths_is_per_token():
    law = laws.Permutation(4)
    rows = law.sample(6, seed=0).tolist()
    found = unmask.score(unmask.oracle(law), unmask.Schedule([4]), rows, prompt=0)
    assert found.price.value == pytest.approx(np.log(4**4 / 24) / 4)


def test_the_price_of_a_single_text_has_no_interval():
    law = laws.Permutation(4)
    price = unmask.score(unmask.oracle(law), unmask.Schedule([4]), law.sample(1, seed=0)).price
    assert price.value == pytest.approx(np.log(4**4 / 24) / 4)
    assert (price.low, price.high) == (-np.inf, np.inf)
