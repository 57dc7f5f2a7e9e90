"""The worker process and its protocol."""

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from localazure.host.worker_process import NotIndexed, WorkerGone, WorkerProcess
from tests.integration.host_apps import write_app

EVENT = {"id": "1", "topic": "/t", "subject": "", "eventType": "E", "dataVersion": "1", "data": {}}


def event(**changes: str) -> dict[str, object]:
    return {"event": {"json": json.dumps({**EVENT, **changes})}}


async def test_an_app_is_indexed_with_the_environment_it_is_given(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    worker, functions = await WorkerProcess.start(write_app(tmp_path), {"QUEUE": "work"})
    try:
        assert {function["name"] for function in functions} >= {"on_event", "on_message", "every_minute", "echo"}
        done = await worker.invoke("on_event", event())
        assert (done.ok, done.error) == (True, None)
    finally:
        await worker.stop()
    logged = capfd.readouterr().err
    assert "printed by the app" in logged
    assert "INFO tiny: two\\nlines" in logged


async def test_invocations_run_at_the_same_time_on_one_loop(tmp_path: Path) -> None:
    worker, _ = await WorkerProcess.start(write_app(tmp_path), {})
    try:
        done = await asyncio.gather(*(worker.invoke("on_event", event(subject="slow", id=str(n))) for n in range(20)))
        assert all(one.ok for one in done)
        read = await worker.invoke(
            "what_was_seen",
            {
                "req": {
                    "http": {"method": "GET", "url": "http://x/", "headers": {}, "params": {}, "query": {}, "body": ""}
                }
            },
        )
        assert read.returned is not None
        assert read.returned["http"]["status"] == 200
    finally:
        await worker.stop()


async def test_a_function_that_raises_is_told_with_its_traceback(tmp_path: Path) -> None:
    worker, _ = await WorkerProcess.start(write_app(tmp_path), {})
    try:
        done = await worker.invoke("on_event", event(subject="fail"))
        assert not done.ok
        assert done.error is not None
        assert done.error.startswith("ValueError: as asked")
        assert "function_app.py" in done.error
    finally:
        await worker.stop()


@pytest.mark.parametrize(
    ("source", "says"),
    [
        pytest.param("import nowhere_to_be_found", "nowhere_to_be_found", id="an import that fails"),
        pytest.param("x = 1", "function app", id="no functions in it"),
        pytest.param("raise SystemExit(9)", "code 9", id="it ends the process"),
    ],
)
async def test_an_app_that_cannot_be_loaded_says_why(tmp_path: Path, source: str, says: str) -> None:
    with pytest.raises(NotIndexed, match=says):
        await WorkerProcess.start(write_app(tmp_path, source), {})


async def test_what_runs_when_the_worker_is_killed_is_lost(tmp_path: Path) -> None:
    worker, _ = await WorkerProcess.start(write_app(tmp_path), {})
    running = asyncio.ensure_future(worker.invoke("on_event", event(subject="slow")))
    await asyncio.sleep(0.05)
    worker.kill()
    with pytest.raises(WorkerGone):
        await running
    with pytest.raises(WorkerGone):
        await worker.invoke("on_event", event())


@pytest.mark.parametrize("way", ["stdin ends", "SIGTERM"])
async def test_it_ends_in_order_and_lets_a_running_invocation_finish(tmp_path: Path, way: str) -> None:
    worker, _ = await WorkerProcess.start(write_app(tmp_path), {})
    running = asyncio.ensure_future(worker.invoke("on_event", event(subject="slow")))
    await asyncio.sleep(0.05)
    if way == "SIGTERM":
        os.kill(worker.pid, signal.SIGTERM)
    else:
        await worker.stop()
    assert (await running).ok
    await asyncio.wait_for(worker.gone.wait(), 10)
