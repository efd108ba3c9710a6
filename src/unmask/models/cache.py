"""Key–value caches: predictors that wrap a checkpoint's predictor and run only the columns that are new.

Samplers do not know of them. A cache looks at the canvas of each query, finds the columns at its left end that are
complete, and keeps their keys and values under the tokens they came from. So whatever rows share a batch, leave it or
come back, a query's answer is a function of its canvas alone. What the latest query did not use is forgotten.

`BlockCache` is exact: between blocks attention is causal, so a complete block is never changed by what follows.
`PrefixCache` is not: in a bidirectional network the prefix has read a suffix that has since been filled in (the
approximation of Fast-dLLM, arXiv 2505.22618). Here that suffix is always all masks, which makes the approximate law a
pure function of the canvas too: sampling and scoring see the same one.
"""

from collections import defaultdict

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.models.adapter import Framed, Pretrained
from unmask.models.checkpoint_folder import first_line
from unmask.models.families import Query
from unmask.models.predictor import Positions, Wrapped
from unmask.models.weights import KeyValues

Groups = dict[tuple[int, int], list[int]]
"""Rows that are run together: (first column, end column) -> rows."""


class _Cached(Wrapped[Pretrained]):
    """What both caches share: the store, and a forward over the columns that follow what is stored."""

    calls_per_query = 1

    def __init__(self, predictor: Pretrained):
        if not isinstance(predictor, Pretrained):
            kind = type(predictor).__name__
            raise InputError(f"a cache wraps a predictor made by unmask.load, not {kind}: put it inside other wrappers")
        super().__init__(predictor)
        self.calls = 0
        self.row_calls = torch.zeros(0, dtype=torch.int64)
        """Network calls the latest query cost each row of its canvas, (rows,) on the CPU."""
        self._store: dict[bytes, KeyValues] = {}  # each (heads, columns, width) pair by pair

    def _answer(
        self, framed: Framed, members: list[int], span: tuple[int, int], keys: list[bytes], logits: Tensor
    ) -> KeyValues:
        """Run columns start … end of some rows, fill in the logits they answer, and return their keys and values."""
        start, end = span
        rows = torch.tensor(members, device=framed.ids.device)
        which = torch.isin(framed.rows, rows).nonzero().squeeze(1)
        local = torch.searchsorted(rows, framed.rows[which])
        found, fresh = self._continue(
            framed.ids[rows, :end], framed.masked[rows, :end], start, keys, local, framed.columns[which]
        )
        logits[which] = found.float()
        self._charge(framed, members)
        return fresh

    def _continue(
        self, ids: Tensor, masked: Tensor, start: int, keys: list[bytes], rows: Tensor, columns: Tensor
    ) -> tuple[Tensor, KeyValues]:
        past = None
        if start:
            held = [self._store[key] for key in keys]
            past = [
                (torch.stack([row[layer][0] for row in held]), torch.stack([row[layer][1] for row in held]))
                for layer in range(len(held[0]))
            ]
        query = Query(ids[:, start:], masked[:, start:], None, self.predictor.block_size, start)
        return self.predictor.network.continued(query, past, rows, columns - start)

    def _charge(self, framed: Framed, members: list[int]) -> None:
        self.calls += len(members)
        self.row_calls[framed.source[members].cpu()] += 1

    def _check_agreement(self, width: int, cut: int) -> None:
        """Raise InputError unless columns continued from a cut give the logits they have in a whole forward."""
        predictor = self.predictor
        ids = torch.arange(1, width + 1, device=predictor.device)[None] % predictor.vocab_size
        masked = torch.zeros_like(ids, dtype=torch.bool)
        columns = torch.arange(width, device=ids.device)
        rows = torch.zeros_like(columns)
        whole = predictor.network.logits(Query(ids, masked, None, predictor.block_size), rows, columns)[cut:]
        first = cut if predictor.block_size else width  # a bidirectional prefix is stored as it looks beside its suffix
        try:
            _, fresh = self._continue(ids[:, :first], masked[:, :first], 0, [], rows[:1], columns[:1])
            self._store[b""] = _row(fresh, 0, cut)
            continued, _ = self._continue(ids, masked, cut, [b""], rows[cut:], columns[cut:])
        except (RuntimeError, TypeError, AttributeError, IndexError, AssertionError) as error:
            raise InputError(
                f"{predictor.name} cannot be given keys and values ({first_line(error)}): no cache"
            ) from error
        self._store.clear()
        difference = float((continued - whole).abs().max())
        if not difference < (1e-3 if predictor.network.dtype == torch.float32 else 0.1):
            raise InputError(
                f"{predictor.name} gives other logits with stored keys and values (by {difference:.2g}): no cache"
            )


