"""Azurite as a process of ours."""

from pathlib import Path

import pytest
from azure.storage.queue.aio import QueueClient

from localazure.azurite import PROGRAM, AzuriteMissing, azurite


@pytest.mark.skipif(not PROGRAM.exists(), reason="Azurite is not installed: run `make test` or `npm ci`")
async def test_it_takes_the_real_sdk_and_is_gone_afterwards() -> None:
    async with azurite() as storage, QueueClient.from_connection_string(storage.connection_string, "work") as queue:
        await queue.create_queue()
        await queue.send_message("hello")
        assert (await queue.peek_messages())[0].content == "hello"
    async with QueueClient.from_connection_string(storage.connection_string, "work", retry_total=0) as queue:
        with pytest.raises(Exception, match="onnect"):
            await queue.get_queue_properties()


async def test_when_it_is_not_installed_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(AzuriteMissing, match="npm ci"):
        async with azurite(tmp_path / "azurite"):
            pass


async def test_when_it_does_not_start_the_error_says_what_it_printed(tmp_path: Path) -> None:
    program = tmp_path / "azurite"
    program.write_text("#!/bin/sh\necho no node here\n")
    program.chmod(0o755)
    with pytest.raises(AzuriteMissing, match="no node here"):
        async with azurite(program):
            pass
