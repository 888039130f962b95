"""The route table's row. Routes, OpenAPI and the page at `/docs` all come from the same rows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from sanic.response import HTTPResponse

Method = Literal["GET", "POST", "DELETE"]
Handler = Callable[..., Awaitable[HTTPResponse]]

BASE = "/api/v1"


@dataclass(frozen=True, slots=True)
class Query:
    """One query parameter.

    Args:
        name: of the parameter.
        schema: its JSON schema.
        required: it must be given.
        description: in a sentence.
    """

    name: str
    schema: dict[str, object]
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    Args:
        method: HTTP method; GET answers HEAD too.
        path: below `BASE`, parameters as ``{name}``.
        summary: one line.
        handler: takes the request and the path's parameters.
        answer: type of the answer.
        body: Struct of the request's body, None where there is none.
        query: parameters.
        errors: statuses it may answer with, besides those that every operation may.
        confirm: needs ``confirm: true``.
        media: content type of the answer.
    """

    method: Method
    path: str
    summary: str
    handler: Handler
    answer: Any
    body: type[msgspec.Struct] | None = None
    query: tuple[Query, ...] = ()
    errors: tuple[int, ...] = ()
    confirm: bool = False
    media: str = "application/json"
