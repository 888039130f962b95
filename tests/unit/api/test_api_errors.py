"""The error table, and the names that Host may carry."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sanic.exceptions import BadRequest, NotFound, SanicException, ServerError, ServiceUnavailable

from ndefender.api.errors import ApiError, as_api_error
from ndefender.api.guard import host_name, is_loopback
from ndefender.errors import CommandRejected


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ApiError(418, "teapot", "short"), 418, "teapot"),
        (CommandRejected(409, "not_connected", "no radio"), 409, "not_connected"),
        (NotFound("x"), 404, "not_found"),
        (BadRequest("x"), 400, "bad_request"),
        (ServiceUnavailable("x"), 503, "unavailable"),
        (SanicException("x", 499), 499, "error"),
        (ServerError("a secret"), 500, "internal"),
        (ZeroDivisionError("a secret"), 500, "internal"),
    ],
)
def test_every_exception_has_a_row(error: Exception, status: int, code: str) -> None:
    told = as_api_error(error)
    assert (told.status, told.code) == (status, code)
    assert "secret" not in told.message


def test_who_should_come_back_later_is_told_when() -> None:
    assert as_api_error(CommandRejected(429, "cooling_down", "wait")).headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("LocalHost:8890", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]:1", "::1"),
        ("radio.example.", "radio.example"),
        ("::1", None),
        ("a b", None),
        ("a/b", None),
        ("a:b", None),
        ("", None),
    ],
)
def test_host_names(header: str, name: str | None) -> None:
    assert host_name(header) == name


@given(st.text(max_size=30))
def test_any_host_header_is_parsed_or_refused(header: str) -> None:
    name = host_name(header)
    assert name is None or not is_loopback(name + ".evil.example")
