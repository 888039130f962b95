"""AsyncAPI 3.0 for an API's sockets, generated from the Structs of its events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ndefender.api.frames import SPECTRUM_LAYOUT
from ndefender.api.operations import BASE

REF = "#/components/schemas/{name}"


def asyncapi_document(
    messages: Mapping[str, type[msgspec.Struct]],
    *,
    title: str,
    version: str,
    host: str,
    key_required: bool,
) -> dict[str, Any]:
    """Describe `WS /events` and `WS /spectrum`.

    Args:
        messages: event type → Struct of its envelope.
        title, version: of the document.
        host: ``name:port`` the API is bound to.
        key_required: a key is configured.
    Returns:
        An AsyncAPI 3.0 document.
    """
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
    declared["SPECTRUM"] = {
        "name": "SPECTRUM",
        "title": "Spectrum of one band",
        "contentType": "application/octet-stream",
        "description": SPECTRUM_LAYOUT,
        "payload": {"type": "string", "format": "binary"},
    }
    server: dict[str, Any] = {"host": host, "protocol": "ws", "pathname": BASE}
    if key_required:
        server["security"] = [{"$ref": "#/components/securitySchemes/key"}]
    return {
        "asyncapi": "3.0.0",
        "info": {"title": title, "version": version},
        "defaultContentType": "application/json",
        "servers": {"local": server},
        "channels": {
            "events": {
                "address": "/events",
                "description": "No snapshot on connect: load `GET /events/last`, then connect. `seq` has no gaps "
                "unless this client was too slow for its queue.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
            },
            "spectrum": {
                "address": "/spectrum",
                "description": "Binary frames of the band in the `band` query parameter, of every band without it.",
                "bindings": {"ws": {"query": {"type": "object", "properties": {"band": {"type": "string"}}}}},
                "messages": {"SPECTRUM": {"$ref": "#/components/messages/SPECTRUM"}},
            },
        },
        "operations": {
            name: {"action": "send", "channel": {"$ref": f"#/channels/{name}"}} for name in ("events", "spectrum")
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
