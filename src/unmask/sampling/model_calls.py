"""The one door to the network: every call passes here, is counted for the rows it serves, and is checked.

It also suppresses the ids that must never be drawn (the mask token, padded vocabulary), once and for every rule: what
policies read is the law over the tokens that may stand in a text. A row whose canvas has not changed since its last
prediction is not asked again (the cache of MDLM's ancestral sampler, arXiv 2406.07524, but per row): predictors are
pure functions of the canvas.
"""

import torch
from torch import Tensor

from unmask.models.capabilities import suppresses_forbidden
from unmask.models.predictor import Positions, Predictor
from unmask.sampling.answers import Looks, as_laws
from unmask.sampling.canvas import Canvas
from unmask.sampling.queries import Asking, Query, answered
from unmask.sampling.slices import slices


class ModelCalls:
    """Asks a predictor on behalf of the rows of a canvas and charges them in `canvas.calls` and
    `canvas.canvases`."""

    def __init__(self, predictor: Predictor, canvas: Canvas) -> None:
        self.predictor = predictor
        self.canvas = canvas
        self.forbidden = torch.tensor(sorted(set(predictor.forbidden_ids)), dtype=torch.int64, device=canvas.device)
        self.looks = Looks(canvas.device)
        self._normalises = bool(len(self.forbidden)) and not suppresses_forbidden(predictor)
        self._last: tuple[Positions, Tensor, Tensor] | None = (
            None  # positions, their laws, the same positions as a grid
        )

    def ask(self, tokens: Tensor, known: Tensor, wanted: Positions, rows: Tensor, together: bool = False) -> Tensor:
        """One query: the laws of N positions of r canvases, (N, V) float32.

        The canvases may be altered ones (a probe); they are charged to the rows they serve.

        Args:
            tokens, known: (r, L).
            wanted: N positions; `rows` count from 0 to r - 1.
            rows: (r,) on the CPU; which row of the canvas each of the r is charged to.
            together: a row's canvases are one network call of that batch, not a call each; `canvas.canvases` counts
                them one by one.
        """
        return answered(self.asking(tokens, known, wanted, rows, together), self.predictor)

    def asking(
        self, tokens: Tensor, known: Tensor, wanted: Positions, rows: Tensor, together: bool = False
    ) -> Asking[Tensor]:
        """The same, whoever answers."""
        answer = yield Query(tokens, known, wanted)
        spent = answer.spent
        self.canvas.canvases.index_add_(0, rows, spent)
        if together:
            self.canvas.calls += torch.zeros_like(self.canvas.calls).scatter_reduce_(0, rows, spent, "amax")
        else:
            self.canvas.calls.index_add_(0, rows, spent)
        return self._checked_laws(answer.take(), len(wanted.rows))

    def _checked_laws(self, laws: Tensor, count: int) -> Tensor:
        """The laws of `count` positions, in float32 and without the forbidden ids."""
        laws = as_laws(laws, count, self.predictor.vocab_size)
        if not count:
            return laws
        self.looks.sums_of_some(laws)
        if self._normalises:
            laws = suppress(laws, self.forbidden)
        self.looks.largest(laws)
        if self.looks.answers == 1:  # a wrong predictor is mostly wrong from the first answer on
            self.check()
        return laws

    def used(self, laws: Tensor) -> None:
        """Look at the conditionals, (N, V), that tokens are drawn from or scored with."""
        if not self._normalises:
            self.looks.used(laws)

    def check(self) -> None:
        """Raise InputError when any prediction so far was not a law. Asks the device, so planned runs call it once."""
        self.looks.refuse()

    def look(self, wanted: Tensor) -> tuple[Positions, Tensor]:
        """The laws of the wanted positions ((R, L) bool) of the canvas as it stands; unchanged rows are not asked
        again.
        """
        return answered(self.looking(wanted), self.predictor)

    def looking(self, wanted: Tensor) -> Asking[tuple[Positions, Tensor]]:
        """The same, whoever answers."""
        canvas = self.canvas
        fresh = wanted.any(1)
        kept: tuple[Positions, Tensor] | None = None
        if self._last is not None:
            positions, laws, grid = self._last
            reusable = ~canvas.changed.to(canvas.device) & ~(wanted & ~grid).any(1) & fresh
            if bool(reusable.any()):
                fresh = fresh & ~reusable
                keep = (reusable[positions.rows] & wanted[positions.rows, positions.columns]).nonzero().squeeze(1)
                kept = (Positions(positions.rows[keep], positions.columns[keep]), laws[keep])
            del laws
        self._last = None  # free the old laws before new ones are made
        asked, laws = yield from self._looking_at(fresh, wanted & fresh[:, None])
        if kept is not None:
            asked = Positions(torch.cat([kept[0].rows, asked.rows]), torch.cat([kept[0].columns, asked.columns]))
            laws = torch.cat([kept[1], laws])
        self.check()
        canvas.changed = canvas.changed & ~fresh.cpu()
        self._last = (asked, laws, wanted)
        return asked, laws

    def _looking_at(self, fresh: Tensor, wanted: Tensor) -> Asking[tuple[Positions, Tensor]]:
        canvas = self.canvas
        rows, columns = wanted.nonzero(as_tuple=True)
        if not len(rows):
            return Positions(rows, columns), torch.zeros(0, self.predictor.vocab_size, device=canvas.device)
        active = fresh.nonzero().squeeze(1)
        if len(active) == canvas.rows:
            laws = yield from self.asking(canvas.tokens, canvas.known, Positions(rows, columns), active.cpu())
        else:
            local = torch.cumsum(fresh, 0) - 1
            wanted_there = Positions(local[rows], columns)
            laws = yield from self.asking(canvas.tokens[active], canvas.known[active], wanted_there, active.cpu())
        return Positions(rows, columns), laws


def suppress(log_probs: Tensor, forbidden: Tensor) -> Tensor:
    """The laws without the forbidden ids, renormalised: (N, V) and (F,) to (N, V).

    Renormalised over what is left, never by the mass that was taken out: that may be 1 to the last digit.
    """
    kept = torch.empty_like(log_probs)
    for part, place in zip(slices(log_probs), slices(kept), strict=True):  # one array more, not two
        place.copy_(part.index_fill(1, forbidden, -torch.inf).log_softmax(-1))
    return kept
