"""The named decoding rules, one file each: its own parts, its recipe, its paper and what is known about its knob.

A new rule is a new file here. `NAME.py` defines the function `NAME(...) -> Sampler` and `RULE = Rule(NAME, does=...)`;
the command line, `unmask rules`, `unmask.recipes`, `unmask.cite`, tuning, comparisons and the tests all find it.
Parts that several rules use are in `sampling`: priorities, selections, windows, draws, stopping.
"""
