"""The predictor a checkpoint becomes: what networks of every family need around them, done once.

Masks are put where `known` is False, special tokens stand around the text and are sliced off again, shifted logits are
read one column earlier, rows with padding give what they give without it, and forbidden ids get probability zero. Knows
nothing about files or about particular families: a record of facts (`unmask.models.families`) says what to do.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, overload

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.models.families import Family, Query
from unmask.models.network import Network
from unmask.models.predictor import Positions
from unmask.models.text import Text


class Framed(NamedTuple):
    """The wanted rows of a canvas as the network sees them: padding moved behind the text, special tokens around it."""

    ids: Tensor  # (R, width)
    masked: Tensor  # (R, width) bool
    widths: Tensor  # (R,) how many columns of each row are used
    rows: Tensor  # (N,) row, among these R, of each wanted position
    columns: Tensor  # (N,) column whose logits predict it
    source: Tensor  # (R,) row of the canvas each of these rows came from


class Pretrained:
    """A checkpoint as a `Predictor`. Made by `load`.

    Attributes:
        name: the path or id it was loaded from.
        family: the record of facts it is run by, overrides included.
        block_size: None for bidirectional attention; else positions are predicted block by block.
        max_length: the longest canvas the network has positions for, or None.
        notices: sentences about what does not hold for this model as it does for others.
        calls: network calls made so far (one a row a forward).
    """

    calls_per_query = 1
    exact = True
    suppresses_forbidden = True

    def __init__(
        self,
        name: str,
        network: Network,
        family: Family,
        text: Text,
        around: tuple[tuple[int, ...], tuple[int, ...]] = ((), ()),
        length: int | None = None,
        max_length: int | None = None,
        filler: int | None = None,
        notices: Sequence[str] = (),
    ):
        self.name, self.network, self.family, self.text = name, network, family, text
        self.before, self.after = around
        self.length, self.max_length, self.notices = length, max_length, tuple(notices)
        self.vocab_size, self.device = network.vocab_size, network.device
        if family.mask_token_id is None:
            raise InputError(f"no mask token is known for {name}; pass mask_token_id=")
        self.mask_token_id: int = family.mask_token_id
        self.end_of_text_id = family.end_of_text_id
        self.block_size = family.block_size
        everything = frozenset(range(self.vocab_size))
        unspelled = frozenset() if text.spelled is None else everything - text.spelled
        never = {self.mask_token_id, *self.before, *self.after, *family.forbidden_ids, *unspelled}
        if family.add_special_tokens:
            never |= text.special
        self.forbidden_ids = tuple(sorted(never - {self.end_of_text_id}))
        if len(everything - set(self.forbidden_ids)) < 2:
            raise InputError(
                f"{name} has {self.vocab_size} tokens of which next to none may be drawn: "
                + (text.fault() or "is this its tokenizer?")
            )
        self.filler: int = self.mask_token_id if filler is None else filler
        self.calls = 0
        self._forbidden = torch.tensor(self.forbidden_ids, dtype=torch.int64, device=self.device)
        self._hides_padding: bool | None = None

    def __repr__(self) -> str:
        attention = f"blocks of {self.block_size}" if self.block_size else "bidirectional"
        return f"Pretrained({self.name!r}, {self.family.name}, V={self.vocab_size}, {attention}, {self.device})"

    @overload
    def encode(self, text: str) -> list[int]: ...  # type: ignore[overload-overlap]  # a str is a sequence of str
    @overload
    def encode(self, text: Sequence[str]) -> list[list[int]]: ...
    def encode(self, text: str | Sequence[str]) -> list[int] | list[list[int]]:
        """Token ids of one text, or of each of several; special tokens are neither added nor recognised in it."""
        return self.text.encode(text) if isinstance(text, str) else [self.text.encode(one) for one in text]

    @overload
    def decode(self, tokens: Sequence[int], keep_special: bool = False) -> str: ...
    @overload
    def decode(self, tokens: Tensor | Sequence[Sequence[int]], keep_special: bool = False) -> Any: ...
    def decode(self, tokens: Any, keep_special: bool = False) -> str | list[str]:
        """The text of a row of token ids, or the texts of several rows, special tokens left out unless they are kept.

        Ids below 0 pad a row and say nothing.
        """
        rows = [row.tolist() if hasattr(row, "tolist") else row for row in tokens]
        if any(isinstance(row, Iterable) for row in rows):
            return [str(self.decode(row, keep_special)) for row in rows]
        return self.text.decode([token for token in rows if token >= 0], keep_special)

    def encode_chat(self, messages: str | Sequence[dict[str, str]]) -> list[int]:
        """Token ids of a conversation (a string is one user's turn), ready for the answer to follow."""
        turns = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
        for turn in turns:
            if not isinstance(turn, dict) or not all(isinstance(turn.get(key), str) for key in ("role", "content")):
                raise InputError(f"messages has {turn!r:.60}; expected an object with the texts role and content")
        return self.text.chat(turns, self.family.chat_template)

    def log_probs(self, tokens: Tensor, known: Tensor, wanted: Positions, padding: Tensor | None = None) -> Tensor:
        """Log-probabilities of the wanted positions, as `Predictor.log_probs` says.

        Args:
            padding: (rows, length) bool; True where a row has no token at all. Such a row gives what the same row
                without padding gives, wherever its padding stands.
        """
        framed = self.frame(tokens, known, wanted, padding)
        logits = torch.empty(len(framed.rows), self.vocab_size, dtype=torch.float32, device=self.device)
        for chosen, width in self._batches(framed):
            which = torch.isin(framed.rows, chosen).nonzero().squeeze(1)
            local = torch.searchsorted(chosen, framed.rows[which])
            ids, masked = framed.ids[chosen, :width], framed.masked[chosen, :width]
            attend = torch.arange(width, device=self.device) < framed.widths[chosen, None]
            query = Query(ids, masked, None if bool(attend.all()) else attend, self.block_size)
            logits[which] = self.network.logits(query, local, framed.columns[which]).float()
            self.calls += len(chosen)
        return self.normalised(logits)

    def frame(self, tokens: Tensor, known: Tensor, wanted: Positions, padding: Tensor | None = None) -> Framed:
        """The rows that are wanted, as the network sees them. Raises InputError when it cannot be asked that."""
        self._check(tokens, known, wanted, padding)
        before, after = len(self.before), len(self.after)
        length, width = tokens.shape[1], tokens.shape[1] + before + after
        source, rows = wanted.rows.to(self.device).unique(return_inverse=True)
        ids = torch.where(known, tokens, self.mask_token_id).to(self.device)[source]
        masked = ~known.to(self.device)[source]
        places = wanted.columns.to(self.device)
        lengths = torch.full_like(source, length)
        if padding is not None:
            padding = padding.to(self.device)[source]
            order = padding.to(torch.int8).argsort(dim=1, stable=True)  # the text first, in its own order
            ids, masked = ids.gather(1, order), (masked & ~padding).gather(1, order)
            places = ((~padding).cumsum(1) - 1)[rows, places]
            lengths = (~padding).sum(1)
        if self.block_size:
            self._check_blocks(masked, rows, places)
            # What comes after the last block that is wanted is never read: it is not run.
            last = torch.zeros_like(lengths).scatter_reduce(0, rows, places, "amax")
            lengths = torch.minimum(lengths, (last // self.block_size + 1) * self.block_size)
        around = torch.full((len(source), width), self.filler, dtype=torch.int64, device=self.device)
        around[:, :before] = torch.tensor(self.before, dtype=torch.int64, device=self.device)
        around[:, before : before + length] = ids
        for offset, token in enumerate(self.after):
            around.scatter_(1, (before + lengths + offset)[:, None], token)
        hidden = torch.zeros_like(around, dtype=torch.bool)
        hidden[:, before : before + length] = masked
        columns = before + places - self.family.shift
        if bool((columns < 0).any()):
            raise InputError(
                f"{self.name} predicts a token from the one before it and has no begin-of-text token: "
                "keep position 0 known, or pass prefix_ids=(id,) to load"
            )
        return Framed(around, hidden, before + lengths + after, rows, columns, source)

    def normalised(self, logits: Tensor) -> Tensor:
        """(N, V) logits to float32 log-probabilities without the forbidden ids."""
        log_probs = logits.float().index_fill(1, self._forbidden, -torch.inf).log_softmax(-1)
        if bool(log_probs[:, :1].isnan().any()):
            raise InputError(f"{self.name} returned NaN; a canvas with nothing known and nothing around it can do that")
        return log_probs

    def _batches(self, framed: Framed) -> Iterator[tuple[Tensor, int]]:
        """Rows to be run together and their width: one length at a time, unless the network hides padding truly."""
        widths = framed.widths.unique().tolist()
        everything = torch.arange(len(framed.widths), device=self.device)
        if len(widths) == 1 or self._truly_hides_padding():
            yield everything, max(widths)
            return
        for width in widths:
            yield everything[framed.widths == width], width

    def _truly_hides_padding(self) -> bool:
        """Whether a short row run beside a long one gives what it gives alone. Tried once, on the first such batch."""
        if self._hides_padding is None:
            ids = torch.arange(1, 9, device=self.device).view(1, 8) % self.vocab_size
            ids[0, 2], ids[0, 5:] = self.mask_token_id, self.filler
            masked, rows = ids == self.mask_token_id, torch.zeros(5, dtype=torch.int64, device=self.device)
            columns = torch.arange(5, device=self.device)
            attend = torch.arange(8, device=self.device)[None] < 5
            alone = Query(ids[:, :5], masked[:, :5], None, self.block_size)
            beside = Query(ids, masked & attend, attend, self.block_size)
            difference = self.network.logits(alone, rows, columns) - self.network.logits(beside, rows, columns)
            self._hides_padding = bool(difference.abs().max() < (1e-4 if self.network.dtype == torch.float32 else 5e-2))
        return self._hides_padding

    def _check(self, tokens: Tensor, known: Tensor, wanted: Positions, padding: Tensor | None) -> None:
        if tokens.ndim != 2 or known.shape != tokens.shape or (padding is not None and padding.shape != tokens.shape):
            raise InputError(
                f"tokens, known and padding have shapes {tuple(tokens.shape)}, {tuple(known.shape)} and "
                f"{None if padding is None else tuple(padding.shape)}; expected (rows, length) each"
            )
        length = tokens.shape[1]
        if self.length is not None and length != self.length and padding is None:
            raise InputError(
                f"the canvas has length {length}; {self.name} was trained for {self.length} (length= changes it)"
            )
        if self.max_length is not None and length > self.max_length:
            raise InputError(f"the canvas has length {length}; {self.name} has positions for {self.max_length}")
        outside = known & ((tokens < 0) | (tokens >= self.vocab_size))
        if bool(outside.any()):
            raise InputError(
                f"token {int(tokens[outside][0])} is not in the vocabulary of {self.name} (0 … {self.vocab_size - 1})"
            )
        if padding is not None and bool(padding[wanted.rows, wanted.columns].any()):
            raise InputError("a wanted position is padding; ask only where a row has a token")

    def _check_blocks(self, masked: Tensor, rows: Tensor, places: Tensor) -> None:
        """Raise InputError where a block is wanted before an earlier one is complete: nothing was trained for that."""
        first = torch.where(masked.any(1), masked.int().argmax(1), masked.shape[1])
        size = self.block_size or masked.shape[1]
        early = places // size > (first // size)[rows]
        if bool(early.any()):
            number = int(early.nonzero()[0])
            raise InputError(
                f"position {int(places[number])} is in block {int(places[number]) // size} of {self.name} "
                f"(block_size {size}), but block {int(first[rows[number]]) // size} "
                "is not complete; reveal blocks in order"
            )
