"""An IIO context as data: devices, channels, attributes, and the XML that describes them."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.sax.saxutils import quoteattr

from ndefender.radio.emulated.protocol import Refused

VERSION_MAJOR = 0
VERSION_MINOR = 24
VERSION_TAG = "v0.24"

# Document type of libiio 0.24: its client validates the XML against it.
_ELEMENTS = (
    ("context", "(device | context-attribute)*", "name version-major version-minor version-git", "description"),
    ("context-attribute", "EMPTY", "name value", ""),
    ("device", "(channel | attribute | debug-attribute | buffer-attribute)*", "id", "name label"),
    ("channel", "(scan-element?, attribute*)", "id type", "name"),
    ("attribute", "EMPTY", "name", "filename"),
    ("scan-element", "EMPTY", "index format", "scale"),
    ("debug-attribute", "EMPTY", "name", ""),
    ("buffer-attribute", "EMPTY", "name", ""),
)


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute.

    Args:
        name: as clients ask for it.
        read: returns the present value; may raise `Refused`.
        write: takes the text a client wrote; None where it is read-only.
        filename: name in sysfs, informational.
    """

    name: str
    read: Callable[[], str]
    write: Callable[[str], None] | None = None
    filename: str = ""

    def set(self, text: str) -> None:
        """Write `text`; EACCES where the attribute is read-only."""
        if self.write is None:
            raise Refused(errno.EACCES)
        self.write(text)


def constant(name: str, text: str) -> Attribute:
    """Attribute that never changes and cannot be written."""
    return Attribute(name, lambda: text)


def cell(name: str, text: str, allowed: tuple[str, ...] = ()) -> Attribute:
    """Attribute that keeps what is written to it.

    Args:
        name: attribute name.
        text: first value.
        allowed: the values it takes; empty for any.
    """
    kept = [text]

    def write(new: str) -> None:
        if allowed and new not in allowed:
            raise Refused(errno.EINVAL)
        kept[0] = new

    return Attribute(name, lambda: kept[0], write)


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel; a scan element where `scan_format` is given."""

    id: str
    output: bool
    attributes: tuple[Attribute, ...]
    name: str = ""
    scan_index: int = -1
    scan_format: str = ""

    def xml(self) -> str:
        """Describe the channel."""
        direction = "output" if self.output else "input"
        name = f" name={quoteattr(self.name)}" if self.name else ""
        scan = (
            f"<scan-element index={quoteattr(str(self.scan_index))} format={quoteattr(self.scan_format)} />"
            if self.scan_format
            else ""
        )
        attributes = "".join(
            f"<attribute name={quoteattr(a.name)} filename={quoteattr(a.filename or self._filename(a.name))} />"
            for a in self.attributes
        )
        return f'<channel id={quoteattr(self.id)} type="{direction}"{name}>{scan}{attributes}</channel>'

    def _filename(self, attribute: str) -> str:
        return f"{'out' if self.output else 'in'}_{self.id}{'_' + self.name if self.name else ''}_{attribute}"


@dataclass(frozen=True, slots=True)
class Device:
    """One device with its channels in scan order."""

    id: str
    name: str
    attributes: tuple[Attribute, ...] = ()
    debug: tuple[Attribute, ...] = ()
    channels: tuple[Channel, ...] = ()

    def xml(self) -> str:
        """Describe the device."""
        return (
            f"<device id={quoteattr(self.id)} name={quoteattr(self.name)}>"
            + "".join(c.xml() for c in self.channels)
            + "".join(f"<attribute name={quoteattr(a.name)} />" for a in self.attributes)
            + "".join(f"<debug-attribute name={quoteattr(a.name)} />" for a in self.debug)
            + "</device>"
        )

    def scan_channels(self, mask: int) -> list[int]:
        """Return the scan indices that `mask` enables, ascending.

        Raises:
            Refused: EINVAL when it enables none, or a channel that is not a scan element.
        """
        chosen = [i for i in range(mask.bit_length()) if mask >> i & 1]
        if not chosen or any(i >= len(self.channels) or not self.channels[i].scan_format for i in chosen):
            raise Refused(errno.EINVAL)
        return [self.channels[i].scan_index for i in chosen]


@dataclass(frozen=True, slots=True)
class Context:
    """The whole context that PRINT describes."""

    description: str
    devices: tuple[Device, ...]
    attributes: dict[str, str] = field(default_factory=dict)

    def find(self, device: str) -> Device:
        """Return the device with that id or name; ENODEV where there is none."""
        for candidate in self.devices:
            if device in (candidate.id, candidate.name):
                return candidate
        raise Refused(errno.ENODEV)

    def group(self, device: str, kind: str, channel: str) -> tuple[Attribute, ...]:
        """Return the attributes a READ or WRITE is about.

        Raises:
            Refused: ENODEV, or ENXIO for an unknown channel.
        """
        found = self.find(device)
        if kind in ("INPUT", "OUTPUT"):
            for candidate in found.channels:
                if channel in (candidate.id, candidate.name) and candidate.output == (kind == "OUTPUT"):
                    return candidate.attributes
            raise Refused(errno.ENXIO)
        return {"": found.attributes, "DEBUG": found.debug}.get(kind, ())

    def attribute(self, device: str, kind: str, channel: str, name: str) -> Attribute:
        """Return one attribute; ENOENT where there is none of that name."""
        for candidate in self.group(device, kind, channel):
            if candidate.name == name:
                return candidate
        raise Refused(errno.ENOENT)

    def xml(self) -> str:
        """Describe the context, with the document type that libiio's client checks."""
        return (
            '<?xml version="1.0" encoding="utf-8"?>'
            f"<!DOCTYPE context [{_document_type()}]>"
            f'<context name="network" version-major="{VERSION_MAJOR}" version-minor="{VERSION_MINOR}" '
            f'version-git="{VERSION_TAG}" description={quoteattr(self.description)}>'
            + "".join(
                f"<context-attribute name={quoteattr(k)} value={quoteattr(v)} />" for k, v in self.attributes.items()
            )
            + "".join(d.xml() for d in self.devices)
            + "</context>"
        )


def _document_type() -> str:
    """Return the internal subset of the document type."""
    lines = []
    for name, content, required, implied in _ELEMENTS:
        lines.append(f"<!ELEMENT {name} {content}>")
        declared = [f"{a} {'(input|output)' if a == 'type' else 'CDATA'} #REQUIRED" for a in required.split()]
        declared += [f"{a} CDATA #IMPLIED" for a in implied.split()]
        lines.append(f"<!ATTLIST {name} {' '.join(declared)}>")
    return "".join(lines)
