"""What Discord answers to a call that it refuses."""

from __future__ import annotations

from typing import Any


class APIError(Exception):
    """A refused call: the HTTP status and Discord's error body."""

    def __init__(self, status: int, code: int, message: str, **more: Any) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.scope = "user"
        """Whose limit it is, for a 429: `user`, `global` or `shared`."""
        self.header_after: int | None = None
        """What the header `Retry-After` says, where that is not what the body says."""
        self.body: dict[str, Any] = {"message": message, "code": code, **more}


def unauthorized() -> APIError:
    """The bot's token is wrong."""
    return APIError(401, 0, "401: Unauthorized")


def unknown_route() -> APIError:
    """There is no such route."""
    return APIError(404, 0, "404: Not Found")


def unknown_channel() -> APIError:
    """The channel does not exist, or not any more."""
    return APIError(404, 10003, "Unknown Channel")


def unknown_guild() -> APIError:
    """The bot is in no such guild."""
    return APIError(404, 10004, "Unknown Guild")


def unknown_member() -> APIError:
    """The guild has no such member."""
    return APIError(404, 10007, "Unknown Member")


def unknown_message() -> APIError:
    """The message does not exist, or not any more."""
    return APIError(404, 10008, "Unknown Message")


def unknown_user() -> APIError:
    """Nobody has this id."""
    return APIError(404, 10013, "Unknown User")


def unknown_webhook() -> APIError:
    """The interaction was not answered yet, or never was."""
    return APIError(404, 10015, "Unknown Webhook")


def unknown_interaction() -> APIError:
    """The interaction does not exist, or its time to be answered is over."""
    return APIError(404, 10062, "Unknown interaction")


def edits_exhausted(retry_after: float) -> APIError:
    """An old message takes no more edits for now: a 429 beside the bucket."""
    message = "Maximum number of edits to messages older than 1 hour reached. Try again later."
    return APIError(429, 30046, message, retry_after=retry_after, **{"global": False})


def too_many_announcements(retry_after: float, *, published: bool) -> APIError:
    """A message of an announcement channel was edited too often: a limit on that one alone.

    The true time stands in the body only; the headers speak of the bucket, which has room.
    """
    message = (
        "The write action you are performing on the channel has hit the write rate limit."
        if published
        else "This message cannot be edited due to announcement rate limits."
    )
    code = 20028 if published else 20022
    error = APIError(429, code, message, retry_after=retry_after, **{"global": False})
    error.scope, error.header_after = "shared", 1
    return error


def blocked() -> APIError:
    """AutoMod does not let the text through."""
    return APIError(400, 200000, "Message was blocked by automatic moderation")


def title_blocked() -> APIError:
    """AutoMod does not let a thread's name through."""
    return APIError(400, 200001, "Title was blocked by automatic moderation")


def not_a_text_channel() -> APIError:
    """Nobody can post there: a forum, say."""
    return APIError(400, 50008, "Cannot send messages in a non-text channel")


def entry_point_kept() -> APIError:
    """The Entry Point command of an app is not removed with the others."""
    message = (
        "You cannot remove this app's Entry Point command in a bulk update operation. Please "
        "include the Entry Point command in your update request or delete it separately."
    )
    return APIError(400, 50240, message)


def too_large() -> APIError:
    """A file is larger than the platform takes."""
    return APIError(413, 40005, "Request entity too large")


def already_acknowledged() -> APIError:
    """An interaction is answered once."""
    return APIError(400, 40060, "Interaction has already been acknowledged.")


def missing_access() -> APIError:
    """The bot can't see this."""
    return APIError(403, 50001, "Missing Access")


def not_the_author() -> APIError:
    """Only the author edits a message."""
    return APIError(403, 50005, "Cannot edit a message authored by another user")


def empty_message() -> APIError:
    """A message shows something."""
    return APIError(400, 50006, "Cannot send an empty message")


def refuses_messages() -> APIError:
    """The user takes no direct messages."""
    return APIError(403, 50007, "Cannot send messages to this user")


def missing_permissions() -> APIError:
    """The bot sees this, and may not do it."""
    return APIError(403, 50013, "Missing Permissions")


def dead_token() -> APIError:
    """The life of an interaction's token is over."""
    return APIError(401, 50027, "Invalid Webhook Token")


def thread_closed() -> APIError:
    """The thread is archived and locked."""
    return APIError(400, 50083, "Thread is archived")


def thread_exists() -> APIError:
    """A message carries one thread."""
    return APIError(400, 160004, "A thread has already been created for this message")


def no_history_to_reply() -> APIError:
    """Replying needs the permission to read what is replied to."""
    return APIError(400, 160002, "Cannot reply without permission to read message history")


def invalid_form(path: str, code: str, message: str) -> APIError:
    """A body that does not fit; `path` names the field, with dots (`embeds.0.description`)."""
    errors: dict[str, Any] = {"_errors": [{"code": code, "message": message}]}
    for name in reversed(path.split(".")):
        errors = {name: errors}
    return APIError(400, 50035, "Invalid Form Body", errors=errors)


def too_long(path: str, limit: int) -> APIError:
    """A text that is longer than its field takes."""
    return invalid_form(path, "BASE_TYPE_MAX_LENGTH", f"Must be {limit} or fewer in length.")
