#!/usr/bin/env bash
# Azurite 3.35.0 with azure-data-tables 12.7.0: a number with an exponent in a filter matches nothing, and says nothing.
#
# OData allows 1e22 and 1e-05 as numbers, and the SDK writes them so by itself: it prints a float parameter as Python
# does, so that 0.00001 goes out as 1e-05.
# Expected: `v gt 1e-05` finds what `v gt 0.00001` finds.
# Seen:     no row and no error, whichever operator: `lt` and `ge` of the same number are both empty. Written without an
#           exponent the same number finds its rows.
# Exit status: 0 while this holds, 1 when it has changed. Needs Node 20 or newer.
set -euo pipefail
work=$(mktemp -d)
azurite=
trap '[ -z "$azurite" ] || kill "$azurite" 2>/dev/null || true; rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check azure-data-tables==12.7.0 azure-core==1.41.0
npm install --silent --no-audit --no-fund --prefix "$work" azurite@3.35.0
port=$("$work/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$work/node_modules/.bin/azurite-table" --silent --skipApiVersionCheck --location "$work" \
  --tableHost 127.0.0.1 --tablePort "$port" > "$work/azurite.log" 2>&1 &
azurite=$!
cat > "$work/probe.py" <<'PY'
import base64
import sys
import time

from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import AzureError
from azure.data.tables import TableClient

ACCOUNT, PORT = "devstoreaccount1", sys.argv[1]
# The emulator's account key, which is public and the same everywhere.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
assert base64.b64decode(KEY)
address, key = f"http://127.0.0.1:{PORT}/{ACCOUNT}", AzureNamedKeyCredential(ACCOUNT, KEY)
table = TableClient(address, "numbers", credential=key, retry_total=0)
for _ in range(100):
    try:
        table.create_table()
        break
    except AzureError:
        time.sleep(0.2)
for number in (1e-7, 9.0, 1e22):
    table.upsert_entity({"PartitionKey": "p", "RowKey": str(number), "v": number})


def found(asked, **parameters):
    rows = [entity["RowKey"] for entity in table.query_entities(asked, parameters=parameters)]
    print(f"{asked} {parameters or ''}: {rows}")
    return rows


plain = found("v gt 0.00001"), found("v ge 10000000000000000000000.0")
exponent = [
    found("v gt 1e-05"),
    found("v gt @x", x=0.00001),
    found("v ge 1e22"),
    found("v lt 1e22"),
    found("v lt @x", x=1e22),
]
held = plain == (["1e+22", "9.0"], ["1e+22"]) and not any(exponent)
raise SystemExit(0 if held else "this has changed")
PY
"$work/venv/bin/python" "$work/probe.py" "$port"
