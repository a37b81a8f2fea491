"""assistant.threads.*: the status line, the title, the prompts that are suggested."""

from __future__ import annotations

from tests.doubles.slack.web_api.method import ApiError, Json, Request, method

_PROMPTS = 4


@method("assistant.threads.setStatus", "assistant:write", "chat:write")
def set_status(request: Request) -> Json:
    """Shows what the bot is doing, until it posts in the thread; an empty text clears it."""
    channel, thread = _thread(request)
    if "status" not in request.args:
        raise ApiError("invalid_arguments")
    request.platform.set_status(channel, thread, str(request.args["status"] or ""))
    return {}


@method("assistant.threads.setTitle", "assistant:write")
def set_title(request: Request) -> Json:
    """Names a thread in the list of an assistant's threads."""
    _, thread = _thread(request)
    request.platform.titles[thread] = str(request.required("title"))
    return {}


@method("assistant.threads.setSuggestedPrompts", "assistant:write")
def set_suggested_prompts(request: Request) -> Json:
    """Offers up to four prompts, each with a title and a message."""
    _, thread = _thread(request)
    prompts = request.required("prompts")
    if len(prompts) > _PROMPTS or any(not {"title", "message"} <= each.keys() for each in prompts):
        raise ApiError("invalid_arguments")
    request.platform.prompts[thread] = prompts
    return {}


def _thread(request: Request) -> tuple[str, str]:
    if not request.platform.knows_assistants:
        raise ApiError("unknown_method", req_method="assistant.threads")
    channel = request.channel("channel_id")
    return channel.id, str(request.required("thread_ts", "invalid_thread_ts"))
