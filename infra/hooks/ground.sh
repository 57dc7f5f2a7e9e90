# shellcheck shell=sh
# What both hooks stand on: how they speak, and what the policy files say. Read with `.` from the repository's root.

# The policy files have this for the subscription that is deployed to, as infra/main.bicep does.
placeholder=00000000-0000-0000-0000-000000000000
python=.venv/bin/python

say() {
  printf '%s\n' "$*"
}

stop() {
  printf '\nTether: %s\n' "$*" >&2
  exit 1
}

need() {
  command -v "$1" >/dev/null || stop "$1 is not there. $2"
}

# The policy as it is deployed.
policy_text() {
  sed "s/$placeholder/${AZURE_SUBSCRIPTION_ID:-$placeholder}/g" "$1"
}

# One value a line: policy_values FILE KEY [KEY]. Nothing where the policy does not have it.
policy_values() {
  policy_file=$1
  shift
  policy_text "$policy_file" | "$python" -c '
import json, sys
value = json.load(sys.stdin)
for key in sys.argv[1:]:
    value = value.get(key, [])
print(*([value] if isinstance(value, str) else value), sep="\n")' "$@"
}

[ -x "$python" ] || make .venv/.installed
