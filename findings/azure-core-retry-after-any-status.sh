#!/usr/bin/env bash
# azure-mgmt-privatedns 2.0.0 on azure-core 1.41.0: a Retry-After header turns every refusal into a retry, a PUT's too.
#
# Expected: the default retry policy repeats 408, 429 and 5xx. A 403, 404, 409 or 412 is an answer, and is raised.
# Seen:     with `Retry-After: 1` beside it each of them is asked again after that second, inside the call, and the
#           caller sees the second answer only. A PUT that was refused with 409 or 412 is sent a second time. Without
#           the header each is raised at once.
# Exit status: 0 while this holds, 1 when it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check azure-mgmt-privatedns==2.0.0 azure-core==1.41.0 azure-mgmt-core==1.6.0
cat > "$work/probe.py" <<'PY'
import http.server
import threading
import time

from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.privatedns import PrivateDnsManagementClient

script, methods = [], []


class Arm(http.server.BaseHTTPRequestHandler):
    """Refuses the first request of a case as the script says, and grants the next."""

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        methods.append(self.command)
        status, pause = script.pop() if script else (200, None)
        self.send_response(status)
        if pause:
            self.send_header("Retry-After", pause)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_PUT = answer

    def log_message(self, *_):
        """Stay silent."""


class Token:
    def get_token(self, *_, **__):
        return AccessToken("token", int(time.time()) + 3600)


class PlainHttp(SansIOHTTPPolicy):
    """Allow the token on http, to this machine."""

    def on_request(self, request):
        request.context.options.setdefault("enforce_https", False)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Arm)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = PrivateDnsManagementClient(
    Token(),
    "00000000-0000-0000-0000-000000000000",
    base_url=f"http://127.0.0.1:{server.server_port}",
    credential_scopes=["http://127.0.0.1/.default"],
    per_call_policies=[PlainHttp()],
)
calls = {
    "GET": lambda: client.private_zones.get("group", "example.org"),
    "PUT": lambda: client.record_sets.create_or_update("group", "example.org", "A", "www", {"properties": {"ttl": 60}}),
}
requests = {}
for pause in ("1", None):
    for method, call in calls.items():
        for status in (403, 404, 409, 412):
            methods.clear()
            script[:] = [(status, pause)]
            try:
                call()
                end = "granted"
            except HttpResponseError as error:
                end = f"raised {error.status_code}"
            requests[pause, method, status] = len(methods)
            print(f"{method} {status}, Retry-After {pause}: {len(methods)} request(s), {end}")
server.shutdown()
held = all(count == (2 if pause else 1) for (pause, _, _), count in requests.items())
raise SystemExit(0 if held else "this has changed")
PY
"$work/venv/bin/python" "$work/probe.py"
