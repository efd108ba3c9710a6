"""What holds for every test. The environment is set before any test imports torch or matplotlib."""

import os

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
