"""The one kind of error a person is meant to read.

`InputError` says which argument was wrong, what value it had, and what would be right. It is a `ValueError`, so Python
callers need nothing special; the command line prints it as one line and exits with status 2. Anything else that is
raised is a bug of ours and keeps its traceback.
"""


class InputError(ValueError):
    """Bad input: a sentence that names the argument, the value that was wrong and the values that would be right.

    Examples:
        >>> unmask.Schedule([3, 0])
        Traceback (most recent call last):
        unmask.errors.InputError: ...
    """


class CheckFailed(Exception):
    """A check that was asked for did not hold (the command line exits with status 1)."""
