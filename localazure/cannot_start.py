"""The kind of error that ends `python -m localazure up` with one sentence instead of a traceback."""


class CannotStart(Exception):  # noqa: N818 - says what happened
    """A part of the local Azure cannot be brought up; the text says why and, where known, what to do."""
