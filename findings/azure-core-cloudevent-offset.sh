#!/usr/bin/env bash
# azure-core 1.41.0: CloudEvent.from_dict gets the instant wrong when `time` has an offset from UTC.
#
# CloudEvents 1.0 says that `time` is an RFC 3339 timestamp, so `+02:00` is as good as `Z`.
# Expected: 22:00+02:00 is 20:00 UTC.
# Seen:     no error. Of the offset's hours only the first digit counts, and as whole hours: +02:00 and -07:00 are
#           taken for UTC, +10:00 for one hour, +05:30 for half an hour.
# Exit status: 0 while this holds, 1 when it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check azure-core==1.41.0
cat > "$work/probe.py" <<'PY'
from datetime import UTC, datetime

from azure.core.messaging import CloudEvent


def read(time):
    event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "time": time}
    return CloudEvent.from_dict(event).time.astimezone(UTC)


wrong_by = {}
for offset in ("Z", "+00:00", "+02:00", "-07:00", "+10:00", "+05:30"):
    time = f"2026-12-01T22:00:00{offset}"
    right, seen = datetime.fromisoformat(time).astimezone(UTC), read(time)
    wrong_by[offset] = (seen - right).total_seconds() / 3600
    print(f"{time}: {seen:%H:%M} UTC, {wrong_by[offset]:+.1f} h off")
held = wrong_by == {"Z": 0, "+00:00": 0, "+02:00": 2, "-07:00": -7, "+10:00": 9, "+05:30": 5}
raise SystemExit(0 if held else "this has changed")
PY
"$work/venv/bin/python" "$work/probe.py"
