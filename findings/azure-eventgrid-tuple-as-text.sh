#!/usr/bin/env bash
# azure-eventgrid 4.22.1: a tuple in an event's data is published as the text that Python prints for it.
#
# Expected: {"addresses": ("10.0.0.4", "10.0.0.5")} arrives as a JSON array, as json.dumps writes it; what cannot be
#           written raises, as a set does in json.dumps.
# Seen:     subscribers get the string "('10.0.0.4', '10.0.0.5')"; of a set they get "{1}". A list arrives as an array.
#           No error on either side.
# Exit status: 0 while this holds, 1 when it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check azure-eventgrid==4.22.1 azure-core==1.41.0
cat > "$work/probe.py" <<'PY'
import http.server
import json
import threading

from azure.core.credentials import AzureKeyCredential
from azure.core.messaging import CloudEvent
from azure.eventgrid import EventGridPublisherClient

arrived = []


class Topic(http.server.BaseHTTPRequestHandler):
    """Takes events and keeps their data."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        arrived.extend(event["data"] for event in body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Stay silent."""


server = http.server.HTTPServer(("127.0.0.1", 0), Topic)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = EventGridPublisherClient(f"http://127.0.0.1:{server.server_port}/api/events", AzureKeyCredential("key"))
pair = ("10.0.0.4", "10.0.0.5")
client.send(CloudEvent(source="/probe", type="Probe", data={"tuple": pair, "list": list(pair), "set": {1}}))
server.shutdown()
for name, value in arrived[0].items():
    print(f"{name}: {value!r}")
held = arrived[0] == {"tuple": str(pair), "list": list(pair), "set": "{1}"}
raise SystemExit(0 if held else "this has changed")
PY
"$work/venv/bin/python" "$work/probe.py"
