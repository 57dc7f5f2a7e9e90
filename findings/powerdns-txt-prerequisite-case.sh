#!/usr/bin/env bash
# PowerDNS 4.7.3: a prerequisite on the value of a TXT record is met by a text that differs in case.
#
# RFC 2136, 2.4.2 compares the record data; upper and lower case are alike in names only (RFC 4343).
# Expected: "www has the TXT record 'owner=prod' and no other" fails with NXRRSET where the record says 'owner=PROD'.
# Seen:     NOERROR, and the update is carried out. A text with other letters is refused, as it should be.
# A compare-and-swap whose token is a TXT record must not use tokens that differ in case alone (base64 for one).
# Exit status: 0 while this holds, 1 when it has changed. Needs a Debian 12 machine with apt.
set -euo pipefail
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check dnspython==2.9.2
# Unpack Debian packages of these versions in the temporary folder, with what they need and the machine lacks.
unpack() {
  local named needed
  apt-get -q update > /dev/null
  needed=$(apt-get -s -o Dir::State::status=/dev/null --no-install-recommends install "$@" | awk '/^Inst/ {print $2}')
  for named in $needed; do
    dpkg-query -W -f '${Status}\n' "$named" 2> /dev/null | grep -q '^install ok' || set -- "$@" "$named"
  done
  (cd "$work" && apt-get -q download "$@" > /dev/null && for named in *.deb; do dpkg-deb -x "$named" unpacked; done)
}
unpack pdns-server=4.7.3-2 pdns-backend-sqlite3=4.7.3-2
libraries=$(dirname "$(find "$work/unpacked" -type d -name pdns -path '*/lib/*')")
export LD_LIBRARY_PATH="$libraries"
secret=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=
port=$("$work/venv/bin/python" -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(open(sys.argv[2]).read())' \
  "$work/zones.db" "$work/unpacked/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"
cat > "$work/pdns.conf" <<CONF
module-dir=$libraries/pdns
launch=gsqlite3
gsqlite3-database=$work/zones.db
gsqlite3-dnssec=yes
local-address=127.0.0.1
local-port=$port
socket-dir=$work
dnsupdate=yes
allow-dnsupdate-from=127.0.0.0/8
CONF
zone() { "$work/unpacked/usr/bin/pdnsutil" --config-dir="$work" "$@" > /dev/null 2>&1; }
zone create-zone example.org ns.example.org
zone import-tsig-key probe hmac-sha256 "$secret"
zone set-meta example.org TSIG-ALLOW-DNSUPDATE probe
"$work/unpacked/usr/sbin/pdns_server" --config-dir="$work" --daemon=no --guardian=no > "$work/pdns.log" 2>&1 &
server=$!
cat > "$work/probe.py" <<'PY'
import sys
import time

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update

PORT, SECRET = int(sys.argv[1]), sys.argv[2]
KEY = dns.tsigkeyring.from_text({"probe.": SECRET})


def update():
    return dns.update.UpdateMessage("example.org", keyring=KEY, keyalgorithm="hmac-sha256")


def sent(message):
    return dns.rcode.to_text(dns.query.udp(message, "127.0.0.1", port=PORT, timeout=5).rcode())


def held(name, rdtype="A"):
    answer = dns.query.udp(dns.message.make_query(name, rdtype), "127.0.0.1", port=PORT, timeout=5).answer
    return [f"{rrset.ttl} {record}" for rrset in answer for record in rrset]


for _ in range(50):
    try:
        if held("example.org", "SOA"):
            break
    except (OSError, dns.exception.Timeout):
        time.sleep(0.2)
first = update()
first.add("www", 60, "TXT", '"owner=PROD"')
first_code, seen = sent(first), {}
for text in ("owner=PROD", "owner=prod", "owner=test"):
    message = update()
    message.present("www", "TXT", f'"{text}"')
    message.add("mark", 60, "A", "192.0.2.1")
    seen[text] = sent(message)
    print(f"held 'owner=PROD', required '{text}': {seen[text]}")
expected = {"owner=PROD": "NOERROR", "owner=prod": "NOERROR", "owner=test": "NXRRSET"}
raise SystemExit(0 if first_code == "NOERROR" and seen == expected else "this has changed")
PY
"$work/venv/bin/python" "$work/probe.py" "$port" "$secret"
