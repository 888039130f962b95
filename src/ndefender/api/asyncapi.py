"""AsyncAPI 3.0 for an API's sockets, generated from the Structs of its events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ndefender.api.frames import SPECTRUM_LAYOUT
from ndefender.api.operations import BASE

REF = "#/components/schemas/{name}"
SPECTRUM: dict[str, Any] = {
    "name": "SPECTRUM",
    "title": "Spectrum of one band",
    "contentType": "application/octet-stream",
    "description": SPECTRUM_LAYOUT,
    "payload": {"type": "string", "format": "binary"},
}


@dataclass(frozen=True, slots=True)
class Channel:
    """One WebSocket.

    Args:
        name: within the document.
        address: below `BASE`.
        description: what a client must know.
        events: event type → Struct of its envelope.
        binary: name → declaration of messages that are no JSON.
        query: name → JSON schema of the query parameters.
    """

    name: str
    address: str
    description: str
    events: Mapping[str, type[msgspec.Struct]] = field(default_factory=dict)
    binary: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    query: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        """The channel's object in the document."""
        told: dict[str, Any] = {
            "address": self.address,
            "description": self.description,
            "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in (*self.events, *self.binary)},
        }
        if self.query:
            told["bindings"] = {"ws": {"query": {"type": "object", "properties": dict(self.query)}}}
        return told


def spectrum_channel(address: str) -> Channel:
    """The socket that carries spectra."""
    return Channel(
        "spectrum",
        address,
        "Binary frames of the band in the `band` query parameter, of every band without it.",
        binary={"SPECTRUM": SPECTRUM},
        query={"band": {"type": "string"}},
    )


def asyncapi_document(
    channels: Sequence[Channel],
    *,
    title: str,
    version: str,
    host: str,
    key_required: bool,
) -> dict[str, Any]:
    """Describe an API's sockets.

    Args:
        channels: one for each socket; equal event types have equal Structs.
        title, version: of the document.
        host: ``name:port`` the API is bound to.
        key_required: a key is configured.
    Returns:
        An AsyncAPI 3.0 document.
    """
    messages = {name: kind for channel in channels for name, kind in channel.events.items()}
    types = list(dict.fromkeys(messages.values()))
    schemas, components = msgspec.json.schema_components(types, ref_template=REF)
    schema_of = dict(zip(types, schemas, strict=True))
    declared: dict[str, Any] = {
        name: {
            "name": name,
            "title": name,
            "contentType": "application/json",
            "payload": {"allOf": [schema_of[kind]], "properties": {"type": {"const": name}}},
        }
        for name, kind in messages.items()
    }
    for channel in channels:
        declared.update(channel.binary)
    server: dict[str, Any] = {"host": host, "protocol": "ws", "pathname": BASE}
    if key_required:
        server["security"] = [{"$ref": "#/components/securitySchemes/key"}]
    return {
        "asyncapi": "3.0.0",
        "info": {"title": title, "version": version},
        "defaultContentType": "application/json",
        "servers": {"local": server},
        "channels": {channel.name: channel.described() for channel in channels},
        "operations": {
            channel.name: {"action": "send", "channel": {"$ref": f"#/channels/{channel.name}"}} for channel in channels
        },
        "components": {
            "messages": declared,
            "schemas": components,
            "securitySchemes": {
                "key": {
                    "type": "httpApiKey",
                    "in": "header",
                    "name": "X-API-Key",
                    "description": "Browsers use the session cookie of POST /session or ?ticket= of "
                    "POST /session/ticket.",
                }
            },
        },
    }
