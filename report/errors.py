"""What ends a run with a sentence instead of a traceback."""


class ReportError(Exception):
    """Something outside the analysis that a person can correct.

    Its text says where, what was found, what was expected and what to do.
    """


class InputError(ReportError):
    """The month's file can't be read as a table of users."""


class SettingsError(ReportError):
    """settings.toml, or the playbook, says something that can't be meant."""


class MachineError(ReportError):
    """The machine lacks something that the report needs."""


class RenderError(ReportError):
    """A document could not be rendered or printed as it should be."""
