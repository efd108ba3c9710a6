"""A second model's opinion of generated text: its perplexity under a causal language model, and MAUVE.

Never read the perplexity of generated text alone. It rewards low entropy: text that repeats itself is likely under
every judge, and sharpening any sampler lowers it while the text gets worse (arXiv 2606.08417, arXiv 2409.02908). Print
it beside `TextQuality.sequence_entropy` and beside the judge's perplexity of real text of the same length. It says
nothing exact about the sampler; exact nats are `unmask.score`'s.

Knows nothing about masked models. Models are local folders with safetensors weights; no code of theirs is run.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from unmask.errors import InputError
from unmask.models import checkpoint_folder
from unmask.models.text import Text
from unmask.sampling.sample import laws_that_fit

LONGEST = 1024
"""Tokens of a window when the model states no number of positions."""


@dataclass(frozen=True)
class JudgeScore:
    """How likely a judge finds texts.

    Attributes:
        nats_per_token: mean negative log-probability over all scored tokens of all texts, in the judge's own tokens.
        nats_per_character: the same nats over the characters these tokens spell: comparable between judges.
        perplexity: exp of `nats_per_token`.
        tokens: scored tokens. The first token of a text is not scored unless the judge's tokenizer puts one before it.
        texts: texts scored.
        skipped: texts shorter than two tokens, which were not.
    """

    nats_per_token: float
    nats_per_character: float
    perplexity: float
    tokens: int
    texts: int
    skipped: int

    def to_dict(self) -> dict[str, Any]:
        return dict(self.__dict__)


class _Window(NamedTuple):
    """Tokens that go through the judge together; the first `seen` of them are context, scored elsewhere or not."""

    ids: list[int]
    seen: int


class Judge:
    """A causal language model of transformers, in a local folder, with its tokenizer.

    Args:
        path: the folder. Weights are read from safetensors only, and code in it is never run.
        device: None takes the first CUDA device, else the CPU.

    Raises:
        InputError: no such folder, no tokenizer, not a causal language model, weights that are pickled or cut short.
    """

    def __init__(self, path: str | os.PathLike[str], device: str | torch.device | None = None):
        from transformers import AutoTokenizer

        folder = local_folder(path)
        checkpoint_folder.read_config(folder)
        if not Text(folder).exists:
            raise InputError(f"{folder} has no tokenizer; put its tokenizer.json there")
        self.name, self.model = str(path), causal_model(folder, device)
        with checkpoint_folder.one_line(folder):
            self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        stated = getattr(self.model.config, "max_position_embeddings", None)
        self.positions = stated if isinstance(stated, int) and stated > 1 else LONGEST
        self.vocab_size = int(self.model.get_input_embeddings().weight.shape[0])

    def perplexity(self, texts: Sequence[str]) -> JudgeScore:
        """How likely the judge finds `texts`.

        Texts go through the network together, padded on the right; padding is neither read nor scored. A text longer
        than the judge's positions is cut into windows that overlap by half, every token scored once, with at least
        half a window before it.

        Raises:
            InputError: no text has two tokens.
        """
        windows: list[_Window] = []
        characters = scored = 0
        for text in texts:
            ids, spelled = self._encode(text)
            if len(ids) < 2:
                continue
            windows += _windows(ids, self.positions)
            characters += spelled
            scored += 1
        if not scored:
            raise InputError(f"none of {len(texts)} texts has two tokens; a judge needs one to predict another from")
        nats = sum(float(self._nats(batch)) for batch in self._batches(windows))
        tokens = sum(len(window.ids) - window.seen for window in windows)
        mean = nats / tokens
        return JudgeScore(
            mean, nats / max(1, characters), math.exp(min(mean, 700)), tokens, scored, len(texts) - scored
        )

    @torch.no_grad()
    def features(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """(texts, width) the last hidden state at each text's last token, which MAUVE compares. Cut, never windowed."""
        found = np.zeros((len(texts), self.model.config.hidden_size), dtype=np.float32)
        for number, text in enumerate(texts):
            ids = self._encode(text)[0][: self.positions]
            if not ids:
                raise InputError(f"text {number} is empty; MAUVE needs texts with at least one token")
            hidden = self.model.base_model(input_ids=torch.tensor([ids], device=self.model.device)).last_hidden_state
            found[number] = hidden[0, -1].float().cpu().numpy()
        return found

    def _encode(self, text: str) -> tuple[list[int], int]:
        """Ids of a text, with what the tokenizer itself puts around it, and how many characters all but the first
        spell.
        """
        fast = self.tokenizer.is_fast
        found = self.tokenizer(text, return_offsets_mapping=True, verbose=False) if fast else self.tokenizer(text)
        ids = [int(token) for token in found["input_ids"]]
        if ids and max(ids) >= self.vocab_size:
            raise InputError(
                f"the tokenizer of {self.name} gives token {max(ids)}; its network knows 0 … {self.vocab_size - 1}"
            )
        return ids, len(text) - (found["offset_mapping"][0][1] if fast and ids else 0)

    def _batches(self, windows: list[_Window]) -> Iterator[list[_Window]]:
        """Windows of like length together, as many as fit."""
        room = laws_that_fit(self.vocab_size)
        batch: list[_Window] = []
        for window in sorted(windows, key=lambda window: -len(window.ids)):  # the first of a batch is its longest
            if batch and (len(batch) + 1) * len(batch[0].ids) > room:
                yield batch
                batch = []
            batch.append(window)
        if batch:
            yield batch

    @torch.no_grad()
    def _nats(self, batch: list[_Window]) -> Tensor:
        """Sum of the negative log-probabilities of a batch's scored tokens, float64."""
        width = max(len(window.ids) for window in batch)
        ids = torch.zeros(len(batch), width, dtype=torch.int64)
        column = torch.arange(width)
        attend = torch.zeros(len(batch), width, dtype=torch.bool)
        scored = torch.zeros(len(batch), width, dtype=torch.bool)
        for row, window in enumerate(batch):
            ids[row, : len(window.ids)] = torch.tensor(window.ids)
            attend[row] = column < len(window.ids)
            scored[row] = attend[row] & (column >= window.seen)
        device = self.model.device
        ids, scored = ids.to(device), scored.to(device)
        logits = self.model(input_ids=ids, attention_mask=attend.long().to(device)).logits
        laws = logits[:, :-1][scored[:, 1:]].float()  # (scored tokens, vocabulary)
        return functional.cross_entropy(laws, ids[:, 1:][scored[:, 1:]], reduction="none").double().sum()


