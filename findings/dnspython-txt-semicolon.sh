#!/usr/bin/env bash
# dnspython 2.9.2: the text of a TXT record ends at a semicolon, without an error.
#
# UpdateMessage.add takes a record's data as text of a zone file, where a semicolon begins a comment and a space a new
# string. An owner text such as external-dns and others write, "owner=prod;cluster=c1", is cut.
# Expected: the record says owner=prod;cluster=c1, or an exception.
# Seen:     the message carries owner=prod. So does an A record's data of two lines: the second line is dropped.
#           With quotes around the text it is whole.
# Exit status: 0 while this holds, 1 when it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check dnspython==2.9.2
cat > "$work/probe.py" <<'PY'
import dns.message
import dns.update


def carried(rdtype, text):
    """The data that arrives, read back from the wire."""
    update = dns.update.UpdateMessage("example.org")
    update.add("www", 60, rdtype, text)
    arrived = [record.to_text() for rrset in dns.message.from_wire(update.to_wire()).update for record in rrset]
    print(f"{rdtype} {text!r} -> {arrived}")
    return arrived


cut = carried("TXT", "owner=prod;cluster=c1"), carried("A", "192.0.2.1\n192.0.2.2")
whole = carried("TXT", '"owner=prod;cluster=c1"')
held = cut == (['"owner=prod"'], ["192.0.2.1"]) and whole == ['"owner=prod;cluster=c1"']
raise SystemExit(0 if held else "this has changed")
PY
"$work/venv/bin/python" "$work/probe.py"
