"""What `sample` and `score` share: the options that say how to sample."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from unmask.cli.common import SAMPLER, say_notes
from unmask.errors import InputError

Rule = Annotated[
    str | None,
    typer.Option(
        "--rule",
        metavar="NAME[:KNOB]",
        rich_help_panel=SAMPLER,
        help="A decoding rule: entropy_bound:0.1, llada:steps=16, margin:8.",
    ),
]
PlanFile = Annotated[
    Path | None, typer.Option("--plan", metavar="FILE", rich_help_panel=SAMPLER, help="A plan, from unmask plan.")
]
Steps = Annotated[
    int | None,
    typer.Option(
        "--steps", min=1, rich_help_panel=SAMPLER, help="Steps of the rule; alone, equal sizes in random order."
    ),
]
Order = Annotated[
    str | None,
    typer.Option(
        "--order",
        metavar="NAME",
        rich_help_panel=SAMPLER,
        help="Reveal order: uniform, bit_reversal, blocks:…; margin, entropy, ….",
    ),
]
Exact = Annotated[
    bool,
    typer.Option(
        "--exact",
        rich_help_panel=SAMPLER,
        help="One token at a time in --order, exactly, in fewer calls: see exact.md.",
    ),
]
Draft = Annotated[
    int | None,
    typer.Option("--draft", min=1, rich_help_panel=SAMPLER, help="With --exact: tokens drafted a call.  [8]"),
]
Temperature = Annotated[
    float, typer.Option("--temperature", rich_help_panel=SAMPLER, help="Of the draw; 0 takes the most likely token.")
]
TopP = Annotated[
    float | None,
    typer.Option("--top-p", rich_help_panel=SAMPLER, help="Draw from the smallest set of this probability."),
]
TopK = Annotated[
    int | None, typer.Option("--top-k", rich_help_panel=SAMPLER, help="Draw from so many most likely tokens.")
]
StopAtEnd = Annotated[
    bool, typer.Option("--stop-at-end", rich_help_panel=SAMPLER, help="End a text at its end-of-text token.")
]


def chosen_sampler(
    masked: int | None,
    rule: str | None,
    plan: Path | None,
    steps: int | None,
    order: str | None,
    temperature: float,
    top_p: float | None,
    top_k: int | None,
    block_length: int | None,
    stop_at_end: bool,
    exact: bool = False,
    draft: int | None = None,
) -> Any:
    """The sampler that the options say; one token at a time when they say nothing.

    Args:
        masked: positions to be revealed, where that is known; a schedule of `--steps` needs it.
    """
    from unmask.sampling import recipes, rule_names, stopping
    from unmask.theory.schedule import Schedule

    if rule is not None and plan is not None:
        raise InputError("--rule and --plan were both given; a plan is a rule of its own")
    if draft is not None and not exact:
        raise InputError("--draft was given without --exact; a rule says its own drafts: --rule exact:draft=8")
    if exact:
        others = (("--rule", rule), ("--plan", plan), ("--steps", steps))
        if other := [name for name, value in others if value is not None]:
            raise InputError(f"--exact and {other[0]} were both given; --exact takes --order and --draft")
        sampler = recipes.exact("bit_reversal" if order is None else order, 8 if draft is None else draft)
    elif plan is not None:
        other = [name for name, value in (("--steps", steps), ("--order", order)) if value is not None]
        if other:
            raise InputError(f"--plan and {other[0]} were both given; the plan has its own order and sizes")
        sampler = _of_plan(plan, masked)
    elif rule is not None:
        options: dict[str, Any] = {} if steps is None else {"steps": steps}
        if order is not None:
            options["order"] = rule_names.order_from_name(order)
        if block_length is not None and rule_names.takes(rule, "block_length"):
            options["block_length"], block_length = block_length, None
        sampler = rule_names.from_name(rule, **options)
    else:
        chosen = rule_names.order_from_name("uniform" if order is None else order)
        if steps is None:
            sampler = recipes.one_by_one(chosen)
        elif masked is None:
            raise InputError("--steps needs texts of one length; give --length, or --rule with steps of its own")
        else:
            if hasattr(chosen, "reads_model"):
                raise InputError(
                    f"--order {order} reads the model; give it with a rule, such as --rule {order}:{steps}"
                )
            sampler = recipes.planned(Schedule.uniform(masked, steps), chosen)
    if (temperature, top_k, top_p) != (1.0, None, None):
        sampler = sampler.drawing(temperature, top_k, top_p)
    if block_length is not None:
        sampler = sampler.in_blocks(block_length)
    return sampler.ending(stopping.EndOfText()) if stop_at_end else sampler


def _of_plan(path: Path, masked: int | None) -> Any:
    """The sampler of a plan's file, of either kind; sizes are those of the positions that are to be revealed."""
    from unmask.planning.exact_plan import ExactPlan, is_exact_plan
    from unmask.planning.plan import Plan
    from unmask.sampling import recipes

    if is_exact_plan(path):
        return ExactPlan.load(path).sampler()
    plan = Plan.load(path)
    return recipes.planned(plan if masked is None else plan.for_length(masked))


def plan_given(path: Path, given: str | None, whole: bool = False) -> str | None:
    """`--given` of a plan's file: what was said, else what the plan was measured with, where the texts are whole.

    Args:
        whole: another option already says what is given.
    """
    from unmask.planning.exact_plan import is_exact_plan
    from unmask.planning.plan import Plan

    return given if whole or is_exact_plan(path) else Plan.load(path).as_given(given)


def check_plan_fits(path: Path, prompt: int, fills_gaps: bool) -> tuple[str, ...]:
    """What is to be said of a plan that was measured with something given, and a prompt of so many tokens.

    Raises:
        InputError: the plan fills gaps inside a text, and there is no such text.
    """
    from unmask.planning.exact_plan import is_exact_plan
    from unmask.planning.plan import Plan

    given = "" if is_exact_plan(path) else Plan.load(path).given
    if not given or fills_gaps:
        return ()
    first = given.removeprefix("the first ")
    if not first.isdecimal():
        raise InputError(f"--plan {path} fills gaps of a text, with {given} given; give the text with --infill")
    said = f"the plan was measured after {first} given tokens, the prompt has {prompt}: its price is another's"
    return () if int(first) == prompt else (said,)


def encoded(predictor: Any, text: str, allow_unknown: bool = False) -> list[int]:
    """The tokens of a prompt, as `words.encoded`.

    What a tokenizer does not know or loses is said; InputError where that is more than a few per cent.
    """
    from unmask.models import words
    from unmask.models.reading import Reader

    if not words.has_tokenizer(predictor):
        return words.encoded(predictor, text)
    reader = Reader(predictor)
    ids = reader.encode(text)
    reader.check(allow_unknown)
    say_notes(reader.sentences())
    return ids


def decoded(predictor: Any, tokens: Sequence[int], keep_special: bool = False) -> str:
    """A text a person reads, as `words.decoded`, its special tokens too where that is asked."""
    from unmask.models import words
    from unmask.models.capabilities import decoder_of, folder_of

    if not keep_special:
        return words.decoded(predictor, tokens)
    decode: Any = decoder_of(predictor)
    if decode is None or folder_of(predictor) is None:
        raise InputError("--keep-special was given, and the model has no tokenizer with special tokens")
    return str(decode(list(tokens), keep_special=True))
