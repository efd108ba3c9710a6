"""`unmask.measure`: what is searched, what is not, and text instead of tokens."""

import pytest

import unmask
from unmask.errors import InputError
from unmask.laws import catalogue, toy_grammar
from unmask.measuring.measure import measure as measure_only


def test_orders_are_searched_on_texts_that_are_not_priced():
    law = catalogue.from_name("markov_chain:length=8,vocab_size=3")
    found = unmask.measure(unmask.oracle(law), law.sample(60, 0), search_calls=2000, source="a", batch_size=60)
    assert found.orders
    assert len(found.settings["searched"]) == 15
    assert len(found.texts) == 45
    assert not set(found.texts) & set(found.settings["searched"])


def test_no_order_is_searched_where_one_is_named_or_texts_are_few(chain):
    predictor, texts = unmask.oracle(chain), chain.sample(30, 0)
    named = unmask.measure(predictor, texts, order="left_to_right", batch_size=30)
    assert list(named.orders) == ["left_to_right"]
    for found in (unmask.measure(predictor, texts, orders="uniform"), unmask.measure(predictor, texts[:20])):
        assert not found.orders
        assert found.digest == measure_only(predictor, texts[: len(found.texts)]).digest
    with pytest.raises(InputError, match="expected 'auto', 'uniform' or a list of orders"):
        unmask.measure(predictor, texts, orders="left_to_right")


def test_text_is_measured_in_the_models_own_tokens():
    law = toy_grammar()
    rows = law.sample(6, 3)
    found = unmask.measure(unmask.oracle(law), [law.decode(row) for row in rows], orders="uniform", counts=[0, 16])
    assert found.digest == measure_only(unmask.oracle(law), rows, counts=[0, 16]).digest
