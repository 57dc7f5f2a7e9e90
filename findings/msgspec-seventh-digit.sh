#!/usr/bin/env bash
# msgspec 0.22.0 and the seven decimal places with which .NET, and so Azure, writes the seconds of an instant.
#
# Expected: the digits that a Python datetime has no room for are cut off, as datetime.fromisoformat does.
# Seen:     they are rounded. 2026-12-31T23:59:59.9999999Z becomes 2027-01-01T00:00:00Z. And the value that .NET
#           services print for "never", 9999-12-31T23:59:59.9999999Z, is refused with "Invalid RFC3339 encoded
#           datetime": the round-up has no year to go to. The whole document fails to decode because of it.
# Exit status: 0 while this holds, 1 when it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check msgspec==0.22.0
cat > "$work/probe.py" <<'PY'
from datetime import UTC, datetime

import msgspec


class Resource(msgspec.Struct):
    expires: datetime


def read(text):
    try:
        return msgspec.json.decode(f'{{"expires": "{text}"}}', type=Resource).expires
    except msgspec.ValidationError as error:
        return str(error)


eve, never = "2026-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.9999999Z"
for text in (eve, never):
    print(f"{text}\n  datetime.fromisoformat: {datetime.fromisoformat(text)}\n  msgspec: {read(text)}")
rounded = read(eve) == datetime(2027, 1, 1, tzinfo=UTC)
refused = isinstance(read(never), str) and "RFC3339" in read(never)
raise SystemExit(0 if rounded and refused else "this has changed")
PY
"$work/venv/bin/python" "$work/probe.py"
