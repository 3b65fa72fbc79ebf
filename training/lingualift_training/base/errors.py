"""The one error of this package."""


class BaseError(Exception):
    """Base weights cannot be brought or read; the message says why and what to do."""
