#!/usr/bin/env bash
# dnspython 2.9.2: it writes valid messages that it refuses to read.
#
# A message names 17 or more hosts, each one label below the one before (as in a reverse zone of IPv6, whose names have up
# to 34 labels). to_wire compresses each name to one label and a pointer to the name before, so that the last name is a
# chain of 17 pointers. RFC 1035 (4.1.4) bounds no chain; a name may have 255 octets, and these have less.
# Expected: from_wire(to_wire(message)) gives the records back, as dnspython 2.8.0 does.
# Seen:     from_wire raises PointerChainTooLong from the 17th name on; the encoder has no such bound.
# Exit status: 0 while this holds, 1 when it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/probe.py" <<'PY'
import sys

import dns.exception
import dns.message
import dns.rrset


def read_back(names):
    """How many records come back, or the name of the error."""
    message = dns.message.make_response(dns.message.make_query("example.org.", "A"))
    owner = "example.org."
    for number in range(names):
        owner = f"l{number}.{owner}"
        message.additional.append(dns.rrset.from_text(owner, 60, "IN", "A", "192.0.2.1"))
    wire = message.to_wire()
    try:
        back = len(dns.message.from_wire(wire).additional)
    except dns.exception.DNSException as error:
        back = type(error).__name__
    print(f"{names} names, the longest of {len(owner) + 1} octets, in a message of {len(wire)} bytes -> {back}")
    return back


found = [read_back(names) for names in (16, 17, 32)]
raise SystemExit(0 if repr(found) == sys.argv[1] else "this has changed")
PY
for pair in "2.8.0|[16, 17, 32]" "2.9.2|[16, 'PointerChainTooLong', 'PointerChainTooLong']"; do
  version=${pair%%|*}
  echo "dnspython $version"
  python3 -m venv "$work/$version"
  "$work/$version/bin/pip" install --quiet --disable-pip-version-check "dnspython==$version"
  "$work/$version/bin/python" "$work/probe.py" "${pair#*|}"
done
