"""Errors that a person can correct: the month's file, its settings, an older month."""


class SegmentationError(Exception):
    """A correctable error; its text says where, what was found, what to do."""


class SchemaError(SegmentationError):
    """The columns are not those that the analysis needs."""


class CleaningError(SegmentationError):
    """Too little data is left after cleaning."""


class SweepError(SegmentationError):
    """The requested numbers of segments don't fit the month's users."""


class FactsError(SegmentationError):
    """The facts can't be read by this version."""
