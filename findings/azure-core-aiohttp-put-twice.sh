#!/usr/bin/env bash
# azure-core 1.41.0 with aiohttp 3.14.5: retry_total=0 does not keep a PUT or a DELETE from being sent twice.
#
# Expected: with retry_total=0 the client sends each request once, and a connection that ends without an answer raises.
# Seen:     where the connection had been used before, the PUT and the DELETE are sent a second time at once, and the
#           caller sees the second answer alone. aiohttp repeats idempotent methods on a kept-alive connection, below
#           every policy of azure-core, so no policy counts it. PATCH and POST raise. The server may have carried out
#           the first one: a write with `If-None-Match: *` then reports a conflict with itself.
# Exit status: 0 while this holds, 1 when it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check azure-core==1.41.0 aiohttp==3.14.5
cat > "$work/probe.py" <<'PY'
import asyncio

from azure.core import AsyncPipelineClient
from azure.core.exceptions import AzureError
from azure.core.pipeline.policies import AsyncRetryPolicy
from azure.core.rest import HttpRequest

requests = []


async def serve(reader, writer):
    """Answer the first request on a connection, and end the connection on the second one of all."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            requests.append(head.split(b" ", 1)[0].decode())
            if len(requests) == 2:
                break
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError) as ended:
        print(f"    (a connection ended: {type(ended).__name__})")
    writer.close()


async def sent(method):
    requests.clear()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/zone"
    async with AsyncPipelineClient(address, policies=[AsyncRetryPolicy(retry_total=0)]) as client:
        await client.send_request(HttpRequest("GET", address))
        try:
            end = (await client.send_request(HttpRequest(method, address))).status_code
        except AzureError as error:
            end = type(error).__name__
    server.close()
    print(f"{method}: {requests[1:]}, then {end}")
    return len(requests) - 1, end


async def main():
    seen = {method: await sent(method) for method in ("PUT", "DELETE", "PATCH", "POST")}
    once = (1, "ServiceRequestError")
    held = seen == {"PUT": (2, 204), "DELETE": (2, 204), "PATCH": once, "POST": once}
    raise SystemExit(0 if held else "this has changed")


asyncio.run(main())
PY
"$work/venv/bin/python" "$work/probe.py"
