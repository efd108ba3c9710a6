"""What hypothesis draws: schedules, curves and joint tables."""

import numpy as np
from hypothesis import strategies as st

from unmask.theory.curve import InformationCurve
from unmask.theory.schedule import Schedule


@st.composite
def schedules(draw: st.DrawFn, length: int) -> Schedule:
    """Any schedule of this length: every boundary inside is there or not."""
    cuts = draw(st.lists(st.booleans(), min_size=length - 1, max_size=length - 1))
    ends = [0, *[k + 1 for k, cut in enumerate(cuts) if cut], length]
    return Schedule(np.diff(ends))


@st.composite
def falling_curves(draw: st.DrawFn, min_length: int = 1, max_length: int = 12) -> InformationCurve:
    """Any non-increasing curve, plateaus and cliffs included; each is the curve of some law up to a factor."""
    length = draw(st.integers(min_length, max_length))
    increments = draw(st.lists(st.sampled_from([0.0, 0.0, 0.1, 0.5, 1.0, 7.0]), min_size=length, max_size=length))
    noise = draw(st.lists(st.floats(0.0, 1.0), min_size=length, max_size=length))
    smooth = draw(st.booleans())
    steps = np.array(increments) + (np.array(noise) if smooth else 0.0)
    return InformationCurve(np.cumsum(steps)[::-1])


@st.composite
def any_curves(draw: st.DrawFn, min_length: int = 1, max_length: int = 12) -> InformationCurve:
    """Any curve of non-negative values, rising or falling: what a measurement may give."""
    length = draw(st.integers(min_length, max_length))
    return InformationCurve(draw(st.lists(st.floats(0.0, 3.0), min_size=length, max_size=length)))


@st.composite
def tables(draw: st.DrawFn, max_length: int = 4) -> tuple[int, int, int, float]:
    """Arguments of `brute_force.random_table`: length, vocabulary size, seed, share of impossible outcomes."""
    length = draw(st.integers(2, max_length))
    vocab_size = draw(st.integers(2, 3 if length < 4 else 2))
    return length, vocab_size, draw(st.integers(0, 2**31)), draw(st.sampled_from([0.0, 0.3, 0.8]))
