"""A PUT of a body that nobody may lose goes over the wire once, also where the connection drops without an answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from azure.core.credentials import AccessTokenInfo
from azure.core.pipeline.transport import AioHttpTransport

from functions.arm.clouds import PUBLIC
from functions.arm.credential import TokenSource
from functions.arm.errors import NoAnswerError
from functions.arm.session import Session
from localazure.certificates import certificates


class Token:
    async def get_token_info(self, *_scopes: str, options: object = None) -> AccessTokenInfo:
        return AccessTokenInfo("a.b.c", 4_102_444_800)

    async def close(self) -> None:
        """Nothing to close."""


BODY = b'{"properties": {"addressPrefix": "10.0.0.0/24"}}'


@asynccontextmanager
async def arm(folder: Path, *, drops: bool) -> AsyncIterator[tuple[Session, list[bytes]]]:
    """An ARM that answers reads, and hangs up on a PUT that it has read, or answers that too. And what was put."""
    made, put = certificates(folder), list[bytes]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            if head.startswith(b"PUT"):
                put.append(head + await reader.readexactly(len(BODY)))
                if drops:
                    break
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            await writer.drain()
        writer.close()

    async def each(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(each, "127.0.0.1", 0, ssl=made.server.context())
    port = server.sockets[0].getsockname()[1]
    transport = AioHttpTransport(connection_verify=str(made.authority))
    session = Session(replace(PUBLIC, arm=f"https://127.0.0.1:{port}"), TokenSource(Token()), transport)  # type: ignore[arg-type]
    try:
        yield session, put
    finally:
        await session.close()
        server.close()


async def test_a_connection_that_drops_leaves_the_put_sent_once_and_its_outcome_unknown(tmp_path: Path) -> None:
    async with arm(tmp_path, drops=True) as (session, put):
        await session.get("/warm", "1")  # so that the PUT goes over a connection that was kept alive
        with pytest.raises(NoAnswerError):
            await session.put_answer("/subnet", "1", BODY, None)
        assert len(put) == 1


async def test_the_body_goes_as_it_stands_with_its_length_and_its_etag(tmp_path: Path) -> None:
    async with arm(tmp_path, drops=False) as (session, put):
        await session.put_answer("/subnet", "1", BODY, 'W/"abc"')
    (sent,) = put
    head = sent.lower()
    assert sent.endswith(BODY)
    assert b'if-match: w/"abc"' in head
    assert f"content-length: {len(BODY)}".encode() in head
    assert b"transfer-encoding" not in head
