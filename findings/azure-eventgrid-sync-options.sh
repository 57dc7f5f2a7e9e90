#!/usr/bin/env bash
# azure-eventgrid 4.22.1: the synchronous EventGridPublisherClient drops every option, the asynchronous one does not.
#
# Expected: EventGridPublisherClient(endpoint, credential, retry_total=0) sends a refused event once. The same holds for
#           transport, timeouts, proxies, logging and policies, which all azure-core clients take.
# Seen:     for a custom topic (no namespace_topic) the synchronous client makes its inner client without them: a 503 is
#           asked four times, with the pauses of the default policy. The asynchronous client sends it once.
# Exit status: 0 while this holds, 1 when it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check azure-eventgrid==4.22.1 azure-core==1.41.0 aiohttp==3.14.5
cat > "$work/probe.py" <<'PY'
import asyncio
import http.server
import threading

from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError
from azure.core.messaging import CloudEvent
from azure.eventgrid import EventGridPublisherClient
from azure.eventgrid.aio import EventGridPublisherClient as AsyncClient

asked = []


class Topic(http.server.BaseHTTPRequestHandler):
    """Refuses every event."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        asked.append(self.path)
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Stay silent."""


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Topic)
threading.Thread(target=server.serve_forever, daemon=True).start()
topic, key = f"http://127.0.0.1:{server.server_port}/api/events", AzureKeyCredential("key")
event = CloudEvent(source="/probe", type="Probe", data={})


def refused(send):
    asked.clear()
    try:
        send()
    except HttpResponseError as error:
        return len(asked), error.status_code
    return len(asked), "no error"


async def send_async():
    async with AsyncClient(topic, key, retry_total=0) as client:
        await client.send(event)


def send_sync():
    with EventGridPublisherClient(topic, key, retry_total=0) as client:
        client.send(event)


seen = {"sync": refused(send_sync), "async": refused(lambda: asyncio.run(send_async()))}
for client, (requests, end) in seen.items():
    print(f"{client}, retry_total=0: {requests} request(s), then {end}")
server.shutdown()
raise SystemExit(0 if seen == {"sync": (4, 503), "async": (1, 503)} else "this has changed")
PY
"$work/venv/bin/python" "$work/probe.py"
