"""What holds for every test. The environment is set before any test imports torch or matplotlib."""

import os
import random

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

try:
    from hypothesis import settings
except ImportError:  # the tests that need it fail by themselves and say so; the others run
    pass
else:
    # No deadline: the first example of a test may import a library. In CI the same examples every time.
    settings.register_profile("unmask", deadline=None, derandomize=bool(os.environ.get("CI")))
    settings.load_profile("unmask")

import pytest


def pytest_addoption(parser):
    parser.addoption("--shuffle", type=int, help="run the tests in a random order, that of this seed")


def pytest_collection_modifyitems(config, items):
    """Files in random order, and the tests of a file too: what a file made once is still made once."""
    seed = config.getoption("--shuffle")
    if seed is not None:
        rng = random.Random(seed)
        keys = {path: rng.random() for path in sorted({str(item.path) for item in items})}
        rng.shuffle(items)
        items.sort(key=lambda item: keys[str(item.path)])


STICKY = [[0.85, 0.1, 0.05], [0.1, 0.8, 0.1], [0.2, 0.1, 0.7]]


@pytest.fixture(scope="session")
def chain():
    """A sticky chain of 12 tokens: its curve and its order tables are exact."""
    from unmask.laws import MarkovChain

    return MarkovChain([0.5, 0.3, 0.2], STICKY, 12)


@pytest.fixture(scope="session")
def measured(chain):
    """The chain measured on 400 of its sequences, in three orders besides the uniform one; made once for many files."""
    import unmask

    orders = ["bit_reversal", "left_to_right", "golden_ratio:shift=false"]
    return unmask.measure(unmask.oracle(chain), chain.sample(400, 0), orders=orders, batch_size=200)
