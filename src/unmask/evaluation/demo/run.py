"""The whole demo: both shipped models, each measured, planned for, sampled and checked."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from unmask.evaluation.demo.grammar import GrammarDemo, GrammarSizes, grammar_demo
from unmask.evaluation.demo.prose import ProseDemo, ProseSizes, held_out_text, prose_demo

QUICK_GRAMMAR = GrammarSizes(
    searched=24,
    search_calls=2000,
    measured=16,
    fresh=16,
    samples=24,
    line_samples=8,
    tuning=8,
    tries=3,
    line=(1, 2),
    batch_size=16,
)
QUICK_PROSE = ProseSizes(measured=16, fresh=8, tuning=4, tries=2, samples=2, counts=(0, 8, 16, 32), batch_size=16)


@dataclass(frozen=True, eq=False)
class Demo:
    """What both halves found, how long it took, and whether it was a quick run (too small to show anything)."""

    grammar: GrammarDemo
    prose: ProseDemo | None
    seconds: float
    quick: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        return {
            "quick": self.quick,
            "seconds": self.seconds,
            "grammar": self.grammar.to_dict(),
            "prose": None if self.prose is None else self.prose.to_dict(),
        }


def run(seed: int = 0, quick: bool = False, progress: Callable[[str], None] = lambda _: None) -> Demo:
    """Both halves on the shipped models.

    Args:
        seed: of everything random.
        quick: a few texts of everything, to see that it works; its numbers show nothing.
        progress: told, in words, what is being done.
    """
    from unmask.models.pretrained import load

    begun = time.perf_counter()
    progress("loading the shipped models")
    toy, manual, text = load("toy"), load("manual"), held_out_text()
    grammar = grammar_demo(toy, "toy", seed, QUICK_GRAMMAR if quick else None, progress)
    prose = prose_demo(manual, text, "manual", seed, QUICK_PROSE if quick else None, progress)
    return Demo(grammar, prose, time.perf_counter() - begun, quick)
