"""The local authority's certificates, as strict clients see them."""

import ssl
from pathlib import Path

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from localazure.certificates import certificates
from localazure.serving import address, bound, serving

APP = Starlette(routes=[Route("/", lambda _: PlainTextResponse("hello"))])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_client_that_trusts_the_authority_connects_and_no_other_does(tmp_path: Path, host: str) -> None:
    made = certificates(tmp_path)
    listening = bound()
    url = address(listening, tls=True).replace("127.0.0.1", host)
    trusting = ssl.create_default_context(cafile=str(made.authority))
    async with serving(APP, listening, made.server), aiohttp.ClientSession() as session:
        async with session.get(url, ssl=trusting) as answer:
            assert await answer.text() == "hello"
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await session.get(url)


def test_good_certificates_are_kept_so_that_they_need_to_be_trusted_once(tmp_path: Path) -> None:
    first = certificates(tmp_path).authority.read_bytes()
    assert certificates(tmp_path).authority.read_bytes() == first


def test_the_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    assert certificates(tmp_path / "new").server.key.stat().st_mode & 0o077 == 0


def test_a_port_that_is_taken_is_named() -> None:
    with bound() as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=str(port)):
            bound(port)
