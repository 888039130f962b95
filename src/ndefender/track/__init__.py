"""From the emissions of dwells to contacts over time.

In: `records.SUMMARY` and `records.EMISSION` rows. Out: `Change`s. Pure: time is an argument.
May be imported by `events` and `runtime`; imports the base only.
"""

from ndefender.track.contact import Change, ChangeKind, Contact, ContactEvidence, Restored, TrackCounters
from ndefender.track.policy import BandSpan, TrackPolicy
from ndefender.track.tracker import Tracker

__all__ = [
    "BandSpan",
    "Change",
    "ChangeKind",
    "Contact",
    "ContactEvidence",
    "Restored",
    "TrackCounters",
    "TrackPolicy",
    "Tracker",
]
