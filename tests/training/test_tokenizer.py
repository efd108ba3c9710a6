import pytest

from unmask.errors import InputError
from unmask.training import tokenizer

TEXT = "The quick brown fox.\nThe quick dog; the lazy fox — naïve?\n" * 20


@pytest.mark.parametrize("make", [tokenizer.characters, lambda texts: tokenizer.byte_pairs(texts, 280)])
def test_what_is_encoded_is_decoded(make):
    made = make([TEXT])
    assert made.decode(tokenizer.encode(made, TEXT)) == TEXT


@pytest.mark.parametrize("make", [tokenizer.characters, lambda texts: tokenizer.byte_pairs(texts, 280)])
def test_nothing_is_put_around_a_text_and_the_mask_is_the_last_token(make):
    made = make([TEXT])
    ids = tokenizer.encode(made, "The")
    assert made.decode(ids) == "The"
    assert made.mask_token_id == len(made) - 1
    assert made.mask_token_id not in tokenizer.encode(made, TEXT)


def test_byte_pairs_write_any_text():
    made = tokenizer.byte_pairs([TEXT], 280)
    assert len(made) == 280
    assert made.decode(tokenizer.encode(made, "日本 ñ\t")) == "日本 ñ\t"


def test_characters_not_seen_become_unknown():
    made = tokenizer.characters(["abc"])
    assert tokenizer.encode(made, "aXc")[1] == made.unk_token_id


def test_words_keep_the_order_they_were_given_in():
    made = tokenizer.words(["zebra", "apple", "7", ","])
    assert tokenizer.encode(made, "apple , zebra 7") == [1, 3, 0, 2]
    assert made.decode([1, 3, 0, 2]) == "apple , zebra 7"
    assert made.mask_token_id == 4


def test_the_most_frequent_words_are_kept():
    made = tokenizer.words_of(["a b b c c c"], 4)
    assert tokenizer.encode(made, "c b a") == [0, 1, made.unk_token_id]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tokenizer.byte_pairs(["ab" * 50], 1000), "the text supports only"),
        (lambda: tokenizer.byte_pairs(["ab" * 50], 200), "needs more than 257"),
        (lambda: tokenizer.words_of(["a b"], 1000), "has only 2 words"),
        (lambda: tokenizer.existing("/nowhere/at/all"), "no tokenizer can be loaded"),
    ],
)
def test_what_cannot_be_made_is_refused_in_one_line(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_the_number_of_tokens_that_is_advised_can_be_made():
    with pytest.raises(InputError, match="choose at most") as caught:
        tokenizer.byte_pairs([TEXT], 5000)
    advised = int(str(caught.value).split("choose at most ")[1].split(",")[0])
    assert len(tokenizer.byte_pairs([TEXT], advised)) == advised


def test_a_saved_tokenizer_is_the_same_one(tmp_path):
    made = tokenizer.byte_pairs([TEXT], 280)
    made.save_pretrained(tmp_path)
    again = tokenizer.existing(tmp_path)
    assert tokenizer.encode(again, TEXT) == tokenizer.encode(made, TEXT)
    assert again.mask_token_id == made.mask_token_id
    assert again.decode(tokenizer.encode(again, TEXT)) == TEXT
