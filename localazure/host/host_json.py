"""What host.json says, as far as this host follows it; whatever else it holds is let be."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """`extensions.queues`, in seconds. Defaults: Learn, "Azure Queue storage trigger and bindings", host.json."""

    max_polling_interval: float = 60.0
    visibility_timeout: float = 0.0
    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    base64: bool = True


@dataclass(frozen=True, slots=True)
class HostJson:
    queues: QueueSettings = QueueSettings()
    route_prefix: str = "api"


def read(app: Path) -> HostJson:
    """The host.json of an app folder; defaults where there is none. Raises ValueError for a malformed one."""
    path = app / "host.json"
    if not path.exists():
        return HostJson()
    document: dict[str, Any] = json.loads(path.read_text())
    extensions: dict[str, Any] = document.get("extensions", {})
    queues: dict[str, Any] = extensions.get("queues", {})
    batch_size = int(queues.get("batchSize", 16))
    if not 1 <= batch_size <= 32:
        raise ValueError(f"host.json: extensions.queues.batchSize is {batch_size}, but a read takes 1 to 32 messages")
    return HostJson(
        QueueSettings(
            # The host takes nothing under 100 ms.
            max_polling_interval=max(0.1, _seconds(queues.get("maxPollingInterval", "00:01:00"))),
            visibility_timeout=_seconds(queues.get("visibilityTimeout", "00:00:00")),
            batch_size=batch_size,
            new_batch_threshold=int(queues.get("newBatchThreshold", batch_size // 2)),
            max_dequeue_count=int(queues.get("maxDequeueCount", 5)),
            base64=str(queues.get("messageEncoding", "base64")).casefold() == "base64",
        ),
        route_prefix=str(extensions.get("http", {}).get("routePrefix", "api")).strip("/"),
    )


def _seconds(span: str | float) -> float:
    """A .NET time span `[d.]hh:mm:ss[.fff]` in seconds; a bare number counts milliseconds, as in the host."""
    if isinstance(span, int | float):
        return span / 1000
    try:
        hours, minutes, seconds = span.split(":")
        days, _, hours = hours.rpartition(".")
        return ((int(days or 0) * 24 + int(hours)) * 60 + int(minutes)) * 60 + float(seconds)
    except ValueError as error:
        raise ValueError(f"host.json: {span!r} is not a time span like 00:00:01") from error
