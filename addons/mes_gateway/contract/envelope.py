# Part of Gemba MES. License LGPL-3.0 or later.
"""The text of a call into an object, with bounds on what a hostile sender can make us do."""

import hashlib
import json
import re
from typing import Any

from .errors import CallRefused, shown
from .limits import INT8, MAX_CALL_BYTES

JsonObject = dict[str, Any]

_EPOCH = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_UNSTORABLE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_STREAM_LENGTH = 64


def invalid(message: str) -> CallRefused:
    """The call breaks the contract."""
    return CallRefused("batch_invalid", message)


def load(text: object) -> JsonObject:
    """The object in ``text``; raises CallRefused for anything that is not one JSON object."""
    if type(text) is not str:
        raise invalid("the call takes one JSON text; wrap the batch with json.dumps.")
    if len(text) > MAX_CALL_BYTES:
        raise invalid(
            f"the text has {len(text) // 1_000_000} MB, the limit is {MAX_CALL_BYTES // 1_000_000} MB; "
            "send fewer events a call."
        )
    try:
        value = json.loads(text)
    except RecursionError:
        raise invalid("the JSON is nested too deeply; send it as the schema says.") from None
    except ValueError as error:
        raise invalid(f"the text is not JSON ({error}); send one JSON object.") from None
    if type(value) is not dict:
        raise invalid("the JSON is not an object; send one as the schema says.")
    return value


def may_hold_unstorable(text: str) -> bool:
    """Whether some text in this JSON may hold a NUL or half a surrogate pair, which no database takes."""
    return not text.isascii() or ("\\u" in text and _UNSTORABLE.search(text) is not None)


def is_storable(value: object) -> bool:
    """Whether every text inside a JSON value can be stored as UTF-8 without NUL."""
    pending = [value]
    while pending:
        item = pending.pop()
        if type(item) is str:
            if "\x00" in item or not _is_utf8(item):
                return False
        elif type(item) is list:
            pending.extend(item)
        elif type(item) is dict:
            pending.extend(item.keys())
            pending.extend(item.values())
    return True


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def whole(call: JsonObject, field: str, least: int) -> int:
    """A whole number of the head of a call."""
    value = call.get(field)
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or not least <= value <= INT8:
        raise invalid(f"{field} is {shown(value)}; it must be a whole number from {least}.")
    return value


def stream_code(call: JsonObject) -> str:
    """The stream's name."""
    value = call.get("stream")
    if type(value) is not str or not 0 < len(value) <= _STREAM_LENGTH or not is_storable(value):
        raise invalid(f"stream is {shown(value)}; it must be a name of 1 to {_STREAM_LENGTH} characters.")
    return value


def epoch(call: JsonObject, field: str = "epoch") -> str:
    """A stream epoch: a uuid in lower case."""
    value = call.get(field)
    if type(value) is not str or _EPOCH.fullmatch(value) is None:
        raise invalid(f"{field} is {shown(value)}; it must be a uuid in lower case.")
    return value


def version_one(call: JsonObject, required: bool) -> None:
    """The contract's version."""
    value = call.get("v") if required or "v" in call else 1
    if type(value) not in (int, float) or value != 1:
        raise invalid(f"v is {shown(value)}; this server speaks version 1 of the contract.")


def digest(event: object) -> str:
    """What an event says, without its number: equal when it is sent again in another epoch."""
    said = {key: value for key, value in event.items() if key != "seq"} if isinstance(event, dict) else event
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
