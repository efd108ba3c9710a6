import json
import subprocess
import sys

import pytest
import torch

import unmask
from reference.checkpoints import MASK, WORDS, network_of, write_tokenizer
from unmask.errors import InputError
from unmask.models.predictor import Positions, Predictor
from unmask.models.pretrained import load

COMMON = ["Bert", "Roberta", "ModernBert", "DistilBert", "Albert", "Electra", "DebertaV2", "Esm", "MPNet"]
RARE = [
    *(
        "BigBird",
        "Camembert",
        "ConvBert",
        "Data2VecText",
        "Deberta",
        "Ernie",
        "Esmc",
        "EuroBert",
        "FNet",
        "Funnel",
        "IBert",
    ),
    *("LayoutLM", "Longformer", "Luke", "MegatronBert", "MobileBert", "Mra", "NomicBert", "Nystromformer", "Perceiver"),
    *("RemBert", "RoFormer", "RobertaPreLayerNorm", "SqueezeBert", "Tapas", "XLMRoberta", "XLMRobertaXL", "Yoso"),
]
NATIVE = [*COMMON, *(pytest.param(name, marks=pytest.mark.slow) for name in RARE)]


def canvas(rows=3, length=9, seed=0, ids=range(5, 17)):
    """Random tokens, about half of them known."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(min(ids), max(ids) + 1, (rows, length), generator=generator)
    known = torch.rand(rows, length, generator=generator) < 0.5
    known[:, 1], known[:, 2] = False, True
    return tokens, known


def unknown(known):
    return Positions(*(~known).nonzero(as_tuple=True))


def by_hand(logits, forbidden):
    """What log-probabilities are: forbidden ids out, then log softmax."""
    logits = logits.float().clone()
    logits[..., list(forbidden)] = -torch.inf
    return logits.log_softmax(-1)


# -- transformers' own architectures ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NATIVE)
def test_wanted_positions_get_what_the_whole_network_gives_them(made, name):
    folder = made(name)
    predictor = load(folder)
    assert isinstance(predictor, Predictor)
    tokens, known = canvas()
    where = unknown(known)
    framed = torch.full((3, 11), WORDS.index("[CLS]"))
    framed[:, 1:-1] = torch.where(known, tokens, MASK)
    framed[:, -1] = WORDS.index("[SEP]")
    with torch.no_grad():
        logits = network_of(folder)(framed).logits[:, 1:-1]
    expected = by_hand(logits, predictor.forbidden_ids)[where.rows, where.columns]
    result = predictor.log_probs(tokens, known, where)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", COMMON)
def test_the_head_runs_at_wanted_positions_only(made, name):
    predictor = load(made(name))
    assert predictor.network.wanted_only
    tokens, known = canvas()
    seen = []
    if hasattr(predictor.network, "model"):
        head = predictor.network.model.get_output_embeddings()
        head.register_forward_hook(lambda module, given, output: seen.append(output.numel() // output.shape[-1]))
    else:  # a network of our own
        whole = predictor.network.network.logits
        predictor.network.network.logits = lambda hidden: (
            seen.append(hidden.numel() // hidden.shape[-1]) or whole(hidden)
        )
    predictor.log_probs(tokens, known, unknown(known))
    assert seen == [int((~known).sum())]


@pytest.mark.parametrize("name", NATIVE)
def test_padding_on_either_side_or_inside_changes_nothing(made, name):
    predictor = load(made(name))
    tokens, known = canvas()
    padding = torch.zeros_like(known)
    padding[0, :3], padding[1, -2:], padding[2, 4] = True, True, True
    where = unknown(known | padding)
    together = predictor.log_probs(tokens, known, where, padding=padding)
    alone = []
    for row in range(3):
        kept = ~padding[row]
        one, seen = tokens[row, kept][None], known[row, kept][None]
        alone.append(predictor.log_probs(one, seen, unknown(seen)))
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=1e-5)


def test_rows_of_different_lengths_take_one_forward_where_the_mask_hides_padding(made):
    tokens, known = canvas()
    padding = torch.zeros_like(known)
    padding[0, :3] = True
    forwards = {}
    for name in ("Electra", "ConvBert"):  # a convolution reads padding, mask or no mask
        predictor = load(made(name))
        predictor.log_probs(tokens, known, unknown(known | padding), padding=padding)
        calls = []
        handle = predictor.network.model.register_forward_pre_hook(lambda *_, calls=calls: calls.append(1))
        before = predictor.calls
        predictor.log_probs(tokens, known, unknown(known | padding), padding=padding)
        handle.remove()
        assert predictor.calls - before == 3  # one a row, however the rows are grouped
        forwards[name] = len(calls)
    assert forwards == {"Electra": 1, "ConvBert": 2}


def test_only_wanted_rows_are_run_and_order_is_the_callers(made):
    predictor = load(made("Bert"))
    tokens, known = canvas(rows=4)
    where = unknown(known)
    every = predictor.log_probs(tokens, known, where)
    pick = torch.tensor(
        [int(i) for i in torch.randperm(len(where.rows), generator=torch.Generator().manual_seed(1))][:4]
    )
    before = predictor.calls
    some = predictor.log_probs(tokens, known, Positions(where.rows[pick], where.columns[pick]))
    torch.testing.assert_close(some, every[pick], atol=1e-5, rtol=1e-5)
    assert predictor.calls - before == len(where.rows[pick].unique())


def test_what_stands_at_unknown_positions_is_never_read(made):
    predictor = load(made("Roberta"))
    tokens, known = canvas()
    other = torch.where(known, tokens, torch.randint(0, 18, tokens.shape))
    where = unknown(known)
    assert torch.equal(predictor.log_probs(tokens, known, where), predictor.log_probs(other, known, where))


def test_special_tokens_around_the_text_can_be_left_out(made):
    folder = made("Bert")
    predictor = load(folder, add_special_tokens=False)
    assert (predictor.before, predictor.after) == ((), ())
    tokens, known = canvas()
    where = unknown(known)
    with torch.no_grad():
        logits = network_of(folder)(torch.where(known, tokens, MASK)).logits
    expected = by_hand(logits, predictor.forbidden_ids)[where.rows, where.columns]
    torch.testing.assert_close(predictor.log_probs(tokens, known, where), expected, atol=1e-5, rtol=1e-5)


def test_the_mask_special_tokens_and_padded_vocabulary_are_never_predicted(made):
    predictor = load(made("Bert", vocab_size=24))  # the tokenizer has 18 tokens: six rows of the head mean nothing
    assert predictor.vocab_size == 24
    assert predictor.forbidden_ids == (0, 1, 2, 3, 4, 18, 19, 20, 21, 22, 23)
    tokens, known = canvas()
    laws = predictor.log_probs(tokens, known, unknown(known))
    assert (laws[:, list(predictor.forbidden_ids)] == -torch.inf).all()
    torch.testing.assert_close(laws.exp().sum(1), torch.ones(len(laws)))


def test_an_esm_canvas_of_masks_without_anything_around_it_is_refused(made):
    # ESM rescales by the fraction that is not masked, which is then none: it answers with NaN.
    predictor = load(made("Esm"), add_special_tokens=False)
    tokens = torch.zeros(1, 5, dtype=torch.long)
    known = torch.zeros(1, 5, dtype=torch.bool)
    with pytest.raises(InputError, match="returned NaN"):
        predictor.log_probs(tokens, known, unknown(known))


def test_bfloat16_agrees_roughly_and_returns_float32(made):
    tokens, known = canvas()
    where = unknown(known)
    for name in ("Bert", "Electra", "ModernBert"):
        exact = load(made(name)).log_probs(tokens, known, where)
        rough = load(made(name), dtype="bfloat16").log_probs(tokens, known, where)
        assert rough.dtype == torch.float32
        assert 0 < (rough - exact).abs().nan_to_num().max() < 0.3


@pytest.mark.parametrize("name", ["ModernBert", "Bert"])
def test_plain_networks_agree_with_transformers_in_windows_layers_and_padding(made, name):
    folder = made(name, num_hidden_layers=4)
    predictor = load(folder, add_special_tokens=False)
    assert type(predictor.network).__name__ == "Plain"
    tokens, known = canvas(rows=2, length=20)  # longer than the window of 5
    ids = torch.where(known, tokens, MASK)
    attend = torch.ones_like(known)
    attend[1, 15:] = False
    with torch.no_grad():
        logits = network_of(folder)(ids, attention_mask=attend.long()).logits
    expected = by_hand(logits, predictor.forbidden_ids)
    where = unknown(known | ~attend)
    result = predictor.log_probs(tokens, known, where, padding=~attend)
    torch.testing.assert_close(result, expected[where.rows, where.columns], atol=1e-5, rtol=1e-5)


def test_modernbert_configs_in_the_first_spelling_are_read(made, tmp_path):
    folder = made("ModernBert")
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((folder / "config.json").read_text())
    for key in ("layer_types", "rope_parameters"):
        config.pop(key, None)
    config |= {"global_attn_every_n_layers": 3, "global_rope_theta": 160000.0, "local_rope_theta": 10000.0}
    (tmp_path / "config.json").write_text(json.dumps(config))
    tokens, known = canvas()
    where = unknown(known)
    old, new = load(tmp_path).log_probs(tokens, known, where), load(folder).log_probs(tokens, known, where)
    assert torch.equal(old, new)


# -- families with code of their own ---------------------------------------------------------------------------------


def remote_canvas(predictor):
    """A canvas the family accepts: position 0 known; in block families only the first unfinished block is wanted."""
    tokens, known = canvas(length=10)
    known[:, 0] = True
    if predictor.block_size:
        known[0, :4], known[1, :8] = True, True
        known[0, 5], known[1, 8] = False, False
    size = predictor.block_size or 10
    first = (~known).int().argmax(1) // size
    where = Positions(*(~known & (torch.arange(10) // size == first[:, None])).nonzero(as_tuple=True))
    return tokens, known, where


@pytest.mark.parametrize("model_type", ["llada", "Dream", "mdlm"])
def test_bidirectional_families_agree_with_their_own_networks(made, model_type):
    folder = made(model_type)
    predictor = load(folder, trust_remote_code=True)
    tokens, known, where = remote_canvas(predictor)
    ids = torch.where(known, tokens, predictor.mask_token_id)
    network = network_of(folder)
    with torch.no_grad():
        if model_type == "mdlm":
            sigma = -torch.log(1 - 0.999 * (~known).float().mean(1))
            logits = network(ids, timesteps=sigma)
        elif model_type == "Dream":  # begin-of-text in front, then row i-1 predicts token i
            logits = network(torch.cat([torch.full((3, 1), 2), ids], 1)).logits[:, :-1]
        else:
            logits = network(ids).logits
    expected = by_hand(logits, predictor.forbidden_ids)[where.rows, where.columns]
    torch.testing.assert_close(predictor.log_probs(tokens, known, where), expected, atol=1e-5, rtol=1e-5)


def test_a_list_of_tied_weights_is_tied_as_it_was_written(made):
    folder = made("Dream", tie_word_embeddings=True)
    predictor = load(folder, trust_remote_code=True)
    tokens, known, where = remote_canvas(predictor)
    ids = torch.where(known, tokens, predictor.mask_token_id)
    with torch.no_grad():
        logits = network_of(folder)(torch.cat([torch.full((3, 1), 2), ids], 1)).logits[:, :-1]
    expected = by_hand(logits, predictor.forbidden_ids)[where.rows, where.columns]
    torch.testing.assert_close(predictor.log_probs(tokens, known, where), expected, atol=1e-5, rtol=1e-5)


def test_nothing_of_transformers_is_another_after_code_of_a_checkpoint_was_loaded(made):
    import transformers
    from transformers import cache_utils, modeling_rope_utils, pytorch_utils, utils

    def state():
        places = (transformers.PreTrainedModel, transformers.PretrainedConfig, cache_utils, pytorch_utils, utils)
        return (
            [sorted(vars(place)) for place in places],
            dict(modeling_rope_utils.ROPE_INIT_FUNCTIONS),
            transformers.PreTrainedModel.tie_weights,
            "transformers.modeling_attn_mask_utils" in sys.modules,
        )

    for model_type in ("llada", "Dream", "sdar", "bd3lm"):  # whatever is imported at all is imported by now
        load(made(model_type), trust_remote_code=True)
    before = state()
    for model_type in ("llada", "Dream", "sdar", "bd3lm"):
        load(made(model_type, seed=1), trust_remote_code=True)
    assert state() == before
    assert sys.modules["transformers"] is transformers


def test_frequencies_are_those_of_the_code_and_not_what_memory_held(made):
    network = load(made("Dream"), trust_remote_code=True).network.model
    torch.testing.assert_close(network.model.places.rates, 100.0 ** -(torch.arange(0, 16, 2) / 16))


@pytest.mark.parametrize("model_type", ["sdar", "Fast_dLLM_Qwen", "bd3lm"])
def test_block_families_see_the_blocks_before_and_nothing_after(made, model_type):
    folder = made(model_type)
    predictor = load(folder, trust_remote_code=True)
    assert predictor.block_size == 4
    assert any("inside a block" in notice for notice in predictor.notices)
    tokens, known, where = remote_canvas(predictor)
    ids = torch.where(known, tokens, predictor.mask_token_id)
    network = network_of(folder)
    block = torch.arange(10) // 4
    with torch.no_grad():
        if model_type == "sdar":
            logits = network(ids, attention_mask=(block[:, None] >= block)[None].float()).logits
        elif model_type == "bd3lm":
            logits = network(ids, timesteps=torch.zeros(3), sample_mode=True).logits
        else:
            logits = network(ids, block_size=4).logits.roll(1, dims=1)
    expected = by_hand(logits, predictor.forbidden_ids)[where.rows, where.columns]
    result = predictor.log_probs(tokens, known, where)
    torch.testing.assert_close(result, expected, atol=1e-5, rtol=1e-5)
    known[2, 8:], tokens[2, 8:] = True, tokens[2, 8:].flip(0)  # a later block: row 2 is asked about its first
    assert torch.equal(predictor.log_probs(tokens, known, where), result)


@pytest.mark.parametrize("model_type", ["llada", "Dream", "sdar", "Fast_dLLM_Qwen", "mdlm", "bd3lm"])
def test_padding_changes_nothing_in_families_with_code_of_their_own(made, model_type):
    predictor = load(made(model_type), trust_remote_code=True)
    tokens, known, where = remote_canvas(predictor)
    plain = predictor.log_probs(tokens, known, where)
    blank = torch.zeros(3, 3, dtype=torch.long)
    padded = torch.cat([blank, tokens], 1)
    padding = torch.zeros_like(padded, dtype=torch.bool)
    padding[:, :3] = True
    padded[2] = torch.cat([tokens[2], blank[2]])  # the last row is padded on the right
    padding[2] = padding[2].flip(0)
    seen = torch.cat([blank.bool(), known], 1)
    seen[2] = torch.cat([known[2], blank[2].bool()])
    columns = torch.where(where.rows == 2, where.columns, where.columns + 3)
    result = predictor.log_probs(padded, seen, Positions(where.rows, columns), padding=padding)
    torch.testing.assert_close(result, plain, atol=1e-5, rtol=1e-5)


def test_a_network_that_ignores_its_attention_mask_is_run_one_length_at_a_time(made):
    predictor = load(made("llada", ignores_padding=True), trust_remote_code=True)
    tokens, known = canvas()
    padding = torch.zeros_like(known)
    padding[0, -4:] = True
    where = unknown(known | padding)
    together = predictor.log_probs(tokens, known, where, padding=padding)
    seen = known[:1, :5]
    alone = predictor.log_probs(tokens[:1, :5], seen, unknown(seen))
    torch.testing.assert_close(together[where.rows == 0], alone, atol=1e-6, rtol=1e-6)


def test_asking_for_a_block_before_an_earlier_one_is_complete_is_an_error(made):
    predictor = load(made("sdar"), trust_remote_code=True)
    tokens, known = canvas(rows=1, length=8)
    known[:] = False
    with pytest.raises(InputError, match=r"position 4 is in block 1 of .* but block 0 is not complete"):
        predictor.log_probs(tokens, known, Positions(torch.tensor([0]), torch.tensor([4])))


def test_a_shifted_network_without_a_beginning_needs_position_zero_to_be_known(made):
    folder = made("Dream", bos_token_id=None)
    predictor = load(folder, trust_remote_code=True)
    tokens, known = canvas()
    known[:, 0] = False
    with pytest.raises(InputError, match="keep position 0 known, or pass prefix_ids"):
        predictor.log_probs(tokens, known, unknown(known))
    given = load(folder, trust_remote_code=True, prefix_ids=(2,))
    assert given.log_probs(tokens, known, unknown(known)).isfinite().any(1).all()


def test_dplm_weights_load_into_transformers_own_esm(made, tmp_path):
    folder = made("Esm")
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((folder / "config.json").read_text()) | {"architectures": ["EsmForDPLM"]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    predictor = load(tmp_path)
    assert predictor.family.name == "esm"
    assert predictor.mask_token_id == MASK


def test_an_ordinary_causal_network_becomes_bidirectional_where_its_record_says_so(tmp_path):
    import transformers

    torch.manual_seed(0)
    config = transformers.Qwen2Config(
        vocab_size=20, hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, bos_token_id=2, eos_token_id=3, pad_token_id=0,
    )  # fmt: skip
    folder = tmp_path / "open-dcoder-tiny"
    transformers.Qwen2ForCausalLM(config).save_pretrained(folder)
    predictor = load(folder, mask_token_id=4)
    assert (predictor.family.name, predictor.family.shift, predictor.before) == ("open-dcoder", 1, (2,))
    tokens, known = canvas(rows=1)
    known[:] = True
    known[0, 1] = False
    first = predictor.log_probs(tokens, known, unknown(known))
    tokens[0, -1] = 19 if tokens[0, -1] != 19 else 18
    assert (predictor.log_probs(tokens, known, unknown(known)) - first).abs().nan_to_num().max() > 1e-4
    other = tmp_path / "qwen"
    folder.rename(other)
    with pytest.raises(InputError, match="no masked language model of transformers"):
        load(other, mask_token_id=4)
    assert load(other, mask_token_id=4, family="open-dcoder").family.shift == 1


def test_code_of_a_checkpoint_runs_only_when_it_is_trusted(made):
    folder = made("llada")
    with pytest.raises(InputError, match="pass trust_remote_code=True") as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def test_uniform_state_models_are_refused_with_the_reason(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "diffusion_gemma"}))
    with pytest.raises(InputError, match="replaces tokens by random ones instead of masking them"):
        load(tmp_path)


def test_facts_can_be_overridden_by_hand(made):
    folder = made("Dream")
    predictor = load(folder, trust_remote_code=True, shift=0, mask_token_id=16, forbidden_ids=(1,), end_of_text_id=3)
    assert (predictor.family.shift, predictor.mask_token_id, predictor.end_of_text_id) == (0, 16, 3)
    assert predictor.forbidden_ids == (1, 16)
    with pytest.raises(InputError, match="load has no override 'shfit'"):
        load(folder, trust_remote_code=True, shfit=0)


def test_a_checkpoint_without_a_record_is_loaded_with_a_notice(made):
    predictor = load(made("heart"), trust_remote_code=True)
    assert any("has no record" in notice for notice in predictor.notices)


# -- our own checkpoints ---------------------------------------------------------------------------------------------


@pytest.fixture(params=["ModernBert", "Bert"])
def ours(made, tmp_path, request):
    for file in made(request.param).iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    write_tokenizer(tmp_path, frame=False)
    facts = {"format": "unmask.model/1", "length": 6, "mask_token_id": MASK, "data": "none", "objective": "none"}
    (tmp_path / "unmask.json").write_text(json.dumps(facts))
    return tmp_path


def test_our_checkpoints_know_their_length_and_stand_alone(ours):
    predictor = unmask.load(ours)
    assert (predictor.length, predictor.before, predictor.after, predictor.mask_token_id) == (6, (), (), MASK)
    with pytest.raises(InputError, match="the canvas has length 5"):
        predictor.log_probs(*canvas(length=5), Positions(torch.tensor([0]), torch.tensor([1])))
    assert unmask.load(ours, length=None).log_probs(*canvas(length=5), Positions(*torch.tensor([[0], [1]]))).shape == (
        1,
        18,
    )


def test_our_checkpoints_load_and_speak_without_importing_transformers(ours):
    code = (
        "import sys, torch, unmask; from unmask.models.predictor import Positions;"
        "p = unmask.load(sys.argv[1]); assert p.decode(p.encode('a b')) == 'a b';"
        "k = torch.arange(6)[None] > 0; p.log_probs(k.long(), k, Positions(*torch.tensor([[0], [0]])));"
        "slow = ('transformers', 'scipy', 'huggingface_hub', 'torch._dynamo');"
        "slow = [name for name in sys.modules if name.startswith(slow)];"
        "assert not slow, slow"
    )
    subprocess.run([sys.executable, "-c", code, str(ours)], check=True)


def test_a_wrong_description_of_our_checkpoint_is_one_line(ours):
    (ours / "unmask.json").write_text('{"format": "unmask.plan/1"}')
    with pytest.raises(InputError, match=r"unmask\.json has format 'unmask.plan/1'; expected 'unmask.model/1'"):
        load(ours)


# -- text ------------------------------------------------------------------------------------------------------------


def test_text_that_spells_the_mask_token_stays_text(made):
    predictor = load(made("Bert"))
    ids = predictor.encode("a [MASK] b [SEP]")
    assert ids == [WORDS.index("a"), WORDS.index("[UNK]"), WORDS.index("b"), WORDS.index("[UNK]")]
    assert predictor.decode(torch.tensor([5, 6, MASK])) == "a b"


def test_a_tokenizer_of_bytes_spells_the_mask_token_out(made, tmp_path):
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    copied(made("Bert", vocab_size=300), tmp_path)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: number for number, letter in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("[MASK]", special=True)])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    predictor = load(tmp_path)
    assert predictor.mask_token_id == 256
    ids = predictor.encode("say [MASK] twice")
    assert len(ids) == len("say [MASK] twice")
    assert predictor.decode(ids) == "say [MASK] twice"


def test_tokenizers_written_in_python_are_read_too(made, tmp_path):
    for file in made("Esm").iterdir():
        if "token" not in file.name:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "vocab.txt").write_text("\n".join(["<cls>", "<pad>", "<eos>", "<unk>", "<mask>", *WORDS[5:]]))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "EsmTokenizer"}))
    predictor = load(tmp_path)
    assert (predictor.before, predictor.after, predictor.mask_token_id) == ((0,), (2,), 4)
    assert predictor.encode("abc") == [5, 6, 7]
    assert MASK not in predictor.encode("ab<mask>c")


def test_a_conversation_goes_through_the_chat_template(made, tmp_path):
    for file in made("Bert").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(InputError, match="has no chat template"):
        load(tmp_path).encode_chat("a b")
    template = (
        "{% for m in messages %}[CLS] {{ m['content'] }} [SEP] {% endfor %}{% if add_generation_prompt %}k{% endif %}"
    )
    predictor = load(tmp_path, chat_template=template)
    assert predictor.encode_chat("a b") == [WORDS.index(word) for word in ("[CLS]", "a", "b", "[SEP]", "k")]


def test_without_a_tokenizer_ids_work_and_text_says_what_is_missing(made):
    predictor = load(made("llada"), trust_remote_code=True)
    with pytest.raises(InputError, match="has no tokenizer; pass token ids"):
        predictor.encode("a b")


# -- what can be wrong -----------------------------------------------------------------------------------------------


def copied(source, target):
    for file in source.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    return target


def refused(folder, **arguments):
    with pytest.raises(InputError) as caught:
        load(folder, **arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_model_that_is_nowhere_is_one_line_that_says_where_it_was_looked_for():
    assert "no such folder, not shipped" in refused("nobody/such-model")
    assert "no such folder, not shipped" in refused("./missing")


def test_a_hub_id_is_found_in_the_cache_when_offline(made, tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    snapshot = tmp_path / "models--someone--dcoder-tiny" / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("a" * 40)
    copied(made("ModernBert"), snapshot)
    predictor = load("someone/dcoder-tiny")
    assert predictor.name == "someone/dcoder-tiny"
    assert predictor.mask_token_id == MASK


def test_a_folder_without_a_config_is_not_a_model(tmp_path):
    assert "cannot read config.json" in refused(tmp_path)
    (tmp_path / "config.json").write_text("{")
    assert "is not a JSON file" in refused(tmp_path)


def test_a_truncated_weight_file_is_named(made, tmp_path):
    for name in ("Electra", "ModernBert"):
        file = copied(made(name), tmp_path) / "model.safetensors"
        file.write_bytes(file.read_bytes()[:-40])
        assert "is damaged or cut short" in refused(tmp_path)


def test_pickled_weights_are_never_loaded(made, tmp_path):
    copied(made("Bert"), tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    assert "pytorch_model.bin is a pickle and is never loaded" in refused(tmp_path)


def test_missing_weights_are_an_error_not_random_numbers(made, tmp_path):
    from safetensors.torch import load_file, save_file

    lost_weights = {
        "Bert": "cls.predictions.transform.dense.weight",
        "ModernBert": "head.dense.weight",
        "Electra": "generator_predictions.dense.weight",
    }
    for name, lost in lost_weights.items():
        file = copied(made(name), tmp_path) / "model.safetensors"
        weights = load_file(file)
        del weights[lost]
        save_file(weights, file, metadata={"format": "pt"})
        assert lost in refused(tmp_path)


def test_weights_of_another_shape_are_one_line(made, tmp_path):
    for name in ("Bert", "ModernBert", "Electra"):
        copied(made(name), tmp_path)
        config = json.loads((tmp_path / "config.json").read_text()) | {"vocab_size": 33}
        (tmp_path / "config.json").write_text(json.dumps(config))
        assert "cannot load" in refused(tmp_path)


def test_a_model_without_a_mask_token_says_how_to_name_one(made, tmp_path):
    copied(made("Bert"), tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "tokenizer_config.json").unlink()
    assert "pass mask_token_id=" in refused(tmp_path)
    assert load(tmp_path, mask_token_id=4).mask_token_id == 4
    assert "mask_token_id is 99" in refused(tmp_path, mask_token_id=99)


def test_code_that_needs_a_missing_package_names_it(made, tmp_path):
    copied(made("llada"), tmp_path)
    file = tmp_path / "modeling_tiny.py"
    file.write_text("import no_such_package\n" + file.read_text())
    assert "no_such_package" in refused(tmp_path, trust_remote_code=True)


def test_float16_on_a_cpu_is_refused_and_unknown_dtypes_too(made):
    assert "slower than bfloat16" in refused(made("Bert"), dtype=torch.float16, device="cpu")
    assert "choose from float32" in refused(made("Bert"), dtype="int8")


def test_a_canvas_that_does_not_fit_is_one_line(made):
    predictor = load(made("Bert"))
    with pytest.raises(InputError, match="has positions for 62"):
        predictor.log_probs(*canvas(length=63), Positions(torch.tensor([0]), torch.tensor([1])))
    tokens, known = canvas()
    tokens[0, 2] = 99
    with pytest.raises(InputError, match="token 99 is not in the vocabulary"):
        predictor.log_probs(tokens, known, unknown(known))
    with pytest.raises(InputError, match="expected \\(rows, length\\) each"):
        predictor.log_probs(tokens, known[:2], unknown(known[:2]))


def test_laws_models_and_shipped_names_resolve_to_predictors(made):
    from unmask.models.resolve import resolve

    assert resolve("law:permutation:length=5").length == 5
    assert resolve(str(made("Bert"))).mask_token_id == MASK
