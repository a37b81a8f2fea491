"""agents.sessions.*: the state of a thread's session, and its title.

A session that is `processing` stays so for an hour, whatever the app posts, unless it is set to
something else; that is how vercel/chat#862 and hermes#110391 report it. Free text is refused.
"""

from __future__ import annotations

from tests.doubles.slack.web_api.method import ApiError, Json, Request, method

_STATES = {"active", "processing", "suspended", "closed"}
_LONGEST_TITLE = 200
_UNHEARD = "missing_agent_session_stopped_event_subscription"


@method("agents.sessions.setStatus", "chat:write")
def set_status(request: Request) -> Json:
    """Sets the state of a thread's session, which begins with it where there was none."""
    state = str(request.required("status"))
    set_session(request, *_thread(request), state)
    told: Json = {"status": state}
    return told if request.platform.hears_stops else told | {"warning": _UNHEARD}


def set_session(request: Request, channel: str, thread: str, state: str) -> None:
    """Sets the state of a session, if it is one of the four."""
    if state not in _STATES:
        raise ApiError("invalid_arguments", response_metadata={"messages": ["must be an enum"]})
    request.platform.set_session(channel, thread, state)


@method("agents.sessions.rename", "chat:write")
def rename(request: Request) -> Json:
    """Names a session; there has to be one."""
    _, thread = _thread(request)
    title = str(request.required("title"))
    if len(title) > _LONGEST_TITLE:
        raise ApiError("invalid_arguments")
    request.platform.titles[thread] = title
    return {"title": title}


def _thread(request: Request) -> tuple[str, str]:
    if not request.platform.knows_sessions:
        raise ApiError("unknown_method", req_method="agents.sessions")
    channel = request.channel("channel_id")
    thread = str(request.required("thread_ts"))
    if request.platform.there(channel.id, thread) is None:
        raise ApiError("thread_not_found")
    return channel.id, thread
