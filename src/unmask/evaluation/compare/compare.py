"""`unmask.compare`: decoding rules side by side, from Python."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from unmask.errors import InputError
from unmask.evaluation import tasks
from unmask.evaluation.compare import check as checks
from unmask.evaluation.compare.comparison import Request, Run
from unmask.evaluation.compare.ground import Ground
from unmask.evaluation.compare.trial import Comparison
from unmask.measuring.inputs import DRAWN, LAW
from unmask.measuring.text_files import windows_of
from unmask.measuring.texts import check_texts
from unmask.models.capabilities import law_of
from unmask.models.predictor import Predictor
from unmask.models.text_requests import is_text


def compare(
    predictor: Predictor,
    rules: str | Sequence[Any] = "auto",
    texts: Any = None,
    *,
    steps: Sequence[int] = (),
    samples: int = 32,
    length: int | None = None,
    given: int = 0,
    check: str | Callable[[str], Any] | None = None,
    random_orders: int = 2,
    rounds: int = 0,
    batch_size: int = 64,
    seed: int = 0,
    folder: str | os.PathLike[str] | None = None,
    say: Callable[[str], object] = lambda words: None,
) -> Comparison:
    """Decoding rules on the same texts: exact nats by replay, network calls, and what they write.

    Half of the texts are measured to make plans, every rule is scored on the other half.

    Args:
        predictor: from `unmask.load` or `unmask.oracle`.
        rules: names as the command line takes them ("planned,threshold:0.9", "auto"), or a list of names, samplers,
            plans, schedules, and functions of your own that make a sampler.
        texts: one long text, a list of texts, or (N, L) tokens; at least 8. A law draws its own.
        steps: numbers of steps for rules that have steps; L/2, L/4, L/8 and L/16 when none is said.
        samples: texts drawn with every rule.
        length: tokens of a window, for models that take any length.
        given: leading tokens that are given.
        check: what makes a drawn text right: a function of the text, or "FILE.py:FUNCTION". A law with right and
            wrong rows judges for itself.
        random_orders: orders a text is scored in where the order is random.
        rounds: rounds of timing; 0 for none.
        folder: where trials are kept and taken up again; nowhere when it is not said.
        say: told what is being done.

    Raises:
        InputError: for rules or texts that do not fit.

    Examples:
        >>> law = unmask.laws.MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], 8)
        >>> rules = ["equal_sizes", "threshold:0.8"]
        >>> found = unmask.compare(unmask.oracle(law), rules, law.sample(40, seed=0), steps=[2])
        >>> [trial.name for trial in found.scored]
        ['equal_sizes T = 2', 'threshold 0.8']
    """
    rows, source, words = _rows(predictor, texts, length, seed)
    law = law_of(predictor)
    judged: Any = None
    if check is not None:
        named = isinstance(check, str)
        name = getattr(check, "__name__", "check")
        judged = checks.from_name(str(check), predictor) if named else checks.Check(name, check, predictor)  # type: ignore[arg-type]
    elif law is not None and texts is None:
        judged = tasks.task_of_law(law)
    names, own = _rules(rules)
    ground = Ground(predictor, rows, given, seed, random_orders, batch_size, judged, source)
    request = Request(names, tuple(steps), (), samples, min(16, samples), rounds, "", "", False, words, own)
    if folder is not None:
        return Run(ground, request, Path(folder), say).run(resume=True)
    with tempfile.TemporaryDirectory() as place:
        return Run(ground, request, Path(place), say).run()


def _rows(predictor: Any, texts: Any, length: int | None, seed: int) -> tuple[Any, str, str]:
    """(N, L) tokens, the name of their draw or "", and what they are in words."""
    law = law_of(predictor)
    if texts is None:
        if law is None:
            raise InputError("texts is missing; give held-out text, a list of texts, or (N, L) tokens")
        return law.sample(DRAWN, seed), f"{LAW}{law!r} seed {seed}", "texts drawn from the law"
    if is_text(texts):
        return windows_of(predictor, texts, length).rows, "", "given texts"
    return check_texts(predictor, texts), "", "given texts"


def _rules(rules: str | Sequence[Any]) -> tuple[str, tuple[tuple[str, Any], ...]]:
    """Names as `--rules` has them, and rules that are no names, each with a name made for it."""
    if isinstance(rules, str):
        return rules, ()
    names = [rule for rule in rules if isinstance(rule, str)]
    own: dict[str, Any] = {}
    for rule in rules:
        if not isinstance(rule, str):
            called = getattr(rule, "__name__", None) or getattr(rule, "name", "") or type(rule).__name__.lower()
            key, number = called, 2
            while key in own or key in names:
                key, number = f"{called} {number}", number + 1
            own[key] = rule
    if not names and not own:
        raise InputError("rules is empty; give names such as 'planned' and 'threshold:0.9', or rules of your own")
    return ",".join(names), tuple(own.items())
