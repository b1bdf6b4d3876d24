"""The errors that segcore raises; the text of each is one sentence for a person."""

import reprlib


class SegcoreError(Exception):
    """Base of every error raised on purpose; its text can be shown to a person as it is."""


class SettingError(SegcoreError, ValueError):
    """A setting of a technique is unknown, of the wrong type or out of its range.

    Args:
        setting: name of the setting, as in the technique's signature.
        rule: what a right value would be, in words that follow "must be".
        value: the value that was given.
    """

    def __init__(self, setting: str, rule: str, value: object) -> None:
        super().__init__(f"{setting} must be {rule}, but is {reprlib.repr(value)}.")
        self.setting = setting
        self.rule = rule
        self.value = value


class ImageError(SegcoreError, ValueError):
    """An image cannot be read or is not in the form that segcore works on."""


class WeightsError(SegcoreError, RuntimeError):
    """The weights of a network are missing, incomplete or not the ones that were asked for."""


class MetricError(SegcoreError, ValueError):
    """What is to be compared cannot be: shapes differ, labels are no whole numbers, and so on."""
