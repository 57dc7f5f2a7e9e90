#!/bin/sh
# azd runs this before it makes anything: is the policy what was meant, is there what the rest needs, and who may write
# over HTTP? It changes nothing but, when asked to, the app registration and azd's own environment.
set -eu
cd "$(dirname "$0")/../.."
. infra/hooks/ground.sh

plain=infra/tether-policy.json
second=infra/privileged-policy.json

check_policy() {
  say "Policy: $1"
  policy_text "$1" | "$python" -m functions.policy check - ||
    stop "$1 cannot be used (the reason is above). Mend it; docs/policy.md explains every field."
}

check_subscriptions() {
  for id in $(policy_values "$1" scope subscriptions); do
    [ "$id" != "$placeholder" ] || continue
    az account show --subscription "$id" --query id -o tsv >/dev/null ||
      stop "az does not see subscription $id, which $1 names: sign in as somebody who does (az login), or take it out."
  done
}

check_second_policy() {
  check_policy "$second"
  [ "$(policy_values "$plain" owner)" = "$(policy_values "$second" owner)" ] ||
    stop "$plain and $second have different owners: they are one deployment, so give both the same."
  for field in hubs customZones records; do
    [ "$(policy_values "$plain" "$field")" = "$(policy_values "$second" "$field")" ] ||
      say "Note: $plain and $second differ in $field. The second app puts a cluster again, or restarts in one, only when it sees it linked and recorded as its own policy says."
  done
  check_subscriptions "$second"
}

# The role is checked by the app (functions/http/principal.py); a registration without an assignment lets nobody write.
make_registration() {
  name="Tether ($AZURE_ENV_NAME)"
  say "App registration: $name"
  # az makes it in the tenant of its default subscription, the app trusts the tenant that it is deployed to.
  [ "$(az account show --query tenantId -o tsv)" = \
    "$(az account show --subscription "$AZURE_SUBSCRIPTION_ID" --query tenantId -o tsv)" ] ||
    stop "az works in another tenant than the deployment's. Run: az account set --subscription $AZURE_SUBSCRIPTION_ID"
  client=''
  if [ "$(az account show --query user.type -o tsv)" = user ]; then
    client=$(az ad app list --show-mine --query "[?displayName=='$name'].appId" -o tsv)
  fi
  if [ -z "$client" ]; then
    # Anybody in the tenant may have made one of this name; its owner could give the role to anybody.
    [ -z "$(az ad app list --filter "displayName eq '$name'" --query '[].appId' -o tsv)" ] ||
      stop "There is an app registration named \"$name\" that is not yours. If you know it: azd env set TETHER_AUTH_CLIENT_ID <its client id>. Otherwise: azd env set TETHER_AUTH_APP none"
    client=$(az ad app create --display-name "$name" --sign-in-audience AzureADMyOrg \
      --requested-access-token-version 2 --app-roles @infra/hooks/app-roles.json --query appId -o tsv)
  fi
  case $client in
    *[!0-9a-fA-F-]*) stop "You own more than one app registration named \"$name\". Say which: azd env set TETHER_AUTH_CLIENT_ID <client id>" ;;
  esac
  az ad app update --id "$client" --identifier-uris "api://$client" -o none
  [ -n "$(az ad sp list --filter "appId eq '$client'" --query '[].id' -o tsv)" ] ||
    az ad sp create --id "$client" -o none
  # Last, so that a run that fails half-way is taken up again by the next.
  azd env set TETHER_AUTH_CLIENT_ID "$client"
  say "Made. Nobody may write over HTTP before you assign its role Tether.Operator (docs/deploy.md)."
}

decide_registration() {
  [ -z "${TETHER_AUTH_CLIENT_ID:-}" ] || return 0
  choice=${TETHER_AUTH_APP:-}
  if [ -z "$choice" ] && [ -t 0 ]; then
    say "Writing over HTTP (docs/http.md) needs an app registration in Entra ID. Everything else works without."
    printf 'Make one? [y/N] '
    read -r answer || answer=''
    case $answer in
      y | Y | yes) choice=create ;;
      *) choice=none ;;
    esac
    azd env set TETHER_AUTH_APP "$choice"
  fi
  case $choice in
    create) make_registration ;;
    none | '') say "No app registration: nobody can write over HTTP. To change that: azd env set TETHER_AUTH_APP create" ;;
    *) stop "TETHER_AUTH_APP is create or none, not $choice." ;;
  esac
}

check_policy "$plain"
need az "Install the Azure CLI, 2.68 or newer."
need azd "Install the Azure Developer CLI; azure.yaml says which."
az account show --query id -o tsv >/dev/null ||
  stop "az is not signed in: az login. In a sovereign cloud first: az cloud set --name <cloud>"
[ -n "${AZURE_SUBSCRIPTION_ID:-}" ] || stop "Say where to deploy to: azd env set AZURE_SUBSCRIPTION_ID <id>"
check_subscriptions "$plain"
if [ "${TETHER_PRIVILEGED_APP:-false}" = true ]; then
  check_second_policy
fi
decide_registration