def mauve(
    texts: Sequence[str],
    reference_texts: Sequence[str],
    model_path: str | os.PathLike[str],
    device: str | torch.device | None = None,
) -> float:
    """MAUVE of generated against real text, 0 to 1, higher is closer (Pillutla et al., arXiv 2102.01454).

    Needs the package `mauve` (mauve-text), which is not among ours, and some thousand texts of either kind to mean
    anything. Features are the judge's (`Judge.features`); the package only compares them.

    Raises:
        InputError: the package is not installed, or `model_path` is no judge.
    """
    try:
        from mauve import compute_mauve
    except ImportError as error:
        raise InputError(
            "MAUVE needs the package mauve-text, which is not installed: pip install mauve-text"
        ) from error
    judge = Judge(model_path, device)
    found = compute_mauve(
        p_features=judge.features(reference_texts), q_features=judge.features(texts), seed=0, verbose=False
    )
    return float(found.mauve)


def local_folder(path: str | os.PathLike[str]) -> Path:
    """`path`, if it is a folder; nothing is downloaded."""
    folder = Path(path)
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; expected a local causal language model with its tokenizer")
    return folder


def causal_model(path: str | os.PathLike[str], device: str | torch.device | None = None) -> Any:
    """The causal language model of a local folder, ready to be asked; float32 on a CPU, as stored elsewhere.

    Raises:
        InputError: no such folder, not a causal language model (a token's logits change with the tokens behind it, or
            the architecture has no such head), weights that are pickled, cut short or not all there.
    """
    from transformers import AutoModelForCausalLM

    folder = local_folder(path)
    kind = checkpoint_folder.read_config(folder).get("model_type")
    if kind not in {known.model_type for known in AutoModelForCausalLM._model_mapping}:
        raise InputError(f"{folder} has model_type {kind!r}, no causal language model of transformers")
    checkpoint_folder.require_safetensors(folder)
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    with checkpoint_folder.one_line(folder), _quiet():
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.float32 if place.type == "cpu" else "auto",
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
    model, report = loaded
    absent = sorted(report["missing_keys"])
    if absent:
        raise InputError(f"{folder} lacks weights, first {absent[0]} ({len(absent)} in all): no causal language model")
    model = model.to(place).eval().requires_grad_(False)
    if not _is_causal(model):
        raise InputError(f"{folder} ({kind}) reads the tokens that follow: it is no causal language model")
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' warnings, which belong into one line of ours."""
    import transformers

    verbosity = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers.logging.set_verbosity(verbosity)


@torch.no_grad()
def _is_causal(model: Any) -> bool:
    """Whether the logits of three tokens stay what they are when a fourth one changes."""
    size = int(model.get_input_embeddings().weight.shape[0])
    ids = torch.tensor([[1, 2, 3, 4], [1, 2, 3, 5]], device=model.device) % size
    first, second = model(input_ids=ids, use_cache=False).logits[:, :3].float()
    return bool(torch.allclose(first, second, atol=1e-3))


def _windows(ids: list[int], positions: int) -> list[_Window]:
    """A text's windows: the whole text if it has no more than `positions` tokens, else windows that overlap by half."""
    windows = [_Window(ids[:positions], 1)]
    end = positions
    while end < len(ids):
        begin = end - positions // 2
        windows.append(_Window(ids[begin : begin + positions], end - begin))
        end = begin + positions
    return windows
