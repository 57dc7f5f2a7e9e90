"""A PUT of a body that nobody may lose goes over the wire as it is, and once, also where no answer comes."""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from azure.core.credentials import AccessTokenInfo
from azure.core.pipeline.transport import AioHttpTransport

from functions.arm import clusters, subnets
from functions.arm.clouds import PUBLIC
from functions.arm.credential import TokenSource
from functions.arm.errors import NoAnswerError
from functions.arm.resource_id import ResourceId
from functions.arm.session import Session
from functions.arm.writes import Accepted
from localazure.certificates import certificates


class Token:
    async def get_token_info(self, *_scopes: str, options: object = None) -> AccessTokenInfo:
        return AccessTokenInfo("a.b.c", 4_102_444_800)

    async def close(self) -> None:
        """Nothing to close."""


GROUP = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/net"
SUBNET = ResourceId(f"{GROUP}/providers/Microsoft.Network/virtualNetworks/spoke/subnets/nodes")
CLUSTER = ResourceId(f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/team")

# Spaces, an order and a property that no model would leave so.
SUBNET_BODY = b'{ "properties" : {"later": [1, null, {}],  "addressPrefix": "10.0.0.0/24"} }'
CLUSTER_BODY = {"eTag": "abc", "properties": {"later": [1, None, {}], "provisioningState": "Failed"}}

type Write = Callable[[Session], Awaitable[Accepted]]


def write_subnet(session: Session) -> Awaitable[Accepted]:
    return subnets.put(session.network(SUBNET.subscription), SUBNET, SUBNET_BODY, 'W/"abc"')


def write_cluster(session: Session) -> Awaitable[Accepted]:
    return clusters.put_again(session, CLUSTER, CLUSTER_BODY, "abc")


DROPPED, OK = b"", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

# What Entra's continuous access evaluation has ARM say to a token that is not good enough any more.
CHALLENGE = (
    b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm="", error="insufficient_claims", claims="'
    + base64.urlsafe_b64encode(b'{"access_token":{}}')
    + b'"\r\nContent-Length: 0\r\n\r\n'
)


@asynccontextmanager
async def arm(folder: Path, *answers: bytes) -> AsyncIterator[tuple[Session, list[bytes]]]:
    """An ARM that answers each PUT so, or hangs up on it when it has read it, and reads with 200. And what was put."""
    made, put, left = certificates(folder), list[bytes](), list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            answer = OK
            if head.startswith(b"PUT"):
                length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
                put.append(head + await reader.readexactly(int(length[1]) if length else 0))
                answer = left.pop(0) if left else DROPPED
            if answer == DROPPED:
                break
            writer.write(answer)
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


WRITES = pytest.mark.parametrize(
    "write", [pytest.param(write_subnet, id="subnet"), pytest.param(write_cluster, id="cluster")]
)


@WRITES
async def test_a_connection_that_drops_leaves_the_put_sent_once_and_its_outcome_unknown(
    write: Write, tmp_path: Path
) -> None:
    async with arm(tmp_path, DROPPED) as (session, put):
        await session.get("/warm", "1")  # so that the PUT goes over a connection that was kept alive
        with pytest.raises(NoAnswerError):
            await write(session)
        assert len(put) == 1


@WRITES
async def test_a_challenge_to_the_token_is_answered_with_the_whole_body(write: Write, tmp_path: Path) -> None:
    async with arm(tmp_path, CHALLENGE, OK) as (session, put):
        await write(session)
    first, second = (sent.partition(b"\r\n\r\n")[2] for sent in put)
    assert first == second
    assert json.loads(first)["properties"]["later"] == [1, None, {}]


@pytest.mark.parametrize(
    ("write", "path", "api", "etag", "body"),
    [
        pytest.param(write_subnet, SUBNET, subnets.API, b'if-match: w/"abc"', SUBNET_BODY, id="subnet"),
        pytest.param(
            write_cluster,
            CLUSTER,
            clusters.API,
            b'if-match: "abc"',
            msgspec.json.encode(clusters.writable(CLUSTER_BODY)),
            id="cluster",
        ),
    ],
)
async def test_the_body_goes_as_it_stands_with_its_length_its_etag_and_the_version_that_it_was_read_with(
    write: Write, path: ResourceId, api: str, etag: bytes, body: bytes, tmp_path: Path
) -> None:
    async with arm(tmp_path, OK) as (session, put):
        await write(session)
    (sent,) = put
    head, _, content = sent.partition(b"\r\n\r\n")
    assert content == body
    assert head.startswith(f"PUT {path}?api-version={api} HTTP/1.1\r\n".encode())
    assert etag in head.lower()
    assert b"content-type: application/json\r\n" in head.lower() + b"\r\n"
    assert f"content-length: {len(body)}".encode() in head.lower()
    assert b"transfer-encoding" not in head.lower()
