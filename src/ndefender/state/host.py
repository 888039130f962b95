"""The host's sections as the System Controller last said them."""

from __future__ import annotations

from typing import TypeVar

from ndefender.events.host import Section

_S = TypeVar("_S", bound=Section)


class Host:
    """The newest section of each class."""

    def __init__(self) -> None:
        self._sections: dict[type[Section], Section] = {}

    def take(self, section: Section) -> None:
        """Put a section in the place of the one before."""
        self._sections[type(section)] = section

    def section(self, kind: type[_S]) -> _S:
        """The newest of a class; offline while there was none."""
        found = self._sections.get(kind)
        return found if isinstance(found, kind) else kind(status="offline", last_error="not read yet")
