#!/usr/bin/env bash
# Knot DNS 3.2.6: a dynamic update that changes nothing but a TTL is accepted and not carried out.
#
# RFC 2136, 3.4.2.2: an added record that is there already with another TTL replaces the one that is there.
# Expected: NOERROR, and the TTL is 30 afterwards, as with BIND 9.18 and PowerDNS 4.7.
# Seen:     NOERROR, the TTL stays 60, and the zone's serial does not move. Adding *another* address with TTL 30 gives all
#           records of the set that TTL; deleting the record and adding it again in one message changes it, too.
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
unpack knot=3.2.6-1 libknot13=3.2.6-1 libzscanner4=3.2.6-1 libdnssec9=3.2.6-1
libraries=$(find "$work/unpacked" -name 'libknot.so.*' -printf '%h\n' | head -n 1)
export LD_LIBRARY_PATH="$libraries"
secret=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=
port=$("$work/venv/bin/python" -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir "$work/db"
printf '@ 300 SOA ns hostmaster 1 3600 600 86400 300\n@ 300 NS ns\nns 300 A 127.0.0.1\n' > "$work/example.org.zone"
cat > "$work/knot.conf" <<CONF
server:
  rundir: "$work"
  listen: 127.0.0.1@$port
database:
  storage: "$work/db"
key:
  - id: probe.
    algorithm: hmac-sha256
    secret: $secret
acl:
  - id: writers
    key: probe.
    action: update
zone:
  - domain: example.org.
    storage: "$work"
    file: example.org.zone
    acl: writers
CONF
"$work/unpacked/usr/sbin/knotd" -c "$work/knot.conf" > "$work/knot.log" 2>&1 &
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
def add(name, ttl, address, *, anew=False):
    message = update()
    if anew:
        message.delete(name, "A")
    message.add(name, ttl, "A", address)
    code = sent(message)
    print(f"{'delete and ' if anew else ''}add {name} {ttl} A {address}: {code}; held: {held(name + '.example.org')}")
    return code, held(f"{name}.example.org")


first = add("www", 60, "192.0.2.1")
alone = add("www", 30, "192.0.2.1")
anew = add("www", 30, "192.0.2.1", anew=True)
add("two", 60, "192.0.2.1")
beside = add("two", 30, "192.0.2.2")
kept = first == alone == ("NOERROR", ["60 192.0.2.1"])
changed = anew == ("NOERROR", ["30 192.0.2.1"]) and sorted(beside[1]) == ["30 192.0.2.1", "30 192.0.2.2"]
raise SystemExit(0 if kept and changed else "this has changed")
PY
"$work/venv/bin/python" "$work/probe.py" "$port" "$secret"
