"""Dying, or being refused, at one file operation of a command: what the sweeps of `test_crashes` are made of.

A command runs in a forked child. An audit hook counts the operations Python makes below one folder (open for writing,
mkdir, rename, remove, …) and, at the chosen one, ends the process as `kill -9` would, or has the system refuse it. What
libraries write by themselves (safetensors) is not counted; the operations around it are.
"""

import errno
import os
import sys
import traceback
from pathlib import Path

from unmask import cli

DIED = 99
COUNTED = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "shutil.copyfile", "shutil.rmtree")
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def run(arguments, folder, at=None, refuse=None, err=None, count=None):
    """Run a command in a child; at operation number `at` it dies, or is refused with the error `refuse`.

    Args:
        folder: operations on what is below it are counted.
        err: file that takes standard error. count: file that takes the number of operations.

    Returns:
        The exit status: that of the command, or `DIED`. A traceback is status 70.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        status = 70
        try:
            _quiet(err)
            status = _counted(arguments, str(Path(folder).resolve()), at, refuse, count)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _quiet(err):
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(os.open(err, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) if err is not None else sink, 2)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115 - not pytest's


def _counted(arguments, folder, at, refuse, count):
    seen, active = 0, True

    def operation(path):
        nonlocal seen, active
        if (
            not active
            or not isinstance(path, str | os.PathLike)
            or not os.path.abspath(path).startswith(folder + os.sep)
        ):
            return
        seen += 1
        if seen == at:
            if refuse is None:
                os._exit(DIED)
            raise refuse

    def hook(event, told):
        if event == "open":
            writes = told[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) if isinstance(told[2], int) else False
            if writes:
                operation(told[0])
        elif event in COUNTED:
            operation(told[1] if event == "os.rename" else told[0])

    whole = os.fsync

    def fsync(handle):
        operation(os.readlink(f"/proc/self/fd/{handle}"))
        return whole(handle)

    os.fsync = fsync
    sys.addaudithook(hook)
    status = cli.main([str(argument) for argument in arguments])
    active = False
    if count is not None:
        Path(count).write_text(str(seen))
    return status
