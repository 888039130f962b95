"""Reading and writing one libiio attribute, with its errors turned into ours."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ndefender.errors import TuningRejected
from ndefender.radio.iio_library import REFUSALS, raise_for_attribute, reason
from ndefender.radio.knob import Knob

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


class Access:
    """Attribute access at one address; holds no attribute itself, so that a closed connection is freed at once.

    Args:
        uri: for messages.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri

    def attempt(self, name: str, wanted: object, action: Callable[[], object]) -> None:
        """Run an access.

        Raises:
            TuningRejected: the driver does not take the value.
            SourceLost: anything else went wrong.
        """
        try:
            action()
        except OSError as error:
            if error.errno in REFUSALS:
                raise TuningRejected(name, wanted, None, reason(error)) from error
            raise_for_attribute(self._uri, name, error)

    def text(self, attribute: Any) -> str:
        """Return an attribute's value without white space around it."""
        try:
            return str(attribute.value).strip()
        except OSError as error:
            raise_for_attribute(self._uri, attribute.name, error)

    def number(self, attribute: Any) -> float:
        """Return the first number of an attribute's value."""
        return self._numbers(attribute)[0]

    def range(self, attribute: Any) -> tuple[float, float]:
        """Return the ends of a `[from step to]` attribute, or the extremes of a list."""
        numbers = self._numbers(attribute)
        return min(numbers), max(numbers)

    def numeric(self, attribute: Any, form: str, tolerance: float) -> Knob[float]:
        """Make a knob of a number; `form` is its format on the way out."""

        def write(value: float) -> None:
            self._assign(attribute, value, form.format(value))

        return Knob(attribute.name, write, lambda: self.number(attribute), within(tolerance))

    def textual(self, attribute: Any) -> Knob[str]:
        """Make a knob of a name."""

        def write(value: str) -> None:
            self._assign(attribute, value, value)

        return Knob(attribute.name, write, lambda: self.text(attribute), lambda wanted, got: wanted == got)

    def _assign(self, attribute: Any, wanted: object, text: str) -> None:
        def write() -> None:
            attribute.value = text

        self.attempt(attribute.name, wanted, write)

    def _numbers(self, attribute: Any) -> list[float]:
        text = self.text(attribute)
        numbers = [float(word) for word in _NUMBER.findall(text)]
        if not numbers:
            raise TuningRejected(attribute.name, "a number", text)
        return [numbers[0], numbers[-1]] if text.startswith("[") else numbers


def within(tolerance: float) -> Callable[[float, float], bool]:
    """Make the comparison of a value read back with the wanted one."""
    return lambda wanted, got: abs(got - wanted) <= tolerance
