"""A planner asks its evidence for what `MeasuredCosts` lists, and for nothing else."""

import pytest

import unmask
from unmask.planning.known_curve import KnownCurve
from unmask.planning.measured_costs import MeasuredCosts
from unmask.planning.planner import Planner

LISTED = [name for name in vars(MeasuredCosts) if not name.startswith("_")]


class OnlyWhatIsListed:
    """Passes on the names of the protocol, and knows no other."""

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        if name not in LISTED:
            raise AssertionError(f"{name} is asked for, but MeasuredCosts does not list it")
        return getattr(self.inner, name)

    def split(self):
        return tuple(map(OnlyWhatIsListed, self.inner.split()))


def plans(costs):
    planner = Planner(costs)
    return [planner.plan(3), planner.plan(budget=0.05), planner.plan(price_per_call=0.1)]


def test_a_measurement_is_asked_for_what_is_listed(measured):
    assert plans(OnlyWhatIsListed(measured)) == plans(measured)


def test_a_curve_alone_is_asked_for_what_is_listed(chain):
    known = KnownCurve(chain.curve(), "chain")
    assert plans(OnlyWhatIsListed(known)) == plans(known)


@pytest.mark.parametrize("name", LISTED)
def test_both_kinds_of_evidence_have_all_that_is_listed(name, measured, chain):
    assert hasattr(measured, name)
    assert hasattr(KnownCurve(chain.curve()), name)


def test_only_a_measurement_has_texts(measured, chain):
    assert len(measured.texts) == 400
    assert KnownCurve(chain.curve()).texts == ()
    assert unmask.plan(chain.curve(), 3).price.is_exact
