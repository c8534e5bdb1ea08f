"""Errors that a person can correct."""


class SegmentationError(Exception):
    """An error whose text says what to do."""


class SchemaError(SegmentationError):
    """The columns are not those that the analysis needs."""


class CleaningError(SegmentationError):
    """Too little data is left after cleaning."""


class SweepError(SegmentationError):
    """The requested numbers of segments are impossible."""


class FactsError(SegmentationError):
    """The facts can't be read by this version."""
