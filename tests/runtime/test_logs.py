"""The services' own log: where its lines go, and what can't go wrong with it."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from sealtrail.runtime import logs
from sealtrail.runtime.settings.health import LoggingSettings


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    """Leaves logging as it was."""
    handlers = logging.root.handlers[:]
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.root.handlers[:] = handlers


class _GoneReader(io.StringIO):
    """A pipe whose reader went away."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_lines_go_to_standard_error_as_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """A logger that was made before standard error was replaced writes to the new one."""
    logs.configure(LoggingSettings(format="json"), "test")
    logger = structlog.get_logger("test")
    first, second = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", first)
    logger.warning("one")
    monkeypatch.setattr(sys, "stderr", second)
    logger.warning("two")
    assert '"event": "one"' in first.getvalue()
    assert '"event": "two"' in second.getvalue()


def test_a_log_that_nobody_reads_fails_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """With standard error closed, or a broken pipe, a line is lost and nothing is raised."""
    logs.configure(LoggingSettings(format="json"), "test")
    logger = structlog.get_logger("test")
    closed = io.StringIO()
    closed.close()
    for gone in (closed, _GoneReader()):
        monkeypatch.setattr(sys, "stderr", gone)
        logger.warning("unheard")
        logging.getLogger("other").warning("unheard")
