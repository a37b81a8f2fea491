"""Sets up logging: one structured line per event, to standard error."""

from __future__ import annotations

import logging
import sys
from typing import Any, Literal

import structlog

# Without local variables, which would write questions, answers and keys into the log.
_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
_PICTURES = {code: 0x2400 + code for code in range(0x20)} | dict.fromkeys(range(0x7F, 0xA0), 0xFFFD)
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}


def set_up(level: str, form: Literal["console", "json"]) -> None:
    """Sends our lines from `level` on, and libraries' from `warning` on, to standard error."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: list[structlog.types.Processor] = (
        [_TRACEBACKS, structlog.processors.JSONRenderer()]
        if form == "json"
        else [
            _visible,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    )
    structlog.configure(
        processors=[*shared, _without_probes, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    logging.basicConfig(level=max(logging.WARNING, _LEVELS[level]), handlers=[handler], force=True)


def _without_probes(_logger: Any, method: str, line: Any) -> Any:
    """Drops lines of the self-test that runs at every start, unless they are warnings or errors."""
    if "probe" in line and method in ("debug", "info"):
        raise structlog.DropEvent
    return line


def _visible(_logger: Any, _method: str, line: Any) -> Any:
    """Makes control characters visible: in foreign text they could control the terminal."""
    return {
        key: value.translate(_PICTURES) if isinstance(value, str) else value
        for key, value in line.items()
    }
