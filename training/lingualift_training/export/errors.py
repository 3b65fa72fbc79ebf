"""The one error the exporter raises on purpose."""


class ExportError(Exception):
    """Something about the input makes an export impossible; the message says what, why, and what to do."""
