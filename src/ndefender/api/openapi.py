"""OpenAPI 3.1 from the route table and its Structs, and a page that shows it without loading anything from anywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from http import HTTPStatus
from typing import Any

import msgspec

from ndefender.api.operations import BASE, Operation

REF = "#/components/schemas/{name}"
COMMON_ERRORS = (400, 401, 403, 500)
RETRIED = (429, 503)
RETRY_AFTER: dict[str, Any] = {
    "Retry-After": {"required": True, "schema": {"type": "integer", "minimum": 1}, "description": "seconds to wait"}
}
PAGE_CSP = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_PARAMETER = re.compile(r"\{(\w+)\}")
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}"
    "code,pre{font-family:ui-monospace,monospace;font-size:13px}pre{background:#f4f5f7;padding:.7rem;overflow:auto}"
    "h2{font-size:1rem;margin:1.4rem 0 .2rem}h2 b{display:inline-block;min-width:4rem;color:#0b5cad}"
    "summary{cursor:pointer;color:#555}"
)


def _json(schema: Mapping[str, object]) -> dict[str, object]:
    return {"application/json": {"schema": dict(schema)}}


def _command_body(payload: Mapping[str, Any], fields: Mapping[str, Any], *, confirm: bool) -> dict[str, object]:
    """A command's body: its fields with `confirm` beside them, or in an envelope.

    Args:
        payload: schema (a reference) of the payload.
        fields: the schema that it refers to.
        confirm: it must be confirmed.
    """
    flag = {"confirm": {"const": True} if confirm else {"type": "boolean", "default": False}}
    needed = ["confirm"] if confirm else []
    plain = {
        **fields,
        "properties": {**fields["properties"], **flag},
        "required": [*fields["required"], *needed],
        "title": f"{fields['title']}, plain",
    }
    nothing: list[dict[str, object]] = [] if fields["required"] else [{"type": "null"}]
    envelope = {
        "type": "object",
        "title": f"{fields['title']}, in an envelope",
        "properties": {"payload": {"anyOf": [dict(payload), *nothing]}, **flag},
        "required": ["payload", *needed],
        "additionalProperties": False,
    }
    return {"anyOf": [plain, envelope]}


def openapi_document(
    operations: Sequence[Operation],
    error: type[msgspec.Struct],
    *,
    title: str,
    version: str,
    key_required: bool,
) -> dict[str, Any]:
    """Describe an API.

    Args:
        operations: its route table.
        error: Struct of its error body.
        title, version: of the document.
        key_required: a key is configured.
    Returns:
        An OpenAPI 3.1 document.
    """
    types: list[Any] = [error]
    for operation in operations:
        types += [each for each in (operation.answer, operation.body) if each is not None and each not in types]
    schemas, components = msgspec.json.schema_components(types, ref_template=REF)
    schema_of = dict(zip(types, schemas, strict=True))

    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        responses: dict[str, Any] = {
            "200": {"description": "OK", "content": {operation.media: {"schema": schema_of[operation.answer]}}},
        }
        for status in sorted({*COMMON_ERRORS, *operation.errors}):
            responses[str(status)] = {"description": HTTPStatus(status).phrase, "content": _json(schema_of[error])}
            if status in RETRIED:
                responses[str(status)]["headers"] = RETRY_AFTER
        name = _PARAMETER.sub("", operation.path).strip("/").replace("/", "_")
        entry: dict[str, Any] = {
            "operationId": f"{operation.method.lower()}_{name}",
            "summary": operation.summary,
            "responses": responses,
        }
        parameters: list[dict[str, Any]] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in _PARAMETER.findall(operation.path)
        ]
        parameters += [
            {
                "name": query.name,
                "in": "query",
                "required": query.required,
                "schema": query.schema,
                "description": query.description,
            }
            for query in operation.query
        ]
        if parameters:
            entry["parameters"] = parameters
        if operation.body is not None:
            fields = components[operation.body.__name__]
            body = _command_body(schema_of[operation.body], fields, confirm=operation.confirm)
            required = operation.confirm or bool(fields["required"])
            entry["requestBody"] = {"required": required, "content": _json(body)}
        paths.setdefault(BASE + operation.path, {})[operation.method.lower()] = entry

    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-API-Key"}},
        },
    }
    if key_required:
        document["security"] = [{"key": []}]
    return document


def docs_page(document: Mapping[str, Any], links: Mapping[str, str]) -> str:
    """Show an OpenAPI document as one page of HTML: no script, nothing fetched.

    Args:
        document: what `openapi_document` made.
        links: text → address, shown at the top.
    """
    title = escape(document["info"]["title"])
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{_STYLE}</style>",
        f"<h1>{title} <small>{escape(document['info']['version'])}</small></h1><p>",
        " · ".join(f'<a href="{escape(address)}">{escape(text)}</a>' for text, address in links.items()),
    ]
    for path, methods in document["paths"].items():
        for method, entry in methods.items():
            parts.append(f"<h2><b>{method.upper()}</b> <code>{escape(path)}</code></h2><p>{escape(entry['summary'])}")
            details = {key: entry[key] for key in ("parameters", "requestBody", "responses") if key in entry}
            parts.append(
                f"<details><summary>parameters, body, answers</summary><pre>{_pretty(details)}</pre></details>"
            )
    parts.append("<h1>Schemas</h1>")
    for name, schema in document["components"]["schemas"].items():
        parts.append(f'<h2 id="{escape(name)}">{escape(name)}</h2><pre>{_pretty(schema)}</pre>')
    return "\n".join(parts)


def _pretty(value: object) -> str:
    return escape(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
