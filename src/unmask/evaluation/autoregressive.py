"""The autoregressive reference: one network call a token, with stored keys and values, which makes each call cheap.

Decoding rules are compared by network calls, but a cached autoregressive call computes one column where a masked model
computes all of them: per second, on a CPU, at batch 1, an autoregressive model of the same size can be the faster one.
Whoever compares speeds has to show it. `same_size` makes a network of the predictor's shape with random weights, for
its speed alone; `load_reference` loads a trained one with the same token ids, which has nats too. The networks and
their stored keys and values are in `unmask.evaluation.causal`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.evaluation import causal
from unmask.evaluation.judge import causal_model, local_folder
from unmask.models import checkpoint_folder
from unmask.models.capabilities import folder_of, name_of, network_of
from unmask.models.predictor import Predictor
from unmask.models.text import Text
from unmask.sampling.draws import categorical
from unmask.sampling.randomness import TOKEN_CHUNK, TOKEN_WITHIN, row_seeds, uniforms
from unmask.sampling.sample import rows_that_fit

_SALT = 0x4152
"""Keeps the noise of this model apart from that of a masked model sampled with the same seed."""


class AutoregressiveModel:
    """A causal language model over a predictor's token ids. Made by `same_size` and `load_reference`.

    Tokens that the predictor can never draw (its mask, padded vocabulary) and tokens of the network's own that the
    predictor lacks have probability zero here too, so both are laws over the same texts. What stands before the first
    token is `start`, so every token, the first one too, has a probability.

    Attributes:
        name: where it comes from.
        random_weights: same size, made for its speed only: what it writes is noise, and its nats mean nothing.
        start: id of the token before the text: the network's own begin-of-text token, else its tokenizer's, else the
            predictor's mask token.
        cached: the network that runs, plain or transformers' own.
        calls: network calls made so far (one a row a forward).
    """

    def __init__(
        self, name: str, model: Any, vocab_size: int, start: int, forbidden: set[int], random_weights: bool
    ) -> None:
        self.name, self.model, self.vocab_size, self.random_weights = name, model, vocab_size, random_weights
        self.width = int(model.get_output_embeddings().weight.shape[0])
        if not 0 <= start < self.width:
            raise InputError(f"{name} has no token to begin with: token {start} is not in its vocabulary")
        never = [token for token in range(self.width) if token >= vocab_size or token in forbidden]
        self.start, self.device = start, model.device
        self._never = torch.tensor(never, dtype=torch.int64, device=self.device)
        self.cached = causal.cached(model)
        self.calls = 0

    @property
    def parameters(self) -> int:
        """Trained parameters, tied ones counted once."""
        return causal.parameters(self.model)

    @torch.no_grad()
    def generate(
        self, n: int, length: int, seed: int, prompt: Any = None, batch_size: int | None = None, cache: bool = True
    ) -> Tensor:
        """Draw texts, token by token, at temperature 1.

        Args:
            n: rows.
            length: tokens of a row, the prompt's included.
            seed: row r gets its own seed derived from (seed, r), and depends on nothing else of the batch.
            prompt: (P,) or (n, P) token ids that every row begins with.
            batch_size: rows that go through the network together; by default as many as fit.
            cache: False computes every column anew in each call. Same tokens, slowly: for tests.

        Returns:
            (n, length) int64 on the CPU. Each row cost length - P network calls.
        """
        self._check_length(length)
        given = self._prompt(prompt, n, length)
        seeds = row_seeds(seed, n, _SALT)
        size = batch_size or rows_that_fit(1, self.width, length)
        parts = zip(given.split(size), seeds.split(size), strict=True)
        return torch.cat([self._generate(rows, row_seeds, length, cache) for rows, row_seeds in parts]).cpu()

    def _generate(self, given: Tensor, seeds: Tensor, length: int, cache: bool) -> Tensor:
        rows, known = given.shape
        places = torch.arange(length)
        first, second = (  # each (length, rows)
            uniforms(seeds[None, :], 0, places[:, None], stream).to(self.device)
            for stream in (TOKEN_CHUNK, TOKEN_WITHIN)
        )
        tokens = torch.full((rows, length + 1), self.start, device=self.device)
        tokens[:, 1 : known + 1] = given
        held = self.cached.empty(rows, length)
        for place in range(known, length):
            if not cache:
                held = self.cached.empty(rows, length)
            begin = place if cache and place > known else 0
            logits = self.cached.logits(tokens[:, begin : place + 1], held, last=True)[:, 0]
            self.calls += rows
            tokens[:, place + 1] = categorical(self._normalised(logits), first[place], second[place])
        return tokens[:, 1:]

    @torch.no_grad()
    def log_prob(self, tokens: npt.ArrayLike | Tensor, given: int = 0) -> npt.NDArray[np.float64]:
        """Exact log-probability of whole rows, nats: the sum over their tokens of log p(token | start, those before).

        Args:
            tokens: (n, L) token ids.
            given: leading tokens that are a prompt: read, not scored.

        Returns:
            (n,) float64; minus infinity for a row that holds a token no text is made of.
        """
        rows = torch.as_tensor(np.asarray(tokens), dtype=torch.int64)
        if rows.ndim != 2 or not rows.numel() or not 0 <= int(rows.min()) <= int(rows.max()) < self.vocab_size:
            raise InputError(
                f"tokens has shape {tuple(rows.shape)}; expected (rows, L) ids of 0 … {self.vocab_size - 1}"
            )
        length = rows.shape[1]
        self._check_length(length)
        found = []
        for part in rows.to(self.device).split(rows_that_fit(length, self.width, length)):
            before = torch.cat([torch.full_like(part[:, :1], self.start), part[:, :-1]], dim=1)
            laws = self._normalised(self.cached.logits(before, self.cached.empty(len(part), length)))
            self.calls += len(part)
            scored = laws.gather(-1, part.clamp(max=self.width - 1)[..., None])[..., 0].double()
            scored = scored.masked_fill(part >= self.width, -torch.inf)
            found.append(scored[:, given:].sum(1).cpu())
        return torch.cat(found).numpy()

    def _normalised(self, logits: Tensor) -> Tensor:
        return logits.float().index_fill(-1, self._never, -torch.inf).log_softmax(-1)

    def _check_length(self, length: int) -> None:
        places = getattr(self.model.config, "max_position_embeddings", None)
        if length < 1 or (isinstance(places, int) and length > places):
            raise InputError(f"length is {length}; {self.name} writes texts of 1 to {places or 'any number of'} tokens")

    def _prompt(self, prompt: Any, n: int, length: int) -> Tensor:
        given = torch.as_tensor([] if prompt is None else prompt, dtype=torch.int64)
        given = given.expand(n, -1) if given.ndim == 1 else given
        if n < 1 or given.ndim != 2 or len(given) != n or given.shape[1] >= length:
            raise InputError(
                f"the prompt has shape {tuple(given.shape)} for {n} rows of {length} tokens; "
                "expected (P,) or (rows, P) ids, fewer than a row has, and at least 1 row"
            )
        return given.to(self.device)


def same_size(predictor: Predictor, length: int) -> AutoregressiveModel:
    """A Llama of the predictor's vocabulary, width, layers and heads, with random weights: for its speed alone.

    Args:
        predictor: made by `unmask.load`.
        length: tokens of the texts to be written.

    Raises:
        InputError: the predictor has no network (a law), or its config.json does not tell the shape.
    """
    network, folder = network_of(predictor), folder_of(predictor)
    if network is None or folder is None:
        raise InputError("a law has no network, so no autoregressive model has its size; give a model")
    with checkpoint_folder.one_line(folder):
        config = checkpoint_folder.read_config(folder)
        model = causal.llama_like(config, predictor.vocab_size, length, _parameters(network), network.dtype)
    model = model.to(predictor.device).eval().requires_grad_(False)
    start = predictor.mask_token_id or 0
    forbidden = set(predictor.forbidden_ids)
    name = f"Llama of the size of {name_of(predictor) or folder}, random weights"
    return AutoregressiveModel(name, model, predictor.vocab_size, start, forbidden, random_weights=True)


def load_reference(path: str | os.PathLike[str], predictor: Predictor) -> AutoregressiveModel:
    """A trained causal language model of a local folder that has the predictor's token ids.

    Every token the predictor can draw must have the same id in the model; tokens of its own beside those are never
    drawn. Where one side has no tokenizer the vocabularies must be of one size, and that they mean the same is on you.

    Raises:
        InputError: no such model (as `judge.causal_model` says), or another vocabulary.
    """
    folder = local_folder(path)
    model = causal_model(folder, predictor.device)
    forbidden = set(predictor.forbidden_ids)
    width = int(model.get_output_embeddings().weight.shape[0])
    _require_same_vocabulary(predictor, folder, width)
    start = model.config.bos_token_id
    start = Text(folder).special_id("bos_token") if start is None and Text(folder).exists else start
    start = predictor.mask_token_id if start is None else start
    if start is None:
        raise InputError(f"{folder} has no begin-of-text token; state bos_token_id in its config.json")
    return AutoregressiveModel(str(path), model, predictor.vocab_size, int(start), forbidden, random_weights=False)


def _require_same_vocabulary(predictor: Predictor, folder: Path, width: int) -> None:
    drawn = set(range(predictor.vocab_size)) - set(predictor.forbidden_ids)
    own_folder = folder_of(predictor)
    mine, theirs = (None if place is None else _vocabulary(place) for place in (own_folder, folder))
    if mine is None or theirs is None:
        agree, why = width == predictor.vocab_size, ""
    else:
        other = ((token, id) for token, id in mine.items() if id in drawn and theirs.get(token) != id)
        token, id = min(other, key=lambda pair: pair[1], default=(None, 0))
        agree = token is None and max(drawn & set(mine.values()), default=0) < width
        why = "" if token is None else f"; token {token!r} is {id} there and {theirs.get(token, 'absent')} here"
    if not agree:
        raise InputError(
            f"models disagree on the vocabulary: the masked model has {predictor.vocab_size} tokens, "
            f"{folder} has {width}{why}"
        )


def _vocabulary(folder: Path) -> dict[str, int] | None:
    """Ids by token of a folder's tokenizer; None when it has none."""
    if not Text(folder).exists:
        return None
    with checkpoint_folder.one_line(folder):
        if (folder / "tokenizer.json").is_file():
            from tokenizers import Tokenizer

            return dict(Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab(True))
        from transformers import AutoTokenizer

        return dict(AutoTokenizer.from_pretrained(folder, local_files_only=True).get_vocab())


def _parameters(network: Any) -> int:
    """Parameters of a predictor's network, tied ones once."""
    inside = getattr(network, "model", None) or network.network.weights
    return sum(parameter.numel() for parameter in inside.parameters())
