import contextlib
import errno
import json
import os

import pytest

from unmask.errors import InputError
from unmask.models import checkpoint_folder
from unmask.training import saved_steps


def writer(content):
    return lambda folder: (folder / "weights").write_bytes(content)


def save(root, step, content=b"good"):
    return saved_steps.save(root, step, writer(content), {"marker": step * 10})


def test_the_newest_checkpoint_is_found_with_its_state(tmp_path):
    save(tmp_path, 5)
    save(tmp_path, 10, b"better")
    found = saved_steps.newest(tmp_path, complain=pytest.fail)
    assert (found.folder / "weights").read_bytes() == b"better"
    assert (found.state["step"], found.state["marker"]) == (10, 100)


def test_the_last_two_are_kept(tmp_path):
    for step in (1, 2, 3, 4):
        save(tmp_path, step)
    assert [folder.name for folder in saved_steps.folders(tmp_path)] == ["step-000000003", "step-000000004"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "weights").write_bytes(b"goo"),
        lambda folder: (folder / "weights").unlink(),
        lambda folder: (folder / "state.json").write_text('{"format": "unm'),
        lambda folder: (folder / "state.json").unlink(),
        lambda folder: (folder / "state.json").write_text("[1]"),
        lambda folder: (folder / "state.json").write_text(json.dumps({"format": "other/1"})),
    ],
)
def test_a_damaged_checkpoint_is_passed_over_with_one_line(tmp_path, damage):
    save(tmp_path, 1)
    damage(save(tmp_path, 2))
    said = []
    assert saved_steps.newest(tmp_path, said.append).state["step"] == 1
    assert len(said) == 1
    assert "step-000000002 is damaged" in said[0]


def test_without_an_undamaged_checkpoint_resuming_is_refused(tmp_path):
    (save(tmp_path, 1) / "weights").unlink()
    with pytest.raises(InputError, match="holds no undamaged checkpoint"):
        saved_steps.newest(tmp_path, lambda line: None)
    with pytest.raises(InputError, match="holds no undamaged checkpoint"):
        saved_steps.newest(tmp_path / "absent", lambda line: None)


def test_a_full_disk_is_one_line_and_leaves_the_last_good_checkpoint(tmp_path):
    save(tmp_path, 1)

    def full(folder):
        (folder / "config.json").write_text("{}")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(
        InputError, match=r"step 2 cannot be written: No space left on device; the last good one is .*step-000000001"
    ) as caught:
        saved_steps.save(tmp_path, 2, full, {})
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000001"]
    assert saved_steps.newest(tmp_path, pytest.fail).state["step"] == 1


def test_a_half_written_checkpoint_is_never_taken_for_one(tmp_path):
    save(tmp_path, 1)

    class Killed(BaseException):
        pass

    def killed(folder):
        (folder / "weights").write_bytes(b"half")
        raise Killed

    with pytest.raises(Killed):
        saved_steps.save(tmp_path, 2, killed, {})
    assert saved_steps.newest(tmp_path, pytest.fail).state["step"] == 1
    save(tmp_path, 2)
    assert saved_steps.newest(tmp_path, pytest.fail).state["step"] == 2


def test_between_two_published_files_the_folder_is_no_whole_model(tmp_path, monkeypatch):
    """Whenever the process dies, the folder is the old model, the new one, or refused by name."""

    class Killed(BaseException):
        pass

    names, out = ("config.json", "model.safetensors"), tmp_path / "out"
    out.mkdir()
    for step in (1, 2):
        (tmp_path / f"{step}").mkdir()
        for name in names:
            (tmp_path / f"{step}" / name).write_bytes(b"%s of step %d" % (name.encode(), step))
        (tmp_path / f"{step}" / "unmask.json").write_text(json.dumps({"step": step}))
    whole, seen = os.replace, set()
    for dies in range(4):
        saved_steps.publish(tmp_path / "1", out, names, "unmask.json")
        left = dies

        def replace(source, target):
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1
            whole(source, target)

        monkeypatch.setattr(os, "replace", replace)
        with contextlib.suppress(Killed):
            saved_steps.publish(tmp_path / "2", out, names, "unmask.json")
        monkeypatch.setattr(os, "replace", whole)
        card = json.loads((out / "unmask.json").read_text())
        try:
            checkpoint_folder.require_whole(out, card)
            seen.add(card["step"])
            assert all(f"step {card['step']}" in (out / name).read_text() for name in names)
        except InputError as refused:
            said = str(refused)
            assert "no whole model" in said
            seen.add("refused")
    assert seen == {1, 2, "refused"}
