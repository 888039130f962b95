"""Who is behind a transmission: the IDs an aircraft gives, and the addresses it sends from.

An ID is an aircraft, whatever addresses it comes from: senders may change them at random. A frame without an ID belongs
to the aircraft that its address named last. IDs of different types from one address are one aircraft (a serial number
and a session ID); a second ID of the same type is a second aircraft behind the address.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, Generic, NamedTuple, TypeVar

IdType = str
"""`serial_number`, `caa_registration`, `utm_uuid`, `session`, `none`, or `type_<n>` for a reserved one."""

# The most lasting first: the ID that names a contact where it gives several.
_RANKS: Final[dict[str, int]] = {"serial_number": 0, "caa_registration": 1, "utm_uuid": 2, "session": 3, "none": 5}
_RESERVED_RANK: Final = 4
Owner = TypeVar("Owner")


class Uas(NamedTuple):
    """One ID of an aircraft: its type and its text, which is printable ASCII."""

    id_type: IdType
    text: str


def rank(uas: Uas) -> int:
    """How well an ID names an aircraft; less is better."""
    return _RANKS.get(uas.id_type, _RESERVED_RANK)


def contact_id(ids: Iterable[Uas], sender: str) -> str:
    """Name a contact: `rid:<UAS ID>` by its best ID, `rid:mac:<MAC>` where it gave none."""
    best = min(ids, key=rank, default=None)
    return f"rid:mac:{sender}" if best is None else f"rid:{best.text}"


def distinct(ids: Iterable[Uas]) -> tuple[list[Uas], list[Uas]]:
    """Split the IDs of one pack into those that one aircraft can have, and those that contradict them.

    Returns:
        the first ID of each type, and the others.
    """
    kept: dict[IdType, Uas] = {}
    others: list[Uas] = []
    for uas in ids:
        if kept.setdefault(uas.id_type, uas) != uas and uas not in others:
            others.append(uas)
    return list(kept.values()), others


def contradict(ids: Iterable[Uas], more: Iterable[Uas]) -> bool:
    """Whether no one aircraft can have all these IDs: two of one type differ."""
    return bool(distinct([*ids, *more])[1])


class Sender(Generic[Owner]):
    """One address and the aircraft behind it, the one named last at the end.

    Args:
        heard_ns: when it last sent; monotonic.
    """

    __slots__ = ("heard_ns", "owners")

    def __init__(self, heard_ns: int) -> None:
        self.heard_ns = heard_ns
        self.owners: list[Owner] = []

    @property
    def newest(self) -> Owner | None:
        """Whom frames without an ID belong to."""
        return self.owners[-1] if self.owners else None

    def name(self, owner: Owner, bound: int) -> None:
        """Note that this address spoke for `owner` now; the one named longest ago is forgotten beyond `bound`."""
        if self.owners and self.owners[-1] is owner:
            return
        self.drop(owner)
        self.owners.append(owner)
        del self.owners[:-bound]

    def drop(self, owner: Owner) -> None:
        """Forget an aircraft."""
        self.owners = [each for each in self.owners if each is not owner]


class Senders(Generic[Owner]):
    """The addresses heard lately, bounded: the one heard longest ago is forgotten.

    Args:
        bound: most addresses.
    """

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._known: OrderedDict[str, Sender[Owner]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, address: str) -> Sender[Owner] | None:
        """What is known of an address."""
        return self._known.get(address)

    def heard(self, address: str, now_ns: int) -> Sender[Owner]:
        """Note that an address sent now."""
        found = self._known.get(address)
        if found is None:
            found = self._known[address] = Sender(now_ns)
            if len(self._known) > self._bound:
                self._known.popitem(last=False)
        else:
            found.heard_ns = now_ns
            self._known.move_to_end(address)
        return found

    def forget(self, addresses: Iterable[str], owner: Owner) -> None:
        """Let addresses no longer speak for an aircraft; one that speaks for none is forgotten."""
        for address in addresses:
            found = self._known.get(address)
            if found is not None:
                found.drop(owner)
                if not found.owners:
                    del self._known[address]
