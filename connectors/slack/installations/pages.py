"""The two pages that somebody sees who has installed the app, or tried to. No script runs there."""

from __future__ import annotations

from html import escape

from starlette.responses import HTMLResponse

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    # The address of the page has the code and the state in it.
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 34rem; }}
body {{ margin: 15vh auto; padding: 0 1rem; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{text}</p>
<p><a href="{address}">{label}</a></p>
</body>
</html>
"""


def success(team_name: str, address: str) -> HTMLResponse:
    """The app is installed; `address` leads to it in Slack."""
    text = f"Everytoken is installed in {team_name}. Invite it to a channel and mention it."
    return _page("Done", text, address, "Open Slack", 200)


def failure(reason: str, address: str, status: int) -> HTMLResponse:
    """The app is not installed; `address` is where to begin again."""
    return _page("That did not work", reason, address, "Try again", status)


def _page(title: str, text: str, address: str, label: str, status: int) -> HTMLResponse:
    content = _PAGE.format(
        title=escape(title), text=escape(text), address=escape(address), label=escape(label)
    )
    return HTMLResponse(content, status, _HEADERS)
