#!/bin/sh
# azd runs this after the code is deployed: it has each subscription of the policy tell Tether of its changes. It may be
# run again (azd hooks run postdeploy). A system topic that is not of Tether's making is never written.
set -eu
cd "$(dirname "$0")/../.."
. infra/hooks/ground.sh

policy=infra/tether-policy.json
delivery=${TETHER_EVENT_DELIVERY:-function}
group=${TETHER_EVENTS_GROUP:-rg-tether-events}
name=${TETHER_EVENT_SUBSCRIPTION:-tether}
pause=${TETHER_HOOK_PAUSE:-15}

lower() {
  printf '%s' "$1" | tr '[:upper:]' '[:lower:]'
}

check_outputs() {
  for output in TETHER_FUNCTION_ID TETHER_STORAGE_ID TETHER_PRINCIPAL_ID AZURE_LOCATION; do
    eval "value=\${$output:-}"
    [ -n "$value" ] || stop "$output is not set: run azd provision, then azd deploy."
  done
}

# Azure refuses an event subscription to a function that it does not know yet, a while after a deployment.
wait_for_function() {
  tries=0
  until az resource show --ids "$TETHER_FUNCTION_ID" --query id -o tsv >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 20 ] ||
      stop "Azure does not know the function $TETHER_FUNCTION_ID. See whether the app starts (docs/operating.md), then: azd hooks run postdeploy"
    sleep "$pause"
  done
}

# Prints id, principal id of the system-assigned identity (or -) and name, if the subscription has a topic of its own.
find_topic() {
  az eventgrid system-topic list --subscription "$1" \
    --query "[].[source, id, identity.principalId || '-', name]" -o tsv >"$scratch" || return 1
  awk -F '\t' -v source="/subscriptions/$1" 'tolower($1) == tolower(source) { print $2, $3, $4; exit }' "$scratch"
}

# Two deployments of Tether may share a topic, not an event subscription.
check_event_subscription() {
  target=$(az eventgrid system-topic event-subscription list --subscription "$1" --resource-group "$2" \
    --system-topic-name "$3" -o tsv \
    --query "[?name=='$name'].[destination.resourceId || deliveryWithResourceIdentity.destination.resourceId || '-']") || return 1
  case $(lower "$target") in
    '' | "$(lower "$TETHER_FUNCTION_ID")" | "$(lower "$TETHER_STORAGE_ID")") ;;
    *)
      say "  The event subscription \"$name\" delivers to something else: $target"
      say "  Give this deployment's another name: azd env set TETHER_EVENT_SUBSCRIPTION <name>"
      return 1
      ;;
  esac
}

# deploy_events SUBSCRIPTION LOCATION TOPIC PRINCIPAL: what it came to is left in $scratch. A deployment's name belongs to
# one location.
deploy_events() {
  az deployment sub create --subscription "$1" --location "$2" --name "tether-events-$2" \
    --template-file infra/onboard-subscription.bicep -o tsv \
    --query '[properties.outputs.[isDelivering.value, isDeadLettering.value, advice.value]]' \
    --parameters "functionId=$TETHER_FUNCTION_ID" "storageAccountId=$TETHER_STORAGE_ID" "delivery=$delivery" \
    "resourceGroupName=$group" "eventSubscriptionName=$name" \
    "existingTopicId=$3" "existingTopicPrincipalId=${3:+$4}" >"$scratch"
}

# In a subshell, so that names stay in it. Its callers look at its status, which switches set -e off: hence `|| exit 1`.
onboard() (
  id=$1
  say "Subscription $id"
  state=$(az provider show --subscription "$id" --namespace Microsoft.EventGrid --query registrationState -o tsv) || exit 1
  if [ "$state" != Registered ]; then
    say "  Registering Microsoft.EventGrid there"
    az provider register --subscription "$id" --namespace Microsoft.EventGrid --wait -o none || exit 1
  fi
  found=$(find_topic "$id") || exit 1
  read -r topic principal topic_name <<FOUND
$found
FOUND
  location=$AZURE_LOCATION
  if [ -n "$topic" ]; then
    topic_group=$(printf '%s' "$topic" | cut -d / -f 5)
    check_event_subscription "$id" "$topic_group" "$topic_name" || exit 1
    if [ "$principal" = - ] && [ "$(lower "$topic_group")" = "$(lower "$group")" ]; then
      case $topic_name in
        # Tether made it and somebody took its identity away: the deployment gives it one again.
        evgt-tether-*) topic='' ;;
      esac
    fi
  fi
  if [ -n "$topic" ]; then
    say "  It has the system topic $topic_name, which stays as it is."
  elif [ "$(az group exists --subscription "$id" --name "$group" -o tsv)" = true ]; then
    location=$(az group show --subscription "$id" --name "$group" --query location -o tsv) || exit 1
  fi
  [ "$principal" != - ] || principal=''
  deploy_events "$id" "$location" "$topic" "$principal" || {
    say "  Azure refused it (above). Once more: a right that was just given is not known everywhere at once."
    sleep "$((pause * 4))"
    deploy_events "$id" "$location" "$topic" "$principal" || exit 1
  }
  delivering=$(lower "$(cut -f 1 "$scratch")")
  kept=$(lower "$(cut -f 2 "$scratch")")
  advice=$(cut -f 3 "$scratch")
  [ -z "$advice" ] || say "  $advice"
  [ "$delivering" = true ] || exit 1
  if [ "$kept" = true ]; then
    say "  It tells Tether of its changes; what cannot be delivered is kept."
  else
    say "  It tells Tether of its changes; what cannot be delivered is NOT kept."
  fi
)

onboard_group() {
  set -- "$1" az deployment mg create --management-group-id "$1" --location "$AZURE_LOCATION" --name "tether-$AZURE_LOCATION" \
    --template-file infra/onboard-management-group.bicep --parameters "principalId=$TETHER_PRINCIPAL_ID" \
    "functionId=$TETHER_FUNCTION_ID" "storageAccountId=$TETHER_STORAGE_ID" "delivery=$delivery" \
    "resourceGroupName=$group" "privilegedPrincipalId=${TETHER_PRIVILEGED_PRINCIPAL_ID:-}"
  managed=$1
  shift
  say "Management group $managed"
  if [ "${TETHER_ONBOARD_MANAGEMENT_GROUPS:-false}" = true ]; then
    "$@" -o none || return 1
    say "  Tether has its rights there, and Azure Policy sees to subscriptions that come."
  else
    say "  Not done yet: it takes an owner of the group. azd env set TETHER_ONBOARD_MANAGEMENT_GROUPS true, or run:"
    say "  $*"
  fi
  say "  For the subscriptions that exist, half an hour later, when Azure Policy has looked at them:"
  say "  az policy remediation create --management-group $managed --name tether-topics --policy-assignment tether-topics"
}

check_outputs
scratch=$(mktemp)
trap 'rm -f "$scratch"' EXIT
subscriptions=$(policy_values "$policy" scope subscriptions)
groups=$(policy_values "$policy" scope managementGroups)
[ "$delivery" != function ] || wait_for_function
left=''
# TETHER_ALSO_SUBSCRIPTIONS: those below a management group that have a topic already, which Azure Policy only reports.
for id in $subscriptions ${TETHER_ALSO_SUBSCRIPTIONS:-}; do
  onboard "$id" || left="$left $id"
done
for managed in $groups; do
  onboard_group "$managed" || left="$left $managed"
done
[ -z "$left" ] ||
  stop "These do not tell Tether of their changes:$left. The reason is above; then: azd hooks run postdeploy. Until then Tether finds what changes there by itself, a minute or more later."
