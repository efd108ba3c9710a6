"""Text in: what a tokenizer does not know or loses is counted and said; gaps are read only where they are asked for."""

import json

import pytest

import unmask
from unmask.errors import InputError
from unmask.models.alphabet import restricted
from unmask.models.infilling import fillings
from unmask.models.pretrained import load
from unmask.models.reading import Reader


@pytest.fixture
def bert(made):
    return load(made("Bert"))


def test_unknown_words_are_counted_and_the_first_is_named(bert):
    reader = Reader(bert)
    assert reader.encode("a zzz b") == [5, 1, 6]
    assert reader.sentences() == ("1 of 3 tokens is unknown to the tokenizer, first 'zzz'",)
    with pytest.raises(InputError, match=r"first 'zzz' \(33%\): .*`allow_unknown`"):
        reader.check()
    reader.check(allow_unknown=True)


def test_a_few_unknown_words_in_many_are_said_and_no_error(bert):
    reader = Reader(bert)
    reader.encode("a b c d " * 20 + "zzz")
    reader.check()
    assert reader.sentences()[0].startswith("1 of 81 tokens")


def test_capitals_are_hinted_at_where_they_would_be_known(made, tmp_path):
    folder = lettered(made, tmp_path)
    reader = Reader(load(folder))
    reader.encode("abc")
    with pytest.raises(InputError, match="it knows capital letters only"):
        reader.check()


def test_a_sequence_is_read_letter_by_letter_where_a_vocabulary_is_of_letters(bert):
    reader = Reader(bert)
    assert reader.encode("abm") == bert.encode("a b m") == [5, 6, 17]
    assert reader.sentences() == ("the tokenizer knows single letters: 1 text read letter by letter",)
    reader.check()
    assert Reader(bert).encode("abx") == [1]  # one letter is unknown: the word is


def test_small_residues_of_a_sequence_are_read_as_capitals_and_said(made, tmp_path):
    model = load(lettered(made, tmp_path))
    reader = Reader(model)
    assert reader.encode("ACca", sequence=True) == model.encode("A C C A")
    assert "small letters were read as capitals in 1 text" in reader.sentences()


def test_letters_that_a_tokenizer_drops_are_counted():
    class Dropping:
        """Knows a and b, and says nothing of the rest, as byte-level tokenizers without merges do."""

        vocab_size, forbidden_ids, length = 2, (), None

        def encode(self, text):
            return ["ab".index(letter) for letter in text if letter in "ab"]

        def decode(self, tokens):
            return "".join("ab"[token] for token in tokens)

    reader = Reader(Dropping())
    assert reader.encode("abZ*a") == [0, 1, 0]
    assert (reader.letters, reader.lost) == (5, 2)
    with pytest.raises(InputError, match="2 of 5 letters are in no token: the tokenizer drops them, first 'z'"):
        reader.check()


def test_nothing_is_said_of_a_models_own_text():
    model = unmask.load("manual")
    reader = Reader(model)
    reader.encode("Ceci n'est pas un plan: naïve — “quoted”, ½ and 3 × 4.\n\tTabs too.")
    assert reader.sentences() == ()


# -- gaps --


def test_gaps_are_masked_and_what_stands_around_is_kept(bert):
    (one,) = fillings(Reader(bert), "a [MASK] b [MASK:2] c")
    assert one.gaps == (1, 2)
    assert one.known == [True, False, True, False, False, True]
    assert [token for token, known in zip(one.tokens, one.known, strict=True) if known] == [5, 6, 7]
    (same,) = fillings(Reader(bert), "a [MASK] b [MASK]*2 c")
    assert same == one


