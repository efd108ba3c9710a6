"""What every law must do, asserted against its joint table. For laws with few sequences.

The table is made of `log_prob` alone; conditionals, curve and samples have to agree with it. Use from any test:
`from reference import law_checks`.
"""

import numpy as np

from reference import brute_force, enumeration
from unmask.laws import Law

FALSE_ALARM = 1e-4
"""How often a correct sampler would fail `assert_samples_follow` if the seed were drawn anew."""


def canvases(law: Law, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """n canvases with known sets of every size: half with tokens of the law, half with any, often impossible."""
    x, known = enumeration.random_canvases(law.length, law.vocab_size, n, seed)
    x[: n // 2] = law.sample(n // 2, seed)
    return x, known


def assert_law_is_exact(law: Law, seed: int = 0) -> None:
    """Probabilities sum to 1; conditionals are those of the table, and never read a masked token or another row."""
    joint = enumeration.joint_of(law)
    assert abs(joint.sum() - 1) < 1e-12
    x, known = canvases(law, 40, seed)
    answers = law.conditionals(x, known)
    np.testing.assert_allclose(answers, enumeration.conditionals(joint, x, known), rtol=0, atol=1e-12)
    nonsense = np.where(known, x, -7)  # not even tokens
    np.testing.assert_array_equal(law.conditionals(nonsense, known), answers)
    one_by_one = [law.conditionals(x[i : i + 1], known[i : i + 1])[0] for i in range(8)]
    np.testing.assert_allclose(one_by_one, answers[:8], rtol=0, atol=1e-14)


def assert_curve_is_exact(law: Law) -> None:
    """The curve is that of the table, and claims to be exact."""
    curve = law.curve()
    assert curve.stderr is None
    np.testing.assert_allclose(
        curve.values, brute_force.information_curve(enumeration.joint_of(law)), rtol=0, atol=1e-11
    )


def assert_samples_follow(law: Law, n: int = 20_000, seed: int = 1) -> None:
    """Pearson's chi-square of n samples against the table; the same seed gives the same samples, however many."""
    np.testing.assert_array_equal(law.sample(50, seed)[:20], law.sample(20, seed))
    if (enumeration.joint_of(law) > 0).sum() == 1:
        assert np.all(np.isfinite(law.log_prob(law.sample(50, seed))))
    else:
        assert enumeration.chi_square_p_value(law, n, seed) > FALSE_ALARM