class BlockCache(_Cached):
    """Exact cache for block-causal networks: complete blocks are run once.

    A block's keys and values are taken from the first query after it is complete, in which it is run together with the
    block being predicted. No forward is spent on storing alone: one call a row a query, as without the cache.

    Args:
        predictor: a predictor of `unmask.load` with a `block_size`.

    Raises:
        InputError: attention is not block-causal, or the network cannot be given keys and values.
    """

    exact = True

    def __init__(self, predictor: Pretrained):
        super().__init__(predictor)
        if not predictor.block_size:
            raise InputError(
                f"{predictor.name} has bidirectional attention: use PrefixCache, or pass block_size= to load"
            )
        if predictor.before:
            raise InputError(f"{predictor.name} has tokens before the text: blocks would not start at position 0")
        self.block_length: int = predictor.block_size
        self._check_agreement(2 * self.block_length, self.block_length)

    def log_probs(self, tokens: Tensor, known: Tensor, wanted: Positions, padding: Tensor | None = None) -> Tensor:
        """As `Pretrained.log_probs`, with the same numbers up to rounding."""
        predictor, size = self.predictor, self.block_length
        framed = predictor.frame(tokens, known, wanted, padding)
        self.row_calls = torch.zeros(len(tokens), dtype=torch.int64)
        logits = torch.empty(len(framed.rows), predictor.vocab_size, dtype=torch.float32, device=predictor.device)
        ids, (complete, earliest) = framed.ids.cpu(), _bounds(framed)
        groups: Groups = defaultdict(list)
        for row, end in enumerate(framed.widths.tolist()):
            # A shifted network reads the first token of a block from the last column before it: it is run again.
            start = min(complete[row], earliest[row]) // size * size
            while start and _key(ids[row], start) not in self._store:
                start -= size
            groups[start, end].append(row)
        kept: dict[bytes, KeyValues] = {}
        for (start, end), members in groups.items():
            keys = [_key(ids[row], start) for row in members] if start else []
            fresh = self._answer(framed, members, (start, end), keys, logits)
            for number, row in enumerate(members):
                stop = min(complete[row], end) // size * size
                if stop > start:
                    held = _row(fresh, number, stop - start)
                    held = _joined(self._store[keys[number]], held) if start else held
                else:
                    stop, held = start, self._store[keys[number]] if start else []
                for cut in (stop, stop - size):  # the second for shifted networks; a view, no copy
                    if cut > 0:
                        kept[_key(ids[row], cut)] = [(k[:, :cut], v[:, :cut]) for k, v in held]
        self._store = kept
        return predictor.normalised(logits)


