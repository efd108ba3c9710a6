"""Nothing in these tests reaches the network or leaves files behind: the hub is off, its caches in a temporary folder.

transformers reads the places once, when it is imported, so they are set before any test imports it, for the whole run.
"""

import os
import tempfile

import pytest

_CACHE = tempfile.TemporaryDirectory(prefix="unmask-hub-")
os.environ.update(
    HF_HUB_OFFLINE="1", HF_HOME=_CACHE.name, HF_MODULES_CACHE=f"{_CACHE.name}/modules", HF_HUB_DISABLE_PROGRESS_BARS="1"
)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Tiny checkpoints, each made once: made("Bert"), made("llada"), made("sdar", forgets=True)."""
    from reference import checkpoints

    folders: dict = {}

    def make(name, **changes):
        key = (name, tuple(sorted((field, str(value)) for field, value in changes.items())))
        if key not in folders:
            folder = tmp_path_factory.mktemp("checkpoint") / f"{name}_{len(folders)}"
            write = checkpoints.remote if name in checkpoints.REMOTE else checkpoints.native
            folders[key] = write(folder, name, **changes)
        return folders[key]

    return make
