import numpy as np
import pytest
import torch

import unmask
from unmask import recipes
from unmask.errors import InputError
from unmask.laws import Permutation
from unmask.models.cache import BlockCache, PrefixCache
from unmask.models.oracle import oracle
from unmask.models.predictor import Positions, Predictor
from unmask.models.pretrained import load


def near(first, second, tolerance=1e-4):
    torch.testing.assert_close(first, second, atol=tolerance, rtol=tolerance)


def block_by_block(rows, length, size, seed, start=0):
    """Canvases of a run that reveals two tokens a query inside one block after another; the rows are out of step."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(5, 17, (rows, length), generator=generator)
    for query in range(2 * length):
        known = torch.zeros(rows, length, dtype=torch.bool)
        for row in range(rows):
            count = min(start + 2 * query + 3 * row, length - 1)  # rows are out of step
            whole = count // size * size
            inside = whole + torch.randperm(min(size, length - whole), generator=generator)[: count - whole]
            known[row, :whole], known[row, inside] = True, True
            known[row, 0] = True
        block = torch.arange(length) // size
        current = block[(~known).int().argmax(1)]
        yield tokens, known, Positions(*(~known & (block == current[:, None])).nonzero(as_tuple=True))


class Columns:
    """Counts the columns a network is given."""

    def __init__(self, predictor):
        self.total = 0
        for door in ("logits", "continued"):
            setattr(predictor.network, door, self.counted(getattr(predictor.network, door)))

    def counted(self, ask):
        def counting(query, *rest):
            self.total += query.ids.numel()
            return ask(query, *rest)

        return counting


@pytest.mark.parametrize("model_type", ["sdar", "Fast_dLLM_Qwen"])
def test_a_block_cache_gives_the_numbers_of_the_network_without_it(made, model_type):
    predictor = load(made(model_type), trust_remote_code=True)
    cached = BlockCache(predictor)
    assert cached.exact
    assert isinstance(cached, Predictor)
    for tokens, known, where in block_by_block(rows=3, length=16, size=4, seed=0):
        near(cached.log_probs(tokens, known, where), predictor.log_probs(tokens, known, where))
        assert cached.row_calls.tolist() == [1, 1, 1]


@pytest.mark.parametrize("model_type", ["sdar", "Fast_dLLM_Qwen"])
def test_a_block_cache_runs_no_more_than_two_blocks_a_row_a_query(made, model_type):
    predictor = load(made(model_type), trust_remote_code=True)
    cached = BlockCache(predictor)
    columns = Columns(predictor)
    queries = list(block_by_block(rows=2, length=32, size=4, seed=1))[:14]
    for tokens, known, where in queries:
        before = columns.total
        cached.log_probs(tokens, known, where)
        assert columns.total - before <= 2 * 2 * 4
    with_cache, columns.total = columns.total, 0
    for tokens, known, where in queries:
        predictor.log_probs(tokens, known, where)
    assert with_cache < 0.5 * columns.total


def test_a_block_cache_survives_rows_that_leave_swap_or_change(made):
    predictor = load(made("sdar"), trust_remote_code=True)
    cached = BlockCache(predictor)
    queries = list(block_by_block(rows=4, length=16, size=4, seed=2, start=4))
    for order in ([0, 1, 2, 3], [2, 0], [3, 2, 0], [1]):
        for tokens, known, _ in queries[:4]:
            tokens, known = tokens[order].clone(), known[order]
            tokens[0, 1] = (tokens[0, 1] + 1) % 16  # an edit in a complete block: what was stored no longer holds
            block = torch.arange(16) // 4
            current = block[(~known).int().argmax(1)]
            where = Positions(*(~known & (block == current[:, None])).nonzero(as_tuple=True))
            near(cached.log_probs(tokens, known, where), predictor.log_probs(tokens, known, where))


def test_a_block_cache_answers_at_known_positions_and_with_padding(made):
    predictor = load(made("sdar"), trust_remote_code=True)
    cached = BlockCache(predictor)
    tokens = torch.randint(5, 17, (2, 12), generator=torch.Generator().manual_seed(3))
    known = torch.ones(2, 12, dtype=torch.bool)
    known[:, 9:] = False
    padding = torch.zeros_like(known)
    padding[1, :2] = True
    known[1, 8] = False
    where = Positions(torch.tensor([0, 0, 1, 1]), torch.tensor([2, 9, 3, 9]))
    for _ in range(2):
        expected = predictor.log_probs(tokens, known, where, padding=padding)
        near(cached.log_probs(tokens, known, where, padding=padding), expected)


def test_a_cache_keeps_only_what_the_latest_query_used(made):
    cached = BlockCache(load(made("sdar"), trust_remote_code=True))
    for tokens, known, where in list(block_by_block(rows=3, length=16, size=4, seed=4))[:6]:
        cached.log_probs(tokens, known, where)
        assert len(cached._store) <= 2 * 3
    cached.log_probs(tokens[:1], torch.zeros(1, 16, dtype=torch.bool), Positions(*torch.tensor([[0], [0]])))
    assert not cached._store


PREFIX = [("ModernBert", 8), ("Bert", 5), ("Electra", 5), ("Dream", 3)]
LAYERS = {"Bert": {"num_hidden_layers": 2}, "Electra": {"num_hidden_layers": 2}}  # a first layer's keys are never stale


@pytest.mark.parametrize(("name", "block"), PREFIX)
def test_a_prefix_cache_is_exact_while_the_suffix_is_all_masks_and_costs_one_call(made, name, block):
    predictor = load(made(name, **LAYERS.get(name, {})), trust_remote_code=name == "Dream")
    cached = PrefixCache(predictor, block_length=block)
    assert not cached.exact
    tokens = torch.randint(5, 17, (2, 24), generator=torch.Generator().manual_seed(0))
    for count in range(0, 24, block):
        known = (torch.arange(24) < count).expand(2, -1)
        where = Positions(*(~known).nonzero(as_tuple=True))
        near(cached.log_probs(tokens, known, where), predictor.log_probs(tokens, known, where))
        assert cached.row_calls.tolist() == [1, 1]


@pytest.mark.parametrize(("name", "block"), PREFIX)
def test_inside_a_block_a_prefix_cache_is_near_but_not_equal_and_runs_the_suffix_alone(made, name, block):
    predictor = load(made(name, **LAYERS.get(name, {})), trust_remote_code=name == "Dream")
    cached = PrefixCache(predictor, block_length=block)
    tokens = torch.randint(5, 17, (1, 24), generator=torch.Generator().manual_seed(1))
    start = (torch.arange(24) < 2 * block).expand(1, -1)
    cached.log_probs(tokens, start, Positions(*(~start).nonzero(as_tuple=True)))
    known = start.clone()
    known[0, -5:] = True
    where = Positions(*(~known).nonzero(as_tuple=True))
    columns = Columns(predictor)
    approximate = cached.log_probs(tokens, known, where)
    assert columns.total == 24 - 2 * block + len(predictor.after) + predictor.family.shift
    assert cached.row_calls.tolist() == [1]
    drift = (approximate - predictor.log_probs(tokens, known, where)).abs().nan_to_num().max()
    everything_changed = (approximate - cached.log_probs(tokens, start, where)).abs().nan_to_num().max()
    assert 1e-6 < drift < everything_changed  # stale, but nearer to the truth than not looking at the suffix at all


def test_a_prefix_cache_is_a_function_of_the_canvas_whatever_was_asked_before(made):
    predictor = load(made("ModernBert"))
    tokens = torch.randint(5, 17, (3, 24), generator=torch.Generator().manual_seed(2))
    tokens[1, :10] = tokens[0, :10]  # two rows that begin alike
    generator = torch.Generator().manual_seed(3)
    known = torch.rand(3, 24, generator=generator) < 0.5
    known[:, :9], known[:, 9] = True, False
    where = Positions(*(~known).nonzero(as_tuple=True))
    fresh = PrefixCache(predictor, block_length=4)
    expected = fresh.log_probs(tokens, known, where)
    assert fresh.row_calls.tolist() == [2, 2, 2]  # one to fill the cache, one to use it
    used = PrefixCache(predictor, block_length=4)
    for count in (0, 4, 9):
        earlier = known & (torch.arange(24) < count)
        used.log_probs(tokens, earlier, Positions(*(~earlier).nonzero(as_tuple=True)))
    near(used.log_probs(tokens, known, where), expected, 1e-5)
    assert used.row_calls.tolist() == [1, 1, 1]
    for row in range(3):
        alone = PrefixCache(predictor, block_length=4)
        one = Positions(torch.zeros_like(where.columns[where.rows == row]), where.columns[where.rows == row])
        near(alone.log_probs(tokens[row : row + 1], known[row : row + 1], one), expected[where.rows == row], 1e-5)


@pytest.mark.parametrize("name", ["ModernBert", "sdar"])
def test_a_cache_tells_apart_prefixes_that_differ_in_their_last_token(made, name):
    predictor = load(made(name), trust_remote_code=name == "sdar")
    cached = BlockCache(predictor) if name == "sdar" else PrefixCache(predictor, block_length=4)
    tokens = torch.full((2, 8), 7)
    tokens[1, 3] = 8
    known = (torch.arange(8) < 4).expand(2, -1)
    where = Positions(*(~known).nonzero(as_tuple=True))
    for _ in range(2):
        for row in (0, 1):
            one = Positions(torch.zeros(4, dtype=torch.long), torch.arange(4, 8))
            expected = predictor.log_probs(tokens, known, where)[where.rows == row]
            near(cached.log_probs(tokens[row : row + 1], known[row : row + 1], one), expected)
    near(cached.log_probs(tokens, known, where), predictor.log_probs(tokens, known, where))


def test_calls_add_up_over_queries(made):
    cached = PrefixCache(load(made("ModernBert")), block_length=4)
    tokens = torch.randint(5, 17, (2, 12), generator=torch.Generator().manual_seed(4))
    spent = np.zeros(2, dtype=int)
    for count in range(0, 12, 3):
        known = (torch.arange(12) < count).expand(2, -1).clone()
        known[1, -1] = True
        cached.log_probs(tokens, known, Positions(*(~known).nonzero(as_tuple=True)))
        spent += cached.row_calls.numpy()
    assert cached.calls == spent.sum() > 2 * 4


def test_a_sampler_is_charged_what_the_cache_spent(made):
    cached = PrefixCache(load(made("ModernBert")), block_length=3)
    out = unmask.sample(cached, unmask.recipes.one_by_one(), n=3, seed=0, length=9)
    assert out.network_calls.sum() == cached.calls > 3 * 9  # in random order some fills answer nothing


def test_a_sampler_draws_the_same_tokens_with_and_without_a_block_cache(made):
    predictor = load(made("sdar"), trust_remote_code=True)
    sampler = unmask.recipes.llada(steps=8, block_length=4)
    plain = unmask.sample(predictor, sampler, n=3, seed=0, length=16)
    cached = unmask.sample(BlockCache(predictor), sampler, n=3, seed=0, length=16)
    assert cached.tokens.tolist() == plain.tokens.tolist()
    assert cached.network_calls.tolist() == plain.network_calls.tolist() == [8, 8, 8]


def test_networks_that_cannot_be_given_keys_and_values_are_refused_when_the_cache_is_made(made):
    with pytest.raises(InputError, match="takes no stored keys and values"):
        PrefixCache(load(made("llada"), trust_remote_code=True))
    with pytest.raises(InputError, match="does not keep the keys and values"):
        PrefixCache(load(made("DistilBert")))
    with pytest.raises(InputError, match="gives other logits with stored keys and values"):
        PrefixCache(load(made("Roberta")))  # its positions are counted from the padding id
    with pytest.raises(InputError, match="cannot be given keys and values"):
        PrefixCache(load(made("Esm")))  # its rotary positions begin anew with every call
    with pytest.raises(InputError, match="does not keep the keys and values"):
        BlockCache(load(made("sdar", forgets=True), trust_remote_code=True))


def test_each_cache_says_which_networks_it_is_for(made):
    with pytest.raises(InputError, match="bidirectional attention: use PrefixCache"):
        BlockCache(load(made("Dream"), trust_remote_code=True))
    with pytest.raises(InputError, match="use BlockCache, which is exact"):
        PrefixCache(load(made("sdar"), trust_remote_code=True))
    with pytest.raises(InputError, match=r"made by unmask\.load, not Oracle"):
        PrefixCache(oracle(Permutation(4)))
    with pytest.raises(InputError, match="block_length is 0"):
        PrefixCache(load(made("ModernBert")), block_length=0)


def test_exact_parallel_sampling_through_a_block_cache_is_the_same(made):
    """Its canvases of one row differ in the drafts they show, some of them over the end of a block."""
    predictor = load(made("sdar"), trust_remote_code=True)
    sampler = recipes.exact("left_to_right", 3).in_blocks(4)
    plain = unmask.sample(predictor, sampler, n=3, new_tokens=16, seed=4)
    cached = unmask.sample(BlockCache(predictor), sampler, n=3, new_tokens=16, seed=4)
    assert torch.equal(plain.tokens, cached.tokens)
    assert torch.equal(plain.network_calls, cached.network_calls)
    assert torch.equal(plain.canvases, cached.canvases)