class PrefixCache(_Cached):
    """Approximate cache for bidirectional networks: the known prefix is run once, beside a suffix of masks.

    The prefix grows by whole blocks of `block_length` columns. When the rest of the canvas is all masks, as where each
    block of a block-by-block sampler begins, filling the cache answers the query itself, exactly. Otherwise filling
    costs a row one call more than the query; `row_calls` counts both.

    Args:
        predictor: a bidirectional predictor of `unmask.load`.
        block_length: the prefix is cut at multiples of this.

    Raises:
        InputError: attention is block-causal, or the network cannot be given keys and values.
    """

    exact = False

    def __init__(self, predictor: Pretrained, block_length: int = 32):
        super().__init__(predictor)
        if predictor.block_size:
            raise InputError(f"{predictor.name} is block-causal: use BlockCache, which is exact")
        if block_length < 1:
            raise InputError(f"block_length is {block_length}; expected at least 1")
        self.block_length = block_length
        self._check_agreement(8, 5)

    def log_probs(self, tokens: Tensor, known: Tensor, wanted: Positions, padding: Tensor | None = None) -> Tensor:
        """As `Pretrained.log_probs`, approximately."""
        predictor, before = self.predictor, len(self.predictor.before)
        framed = predictor.frame(tokens, known, wanted, padding)
        self.row_calls = torch.zeros(len(tokens), dtype=torch.int64)
        logits = torch.empty(len(framed.rows), predictor.vocab_size, dtype=torch.float32, device=predictor.device)
        ids, (complete, earliest) = framed.ids.cpu(), _bounds(framed)
        reads: Groups = defaultdict(list)
        fills: Groups = defaultdict(list)
        keys: dict[int, bytes] = {}
        shift = predictor.family.shift
        for row, width in enumerate(framed.widths.tolist()):
            text = max(min(complete[row], earliest[row] + shift) - before, 0)
            cut = before + text // self.block_length * self.block_length
            cut = 0 if cut == before else cut  # nothing of the text: an ordinary query
            keys[row] = _key(ids[row], cut) + width.to_bytes(8, "little")
            (fills if cut and keys[row] not in self._store else reads)[cut, width].append(row)
        kept = {key: self._store[key] for key in keys.values() if key in self._store}
        for (cut, width), members in fills.items():
            bare = framed.ids[members].clone()
            bare[:, cut : width - len(predictor.after)] = predictor.mask_token_id
            hidden = framed.masked[members].clone()
            hidden[:, cut : width - len(predictor.after)] = True
            plain = (bare == framed.ids[members])[:, :width].all(1).tolist()
            for same in (True, False):
                chosen = [number for number, equal in enumerate(plain) if equal is same]
                if not chosen:
                    continue
                rows = [members[number] for number in chosen]
                if same:  # the canvas is what the cache is filled with
                    fresh = self._answer(framed, rows, (0, width), [], logits)
                else:
                    nobody = torch.zeros(0, dtype=torch.int64, device=predictor.device)
                    _, fresh = self._continue(bare[chosen, :width], hidden[chosen, :width], 0, [], nobody, nobody)
                    self._charge(framed, rows)
                    reads[cut, width].extend(rows)
                # A shifted network reads the first token behind the prefix from its last column, which is run again.
                kept |= {keys[row]: _row(fresh, number, cut - shift) for number, row in enumerate(rows)}
        self._store = kept
        for (cut, width), members in reads.items():
            members = sorted(members)
            self._answer(framed, members, (max(cut - shift, 0), width), [keys[row] for row in members], logits)
        return predictor.normalised(logits)


def _bounds(framed: Framed) -> tuple[list[int], list[int]]:
    """For each row, how many columns at its left are known, and the first column that is read."""
    known = torch.where(framed.masked.any(1), framed.masked.int().argmax(1), framed.widths)
    farthest = torch.full_like(known, framed.ids.shape[1])
    return known.tolist(), farthest.scatter_reduce(0, framed.rows, framed.columns, "amin").tolist()


def _key(row: Tensor, cut: int) -> bytes:
    return row[:cut].numpy().tobytes()


def _row(pairs: KeyValues, number: int, columns: int) -> KeyValues:
    """The first columns of one row, copied out of the batch's memory: (heads, columns, width)."""
    return [(keys[number, :, :columns].clone(), values[number, :, :columns].clone()) for keys, values in pairs]


def _joined(old: KeyValues, new: KeyValues) -> KeyValues:
    return [
        (torch.cat([old_keys, keys], 1), torch.cat([old_values, values], 1))
        for (old_keys, old_values), (keys, values) in zip(old, new, strict=True)
    ]
