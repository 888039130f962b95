"""RF events reach the aggregator by their log, and in-process while the log cannot be written: each counts once.

Each contact's events come in order on either way. So it is enough to know, for each contact, the number of the newest
event that was taken: what is not newer was taken before, or is older than what the contact already says.
"""

from __future__ import annotations

from collections import OrderedDict


class Seen:
    """Numbers of the newest events.

    Args:
        max_ids: contacts remembered; the one not heard of for longest is forgotten first. An event of a forgotten one
            that comes twice is put right by the lifecycle grammar, as any repetition is.
    """

    def __init__(self, max_ids: int) -> None:
        self._max_ids = max_ids
        self._newest: OrderedDict[tuple[str, str], int] = OrderedDict()

    def first_time(self, boot_id: str | None, seq: int | None, contact_id: str) -> bool:
        """Whether an event is to be taken; it is then remembered.

        Args:
            boot_id, seq: writer's run and number; None where the writer does not number: always taken.
            contact_id: whom the event is about.
        """
        if boot_id is None or seq is None:
            return True
        key = (boot_id, contact_id)
        if self._newest.get(key, -1) >= seq:
            return False
        self._newest[key] = seq
        self._newest.move_to_end(key)
        if len(self._newest) > self._max_ids:
            self._newest.popitem(last=False)
        return True
