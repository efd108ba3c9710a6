"""The whole demo: both shipped models, each measured, planned for, sampled and checked."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from unmask.evaluation.compare import exact
from unmask.evaluation.demo import english, sentences
from unmask.evaluation.demo.half import Half
from unmask.laws.toy import toy_grammar


@dataclass(frozen=True, eq=False)
class Demo:
    """What both halves found, how long it took, and whether it was a quick run (too small to show anything)."""

    grammar: Half
    prose: Half | None
    seconds: float
    quick: bool

    @property
    def halves(self) -> dict[str, Half]:
        """By the name of their files."""
        return {"grammar": self.grammar} | ({} if self.prose is None else {"prose": self.prose})

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        perfect = exact.of_plan(toy_grammar(), self.grammar.plan)
        halves: dict[str, Any] = {name: half.to_dict() for name, half in self.halves.items()}
        halves["grammar"]["perfect_model"] = None if perfect is None else vars(perfect)
        return {"quick": self.quick, "seconds": self.seconds, **halves}


def demo(seed: int = 0, quick: bool = False, progress: Callable[[str], object] = lambda _: None) -> Demo:
    """Both halves on the shipped models.

    Args:
        seed: of everything random.
        quick: a few texts of everything, to see that it works; its numbers show nothing.
        progress: told, in words, what is being done.
    """
    from unmask.models.pretrained import load

    begun = time.perf_counter()
    progress("loading the shipped models")
    toy, manual, text = load("toy"), load("manual"), english.held_out_text()
    first = sentences.sentences_demo(toy, "toy", seed, sentences.QUICK if quick else sentences.SIZES, progress)
    second = english.english_demo(manual, text, "manual", seed, english.QUICK if quick else english.SIZES, progress)
    return Demo(first, second, time.perf_counter() - begun, quick)
