"""What can be wrong with a month's file or its settings, said for the person who has to put it right."""


class SegmentationError(Exception):
    """Something that a person can correct. Its text says where, what was found and expected, what to do."""


class SchemaError(SegmentationError):
    """The columns are not the ones that the analysis needs."""


class CleaningError(SegmentationError):
    """Too little is left once the rows that cannot be used are gone."""


class SweepError(SegmentationError):
    """The numbers of segments asked for can't be tried on this month's users."""


class FactsError(SegmentationError):
    """Facts that this version can't read."""
