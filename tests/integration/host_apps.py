"""A tiny function app that the host's tests write to a folder: what it saw can be asked for over HTTP."""

import json
from collections.abc import Mapping
from pathlib import Path

APP = """
import asyncio
import json
import logging
import os

import azure.functions as func

app = func.FunctionApp()
seen = []
lock = asyncio.Lock()


@app.event_grid_trigger(arg_name="event")
async def on_event(event: func.EventGridEvent) -> None:
    print("printed by the app")
    logging.getLogger("tiny").info("two\\nlines")
    kind = event.event_type if isinstance(event, func.EventGridEvent) else event.type
    async with lock:
        seen.append([type(event).__name__, kind, event.id])
    if event.subject == "fail":
        raise ValueError("as asked")
    if event.subject == "slow":
        await asyncio.sleep(0.2)


@app.queue_trigger(arg_name="msg", queue_name="%QUEUE%", connection="AzureWebJobsStorage")
async def on_message(msg: func.QueueMessage) -> None:
    body = msg.get_body().decode()
    seen.append([body, msg.dequeue_count, bool(msg.id and msg.pop_receipt), msg.insertion_time < msg.expiration_time])
    if body == "fail":
        raise ValueError("as asked")
    if body == "hang":
        await asyncio.sleep(60)


@app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
async def every_minute(timer: func.TimerRequest) -> None:
    seen.append(["tick", timer.past_due])


@app.route(route="seen", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def what_was_seen(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(json.dumps({"seen": seen, "pid": os.getpid()}), mimetype="application/json")


@app.route(route="echo/{name}/{count:int?}", auth_level=func.AuthLevel.ANONYMOUS)
async def echo(req: func.HttpRequest) -> func.HttpResponse:
    said = [req.method, dict(req.route_params), dict(req.params), req.get_body().decode()]
    return func.HttpResponse(json.dumps(said), status_code=201, headers={"x-tiny": "yes"})


@app.route(route="broken", auth_level=func.AuthLevel.ANONYMOUS)
def broken(req: func.HttpRequest) -> func.HttpResponse:
    raise ValueError("a function that is not async, and fails")
"""


def write_app(folder: Path, source: str = APP, queues: Mapping[str, object] | None = None) -> Path:
    """A function app in `folder`, with `queues` as its host.json's queue settings."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "function_app.py").write_text(source)
    settings = {"maxPollingInterval": "00:00:00.1", "maxDequeueCount": 2, **(queues or {})}
    (folder / "host.json").write_text(json.dumps({"version": "2.0", "extensions": {"queues": settings}}))
    return folder
