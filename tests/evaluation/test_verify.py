"""The paper's claims hold on every law, and a claim that is wrong is found out."""

import math
import subprocess
import sys

import numpy as np
import pytest

from unmask import cli, laws, spec
from unmask.errors import InputError
from unmask.evaluation import subjects, verify
from unmask.evaluation.claims import few_steps, linear, rate, sandwich, training_error
from unmask.evaluation.claims.claim import Checks
from unmask.theory import bounds
from unmask.theory.curve import InformationCurve
from unmask.theory.price import price
from unmask.theory.schedule import Schedule

FEW = ("markov", "code", "parity")


@pytest.fixture(scope="module")
def verification():
    return verify.verify()


def few():
    return subjects.subjects(FEW, 16)


def test_all_claims_hold_on_the_default_laws(verification):
    assert verification.failures == ()
    assert verification.holds
    assert len(verification.subjects) >= 8
    assert [claim.key for claim in verification.claims] == ["rate", "linear", "few-steps", "bounds", "training-error"]
    assert all(claim.checks > 100 for claim in verification.claims)


@pytest.mark.slow
@pytest.mark.parametrize("length", [8, 9, 31, 100])
def test_all_claims_hold_at_other_lengths(length):
    assert verify.verify(length=length).failures == ()


def test_any_exact_law_of_the_catalogue_can_be_verified():
    found = verify.verify(["mds_code:length=12,dimension=5,vocab_size=13", "law:ising-torus"], length=16)
    assert found.failures == ()
    assert [subject.curve.length for subject in found.subjects] == [12, 16]


