"""The canvas: rows of tokens being revealed, and everything a run remembers.

All state of a run lives here, none in the parts: `recall` and `remember` keep what a part remembers (memory.py). Being
masked is never inferred from a token id: `known` says it, so prompts may contain the mask token and uniform-state
models may hold random tokens at unknown positions. Tokens change only through `reveal`, `release`, `rewrite` and
`fill`; each leaves the frozen positions alone and writes itself into the trace.
"""

import copy
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.models.predictor import Positions
from unmask.sampling.memory import Memory, State
from unmask.sampling.trace import Trace

State_co = TypeVar("State_co", covariant=True)
_BY_ROW = ("tokens", "known", "frozen", "log_probs", "seeds")
_BY_ROW_ON_THE_CPU = ("remaining", "steps", "calls", "canvases", "live", "changed", "idle")


class Remembers(Protocol[State_co]):
    """A part with a state of its own."""

    def begin(self, canvas: "Canvas") -> State_co:
        """The state every row begins with: from its seed and its given positions alone, as it may be asked for late.

        Each entry has the rows first; memory.py says what a state may be.
        """
        ...


class Canvas:
    """R rows of L tokens.

    Attributes:
        tokens: (R, L) int64; what stands at unknown positions is `filler`, or random tokens of a uniform-state model.
        known: (R, L) bool; revealed positions, the given ones included.
        frozen: (R, L) bool; given positions (prompt, infill context): always known, never changed.
        log_probs: (R, L) float32; log-probability with which each token was drawn, nats; 0 where none was.
        seeds: (R,) int64; one seed a row.
        step: number of the present step, from 0; part of the address of every random number.
        steps: (R,) int64 on the CPU; steps each row has taken.
        calls: (R,) int64 on the CPU; network calls each row has cost, counted by the door.
        canvases: (R,) int64 on the CPU; canvases the network was asked about for each row; more than calls where a rule
            asks about several at once.
        remaining: (R,) int64 on the CPU; masked positions of each row, kept without asking the device.
        live: (R,) bool on the CPU; rows that are not finished.
        changed: (R,) bool on the CPU; rows whose canvas differs from when the network last saw it.
        idle: (R,) bool on the CPU; live rows that revealed nothing in the last step.
        memory: the states of the parts, by row.
        keep_entropies: whether the trace shall hold entropies that the rule itself has no use for.
        block_size: of a network whose attention is causal between blocks, counted from position 0; else None.
        notes: sentences about roundings and skipped work, shown with the output.
    """

    def __init__(self, tokens: Tensor, known: Tensor, seeds: Tensor, filler: int, device: torch.device) -> None:
        self.tokens = torch.where(known, tokens, filler).to(device)
        self.known = known.clone().to(device)
        self.frozen = known.clone().to(device)
        self.log_probs = torch.zeros(tokens.shape, dtype=torch.float32, device=device)
        self.seeds = seeds.to(device)
        self.filler = filler
        self.step = 0
        self.remaining = (~known).sum(1).cpu()
        self.steps = torch.zeros_like(self.remaining)
        self.calls = torch.zeros_like(self.remaining)
        self.canvases = torch.zeros_like(self.remaining)
        self.live = self.remaining > 0
        self.changed = torch.ones_like(self.live)
        self.idle = torch.zeros_like(self.live)
        self.memory: Memory[Canvas] = Memory()
        self.notes: list[str] = []
        self.trace = Trace()
        self.keep_entropies = False
        self.block_size: int | None = None

    @property
    def rows(self) -> int:
        return self.tokens.shape[0]

    @property
    def length(self) -> int:
        return self.tokens.shape[1]

    @property
    def device(self) -> torch.device:
        return self.tokens.device

    @property
    def masked(self) -> Tensor:
        """(R, L) bool: unknown positions of live rows."""
        masked = ~self.known
        return masked if self.live.all() else masked & self.live.to(self.device)[:, None]

    def unfinished(self) -> bool:
        return bool(self.live.any())

    def shadow(self) -> "Canvas":
        """A copy on the CPU on which a plan can be walked ahead of time; only `known` may be read or changed there."""
        known = self.known.cpu()
        copy = Canvas(torch.zeros_like(known, dtype=torch.int64), known, self.seeds.cpu(), 0, torch.device("cpu"))
        copy.frozen, copy.block_size = self.frozen.cpu(), self.block_size
        return copy

    # -- what parts remember --

    def recall(self, part: Remembers[State]) -> State:
        """The part's state as this step found it."""
        return self.memory.recall(part, part.begin, self)

    def remember(self, part: Remembers[State], state: State, rows: Tensor | None = None) -> None:
        """What the part will find in the next step; with `rows` ((R,) bool), in these rows alone."""
        self.memory.remember(part, state, rows)

    # -- rows that leave and rows that join, between two steps --

    def cut(self, rows: Tensor) -> "Canvas":
        """A canvas of some rows ((r,) int64), as they stand; its trace begins here."""
        part = copy.copy(self)
        for name in _BY_ROW:
            setattr(part, name, getattr(self, name)[rows.to(self.device)])
        for name in _BY_ROW_ON_THE_CPU:
            setattr(part, name, getattr(self, name)[rows.cpu()])
        part.memory, part.notes, part.trace = self.memory.cut(rows), list(self.notes), Trace()
        return part

    def joined(self, other: "Canvas") -> "Canvas":
        """A canvas of these rows and then the other's, which is at the same step; its trace begins here."""
        if (self.step, self.length) != (other.step, other.length):
            raise InputError(
                f"canvases of length {self.length} at step {self.step} and of length {other.length} at step "
                f"{other.step} cannot be joined: random numbers are addressed by step and position"
            )
        whole = copy.copy(self)
        for name in (*_BY_ROW, *_BY_ROW_ON_THE_CPU):
            setattr(whole, name, torch.cat([getattr(self, name), getattr(other, name)]))
        whole.memory = self.memory.joined(self, other.memory, other)
        whole.notes, whole.trace = list(dict.fromkeys(self.notes + other.notes)), Trace()
        return whole

    def note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)

    # -- changes --

    def reveal(
        self,
        where: Positions,
        tokens: Tensor,
        log_probs: Tensor,
        entropies: Tensor | None = None,
        counts: Tensor | None = None,
    ) -> None:
        """Commit tokens at N unknown positions, with the log-probabilities they were drawn with.

        Args:
            counts: (R,) on the CPU, how many of them each row has; without it the device is asked.
        """
        counts = self._counts(where) if counts is None else counts
        self.tokens[where.rows, where.columns] = tokens
        self.log_probs[where.rows, where.columns] = log_probs
        self.known[where.rows, where.columns] = True
        self.remaining = self.remaining - counts
        self.changed |= counts > 0
        self.trace.revealed(self.step, where, tokens, log_probs, entropies)

    def release(self, picked: Tensor, tokens: Tensor | None = None) -> Tensor:
        """Make known positions unknown again: masked, or holding given tokens (a uniform-state model's renoising).

        Args:
            picked: (R, L) bool; frozen positions and finished rows are left out.
            tokens: (R, L) int64 to put there instead of the filler. Positions that are unknown already may be given
                too, to renoise them; they stay unknown.

        Returns:
            (R,) number of tokens released in each row, on the CPU.
        """
        picked = picked & ~self.frozen & self.live.to(self.device)[:, None]
        released = picked & self.known
        counts = released.sum(1).cpu()
        self.tokens = torch.where(picked, self.filler if tokens is None else tokens, self.tokens)
        self.known = self.known & ~released
        self.log_probs = self.log_probs.masked_fill(released, 0.0)
        self.remaining = self.remaining + counts
        self.changed |= picked.any(1).cpu() if tokens is not None else counts > 0
        self.trace.released(self.step, released)
        return counts

    def rewrite(self, picked: Tensor, tokens: Tensor, log_probs: Tensor | None = None) -> None:
        """Replace known tokens by others (an edit): picked (R, L) bool, tokens (R, L), log_probs (R, L)."""
        picked = picked & self.known & ~self.frozen & self.live.to(self.device)[:, None]
        rows, columns = picked.nonzero(as_tuple=True)
        where = Positions(rows, columns)
        drawn = torch.zeros(len(rows), device=self.device) if log_probs is None else log_probs[rows, columns].float()
        self.tokens[rows, columns] = tokens[rows, columns]
        self.log_probs[rows, columns] = drawn
        self.changed |= self._counts(where) > 0
        self.trace.revealed(self.step, where, tokens[rows, columns], drawn, None, rewritten=True)

    def fill(self, rows: Tensor, token: int) -> None:
        """Put one token at every masked position of some rows ((R,) bool, CPU), for free: padding after the end."""
        if bool(rows.any()):
            picked = ~self.known & rows.to(self.device)[:, None]
            self.tokens = self.tokens.masked_fill(picked, token)
            self.known = self.known | picked
            self.remaining = self.remaining.masked_fill(rows, 0)

    def end_step(self, finished: Tensor) -> None:
        """Close the step: rows in `finished` ((R,) bool, CPU) leave the batch."""
        self.steps = torch.where(self.live, self.step + 1, self.steps)
        self.live = self.live & ~finished
        self.memory.end_step()
        self.trace.end_step(self.step, self.calls)
        self.step += 1

    def _counts(self, where: Positions) -> Tensor:
        return torch.bincount(where.rows.cpu(), minlength=self.rows)