def test_a_range_is_tried_at_every_length(bert):
    found = fillings(Reader(bert), "[MASK:2-3] a [MASK:1-2]")
    assert [one.gaps for one in found] == [(2, 1), (2, 2), (3, 1), (3, 2)]
    assert [len(one.tokens) for one in found] == [4, 5, 5, 6]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a b", "infill has no gap; mark one with"),
        ("[MASK:0]", r"\[MASK:0\]; expected a gap of at least one token"),
        ("[MASK:5-3]", r"\[MASK:5-3\]; expected a gap"),
        ("[MASK:1-9] [MASK:1-9]", "81 choices of lengths; at most 64"),
        ("[MASK:2]*3", r"expected \[MASK:5\] or \[MASK\]\*5"),
    ],
)
def test_bad_gaps_are_one_clear_line(bert, text, message):
    with pytest.raises(InputError, match=message):
        fillings(Reader(bert), text)


def test_a_blank_before_a_gap_goes_with_what_fills_it_where_tokens_hold_blanks():
    """Tokens of the manual hold the blank before a word: "The price of" and " tokens" leave a whole word."""
    model = unmask.load("manual")
    (one,) = fillings(Reader(model), "The price of [MASK] tokens")
    shown = [token for token, known in zip(one.tokens, one.known, strict=True) if known]
    assert shown == model.encode("The price of") + model.encode(" tokens")


# -- alphabets --


def test_a_restricted_alphabet_is_the_networks_law_given_the_alphabet(bert):
    import torch

    from unmask.models.predictor import Positions

    few = restricted(bert, "abm")
    assert set(range(18)) - set(few.forbidden_ids) == {5, 6, 17}
    tokens, known = torch.full((1, 4), 5), torch.tensor([[True, False, True, False]])
    wanted = Positions(torch.zeros(2, dtype=torch.int64), torch.tensor([1, 3]))
    whole, part = bert.log_probs(tokens, known, wanted).exp(), few.log_probs(tokens, known, wanted).exp()
    allowed = [5, 6, 17]
    torch.testing.assert_close(part[:, allowed], whole[:, allowed] / whole[:, allowed].sum(1, keepdim=True))
    assert part.sum(1).tolist() == pytest.approx([1, 1])


@pytest.mark.parametrize(
    ("alphabet", "message"),
    [
        ("abz", "alphabet has 'z', which is no token"),
        ("a", "at least two letters"),
        ("record", "the record of this model has none"),
        ("a [MASK]", r"alphabet has '\[MASK\]'"),
    ],
)
def test_a_bad_alphabet_is_one_clear_line(bert, alphabet, message):
    with pytest.raises(InputError, match=message):
        restricted(bert, alphabet)


def test_esms_record_draws_residues_only(made):
    from unmask.models import families

    assert families.by_name("esm").alphabet == "ACDEFGHIKLMNPQRSTVWY"


def lettered(made, folder):
    """A tiny BERT of capital letters A … M."""
    from reference.checkpoints import WORDS, write_tokenizer

    for file in made("Bert").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    write_tokenizer(folder, words=[word if word.startswith("[") else word.upper() for word in WORDS])
    return folder


# -- conversations --


def test_marks_that_a_person_spells_out_in_a_conversation_stay_text(made, tmp_path):
    for file in made("Bert").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    stored = json.loads((tmp_path / "tokenizer_config.json").read_text())
    stored["chat_template"] = "{% for m in messages %}[CLS] {{ m.content }} [SEP]{% endfor %}"
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(stored))
    model = load(tmp_path)
    assert model.encode_chat("a b") == [2, 5, 6, 3]
    assert model.encode_chat("a [MASK]") == [2, 5, 1, 3]  # an unknown word, not the mask
    with pytest.raises(InputError, match="expected an object with the texts role and content"):
        model.encode_chat([{"role": "user"}])


def test_python_reads_gaps_of_several_tokens_and_refuses_unknown_words(bert):
    from unmask.models.text_requests import as_infill
    from unmask.models.words import encoded

    tokens, known = as_infill(bert, "a [MASK:2] b")
    assert (tokens.tolist(), known.tolist()) == ([5, 0, 0, 6], [True, False, False, True])
    with pytest.raises(InputError, match=r"\[MASK:2-3\]; give one length"):
        as_infill(bert, "a [MASK:2-3] b")
    with pytest.raises(InputError, match=r"first 'zzz' .* give its token ids"):
        encoded(bert, "a zzz")
