"""Positions chosen ahead: for samplers whose order and sizes do not read the model.

The same window, order and selection are walked on a shadow of the canvas, on the CPU and without a network, before the
first call. The index tensors of all steps then go to the device at once: no step waits for the device, the network is
asked for the chosen positions only, and a row that reveals nothing in a step is left out of the call.
"""

from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unmask.models.predictor import Positions
from unmask.sampling.canvas import Canvas
from unmask.sampling.model_calls import ModelCalls
from unmask.sampling.queries import Asking
from unmask.sampling.step import Step


class Chooses(Protocol):
    """What is walked ahead: the choosing half of a sampler."""

    def opened(self, canvas: Canvas, door: ModelCalls | None) -> Step:
        """A new step, its window open."""
        ...

    def choose(self, step: Step) -> Tensor:
        """The (R, L) positions to reveal."""
        ...


class ChosenAhead:
    """The positions of every step of every row.

    Attributes:
        step_of: (R, L) int64 on the CPU; the step that reveals each position, -1 for given ones.
        numbers: the steps in which any row reveals anything, in order.
    """

    def __init__(self, sampler: Chooses, canvas: Canvas) -> None:
        shadow = canvas.shadow()
        self.step_of = torch.full((canvas.rows, canvas.length), -1)
        while shadow.unfinished():
            picked = sampler.choose(sampler.opened(shadow, None))
            self.step_of.masked_fill_(picked, shadow.step)
            shadow.known |= picked
            shadow.remaining -= picked.sum(1)
            shadow.end_step(shadow.remaining == 0)
        for sentence in shadow.notes:
            canvas.note(sentence)
        self._lay_out(canvas.device)
        self._turn = 0

    def _lay_out(self, device: torch.device) -> None:
        """All positions sorted by step, row and column; what each step needs is a slice of these arrays."""
        length = self.step_of.shape[1]
        flat = self.step_of.numpy().ravel()
        places = np.argsort(flat, kind="stable")[int((flat < 0).sum()) :]
        steps, rows, columns = flat[places], places // length, places % length
        self.numbers, starts = np.unique(steps, return_index=True)
        self._bounds = np.append(starts, len(places))
        local, active, active_bounds = np.empty_like(rows), [], [0]
        for begin, end in zip(self._bounds[:-1], self._bounds[1:], strict=True):
            served, local[begin:end] = np.unique(rows[begin:end], return_inverse=True)
            active.append(served)
            active_bounds.append(active_bounds[-1] + len(served))
        self._active_bounds = active_bounds
        self._active = torch.from_numpy(np.concatenate(active) if active else np.zeros(0, dtype=np.int64))
        self._host_rows = torch.from_numpy(rows)

        def to_device(array: npt.NDArray[np.int64]) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(device, non_blocking=True)

        self._rows, self._columns, self._local = to_device(rows), to_device(columns), to_device(local)
        self._active_device = self._active.to(device, non_blocking=True)

    def looking(self, canvas: Canvas, door: ModelCalls) -> Asking[Step]:
        """The laws of the next step's positions; everything in them is to be revealed."""
        canvas.step = int(self.numbers[self._turn])
        here = slice(int(self._bounds[self._turn]), int(self._bounds[self._turn + 1]))
        served = slice(self._active_bounds[self._turn], self._active_bounds[self._turn + 1])
        self._turn += 1
        rows, columns, local = self._rows[here], self._columns[here], self._local[here]
        active, active_device = self._active[served], self._active_device[served]
        host_rows = self._host_rows[here]
        if not canvas.live[active].all():  # a stop rule ended rows early: leave them out
            keep = canvas.live[host_rows].nonzero().squeeze(1)
            host_rows = host_rows[keep]
            served_rows, place = np.unique(host_rows.numpy(), return_inverse=True)
            active, renumbered = torch.from_numpy(served_rows), torch.from_numpy(place)
            keep = keep.to(canvas.device)
            rows, columns, local = rows[keep], columns[keep], renumbered.to(canvas.device)
            active_device = active.to(canvas.device)
        everyone = len(active) == canvas.rows
        tokens = canvas.tokens if everyone else canvas.tokens[active_device]
        known = canvas.known if everyone else canvas.known[active_device]
        step = Step(canvas, door)
        step.ahead = True
        step.positions = Positions(rows, columns)
        step.counts = torch.bincount(host_rows, minlength=canvas.rows)
        step.log_probs = yield from door.asking(tokens, known, Positions(local, columns), active)
        return step