def test_kl_and_bounds_of_repeated_tokens_are_the_closed_forms(verification):
    rows = verification.claim("few-steps").data.where(law="repeated").to_dict()
    for row in rows:
        first = -(-64 // row["steps"])
        assert row["kl_even"] == pytest.approx((first - 1) * math.log(4), abs=1e-9)
        power = 2 ** math.ceil(math.log2(first))
        assert row["li_cai_upper"] == pytest.approx((power - 1) * math.log(4), abs=1e-9)


def test_every_code_attains_the_sharp_bound_at_every_largest_step(verification):
    summary = verification.claim("bounds").summary
    for law in ("repeated", "parity", "code"):
        assert summary.where(law=law).column("sharp_attained") == [63]
        assert summary.where(law=law).column("sharp_upper_factor")[0] == pytest.approx(1)


def test_the_paper_s_upper_bound_is_attained_by_repeated_tokens_at_powers_of_two(verification):
    rows = verification.claim("bounds").data.where(law="repeated").to_dict()
    attained = [row["largest"] for row in rows if row["kl_worst"] >= row["li_cai_upper"] * (1 - 1e-9)]
    assert attained == [2, 4, 8, 16, 32, 64]


def test_slopes_of_smooth_laws_are_near_minus_one_and_undefined_on_plateaus(verification):
    summary = verification.claim("rate").summary
    for law in ("markov", "ising", "cold_ising"):
        assert -1.3 <= summary.where(law=law).column("slope_even")[0] <= -0.9
    assert summary.where(law="staircase").column("slope_even") == [None]
    assert summary.where(law="independent").column("slope_random") == [None]


def test_independent_tokens_are_free_at_every_number_of_steps(verification):
    rows = verification.claim("few-steps").data.where(law="independent")
    assert np.allclose(rows.column("kl_even"), 0, atol=1e-12)


@pytest.mark.parametrize(
    ("bound", "factor", "check"),
    [
        ("sharp_upper", 0.9, sandwich.check),
        ("li_cai_upper", 0.4, sandwich.check),
        ("li_cai_lower", 17, sandwich.check),
        ("certificate", 0.5, sandwich.check),
        ("equal_steps", 0.9, rate.check),
        ("linear_upper", 0.4, rate.check),
        ("li_cai_corollary", 0.4, rate.check),
        ("li_cai_upper", 0.4, few_steps.check),
        ("equal_steps_upper", 0.9, rate.check),
        ("impossible_at_most", 0.4, lambda _: training_error.check()),
    ],
)
def test_a_bound_with_a_wrong_constant_fails(monkeypatch, bound, factor, check):
    right = getattr(bounds, bound)
    monkeypatch.setattr(bounds, bound, lambda *args, **values: factor * right(*args, **values))
    claim = check(few())
    assert not claim.holds
    assert any("should" in failure for failure in claim.failures)


def test_half_the_information_over_the_calls_that_are_made_is_found_out_as_no_bound(monkeypatch):
    """The constant ½ that holds for L/s steps, held against the calls that are made."""
    monkeypatch.setattr(bounds, "equal_steps_upper", lambda curve, calls: 0.5 * curve.total_information / calls)
    claim = rate.check(subjects.subjects(["repeated"], 16))
    assert any("in calls made" in failure for failure in claim.failures)


def test_a_counter_example_that_costs_something_is_found_out(monkeypatch):
    """Stairs where no even split cuts: then the even splits cost at least the conjectured bound."""
    monkeypatch.setattr(sandwich, "STAIRCASE", (64, ((25, 67), (41, 67))))
    assert any("staircase" in failure for failure in sandwich.check(few()).failures)


def test_impossible_permutations_are_as_frequent_as_the_bound_allows():
    rows = training_error.check().data.where(law="permutation", predictor="perfect").to_dict()
    for row in rows:
        assert row["impossible"] == pytest.approx(row["impossible_bound"], abs=1e-12)


def test_an_upper_bound_of_nan_fails(monkeypatch):
    monkeypatch.setattr(bounds, "li_cai_upper", lambda *_: math.nan)
    assert not few_steps.check(few()).holds


def test_a_linear_bound_with_a_wrong_constant_fails(monkeypatch):
    right = bounds.linear_upper
    monkeypatch.setattr(bounds, "linear_upper", lambda *args: 0.9 * right(*args))
    assert not linear.check(16).holds


def test_a_family_that_does_not_scale_is_found_out(monkeypatch):
    ising = next(family for family in linear.FAMILIES if family.name == "ising")
    false = linear.LawFamily(ising.name, ising.title, ising.knob, ising.values, ising.law, scales=True)
    monkeypatch.setattr(linear, "FAMILIES", (false,))
    assert any("spread" in failure for failure in linear.check(16).failures)


def test_a_law_with_a_wrong_curve_is_found_out_by_enumeration(monkeypatch):
    monkeypatch.setattr(laws.Parity, "curve", lambda self: InformationCurve(np.full(self.length, 0.1)))
    failures = training_error.check().failures
    assert failures
    assert all(failure.startswith("parity") for failure in failures)


def test_a_predictor_whose_probabilities_do_not_sum_to_one_is_found_out(monkeypatch):
    leaky = training_error.Mistake("leaky", "", "", lambda law, x, known: 0.9 * law.conditionals(x, known))
    monkeypatch.setattr(training_error, "MISTAKES", (training_error.MISTAKES[0], leaky))
    assert any("mass" in failure for failure in training_error.check().failures)


def test_enumeration_of_permutations_in_one_step_gives_the_probability_of_a_valid_row():
    rows = training_error.check().data.where(law="permutation", predictor="perfect", sizes="4").to_dict()
    assert rows[0]["kl_direct"] == pytest.approx(-math.log(math.factorial(4) / 4**4), abs=1e-12)


def test_ways_to_reveal_are_counted_by_the_multinomial():
    assert len(set(training_error.reveals((2, 3, 1)))) == math.factorial(6) // (2 * 6)
    assert len(list(training_error.compositions(6))) == 2**5


def test_the_slope_of_an_exact_power_law_is_its_exponent():
    steps = np.arange(2, 17)
    assert rate.slope(np.log(steps), 3.0 / steps) == pytest.approx(-1)
    assert rate.slope(np.log(steps), 3.0 / steps**2) == pytest.approx(-2)
    assert rate.slope(np.log(steps), np.where(steps == 5, 0.0, 1.0)) is None


def test_a_perfect_line_has_r_squared_one_and_a_flat_one_has_none():
    x = np.array([1.0, 2.0, 5.0])
    assert linear.r_squared(x, 3 * x) == pytest.approx(1)
    assert linear.r_squared(x, np.ones(3)) is None


def test_nan_never_passes_a_check():
    checks = Checks()
    checks.at_most(math.nan, 1, "a")
    checks.at_most(0, math.nan, "b")
    checks.equal(math.nan, math.nan, "c")
    assert len(checks.failures) == checks.count == 3


def test_the_even_split_is_what_the_claims_price(verification):
    markov = next(subject for subject in verification.subjects if subject.name == "markov")
    row = verification.claim("few-steps").data.where(law="markov", steps=7).to_dict()[0]
    assert row["kl_even"] == price(markov.curve, Schedule.uniform(64, 7))


@pytest.mark.parametrize(
    ("names", "length", "word"),
    [
        (["nonsense"], 64, "nonsense"),
        (["parity", "parity"], 64, "more than once"),
        ([], 64, "empty"),
        (["parity"], 7, "8 to 256"),
        (["parity"], 257, "8 to 256"),
        (["parity:length=4"], 64, "4 tokens"),
    ],
)
def test_bad_input_says_what_would_be_right(names, length, word):
    with pytest.raises(InputError, match=word):
        verify.verify(names, length)


def test_a_law_that_is_too_long_is_refused_before_its_curve_is_computed(monkeypatch):
    monkeypatch.setattr(laws.Balanced, "curve", None)
    with pytest.raises(InputError, match="of 1000 tokens; expected 8 to 256"):
        verify.verify(["balanced:length=1000"], 64)


def test_a_law_whose_curve_is_only_measured_is_refused(monkeypatch):
    measured = InformationCurve(np.ones(16), np.full(16, 0.1))
    monkeypatch.setattr(laws.Parity, "curve", lambda self: measured)
    with pytest.raises(InputError, match="measured"):
        verify.verify(["parity"], 16)


def test_names_with_parameters_keep_their_commas():
    text = "markov, permutation:length=8,mds_code:length=12,dimension=5,vocab_size=13,parity"
    expected = ["markov", "permutation:length=8", "mds_code:length=12,dimension=5,vocab_size=13", "parity"]
    assert spec.specs(text) == expected


def test_the_field_of_a_code_is_the_next_prime():
    assert [subjects.prime_from(least) for least in (1, 2, 8, 13, 64, 100)] == [2, 2, 11, 13, 67, 101]


def test_a_failed_check_makes_the_command_exit_with_1(monkeypatch, capsys):
    monkeypatch.setattr(bounds, "sharp_upper", lambda *_: 0.0)
    assert cli.main(["verify", "--laws", "parity", "--length", "8"]) == 1
    printed = capsys.readouterr()
    assert "failed" in printed.err.splitlines()[-1]
    assert "failed: parity" in printed.out


def test_the_command_exits_with_0_and_its_last_line_says_so(capsys):
    assert cli.main(["verify", "--laws", "parity,ising", "--length", "8"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("all ")


def test_verifying_imports_neither_torch_nor_matplotlib():
    code = (
        "import sys; from unmask.cli import main; status = main(['verify', '--laws', 'parity', '--length', '8']); "
        "sys.exit(status or any(name in sys.modules for name in ('torch', 'matplotlib', 'jinja2')))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
