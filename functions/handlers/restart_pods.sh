#!/bin/sh
# Restarts the workloads of a cluster that may hold an old address of its API server, a few at a time.
#
#   sh restart_pods.sh list    MOVE MOST SECONDS NAMESPACE...    tells what would be restarted, and changes nothing
#   sh restart_pods.sh restart MOVE MOST SECONDS NAMESPACE...    restarts MOST of them, and waits SECONDS in all
#
# Pods with hostNetwork or with dnsPolicy Default ask the node's resolvers, and may have been started with the old
# answer. A restart is a patch of the pod template's annotation tether/restarted-for with MOVE. What has it already is
# not patched again, so that running this twice, or again after it was cut off half-way, changes nothing more. While a
# rollout does not come to its end nothing else is restarted.
#
# Needs kubectl, and an identity in the cluster that may list and watch pods, replicasets, deployments, daemonsets and
# statefulsets of the namespaces, and patch the last three. Only what this prints in lines that begin with {"tether":1
# is meant for a program. Exit codes: 0 done as far as the lines say, 1 kubectl failed, 2 used wrongly, 3 no kubectl,
# 4 not permitted.
set -eu

alive=status.phase!=Succeeded,status.phase!=Failed
NAMED=20 # of what is to come and of what is left to people, so many are named; all are counted

refuse() {
    echo "restart_pods.sh: $1" >&2
    exit 2
}

is_number() {
    case $1 in '' | *[!0-9]* | ??????*) return 1 ;; esac
}

# kubectl's own words go to a file, since they name people. What is not permitted ends all of it with exit code 4.
asked() {
    if kubectl "$@" >"$work/answer" 2>"$work/error" </dev/null; then
        return 0
    fi
    # A webhook that denies one patch says Forbidden too, and not whom it forbids what.
    if grep -q '(Unauthorized)\|is forbidden: User .* cannot ' "$work/error"; then
        echo "restart_pods.sh: not permitted: kubectl $1 $2" >&2
        exit 4
    fi
    return 1
}

# One line for each workload: kind, namespace, name, whether it was patched for this move, its strategy, and whether its
# rollout is over (yes, no, none: it has no pods to restart).
found_in() {
    asked get deployments.apps,daemonsets.apps,statefulsets.apps,replicasets.apps -n "$1" -o "go-template=$workloads" ||
        return 1
    while read -r kind name patched strategy generation observed desired held updated available; do
        over=no
        if [ "$desired" -le 0 ]; then
            over=none
        elif [ "$observed" -ge "$generation" ] && [ "$updated" -ge "$desired" ] && [ "$held" -le "$updated" ] &&
            [ "$available" -ge "$desired" ]; then
            over=yes
        fi
        echo "$kind $1 $name $patched $strategy $over"
    done <"$work/answer" >>"$work/found"
    asked get pods -n "$1" --field-selector="$alive" -o "go-template=$pods" || return 1
    sort -u "$work/answer" | while read -r kind name; do
        # Nobody checks what an owner is called: it could be written so as to pass for a line of ours.
        case $kind$name in *[!0-9A-Za-z.-]*) kind=Pod name=of-an-owner-with-a-strange-name ;; esac
        echo "$kind $1 $name no Bare no"
    done >>"$work/found"
}

# Its arguments are a state, kind, namespace and name. Kubernetes' names hold nothing that JSON would have to escape.
tell() {
    printf '{"tether":1,"state":"%s","kind":"%s","namespace":"%s","name":"%s"}\n' "$1" "$2" "$3" "$4"
}

# The resource of a kind: a kind alone could be that of some operator's own.
resource() {
    case $1 in Deployment) echo deployments.apps ;; DaemonSet) echo daemonsets.apps ;; *) echo statefulsets.apps ;; esac
}

# Ends as kubectl does: 0 when the rollout is over within the time that is left.
rolled_out() {
    remains=$((deadline - $(date +%s)))
    [ "$remains" -gt 0 ] || return 1
    asked rollout status "$(resource "$1")/$3" -n "$2" --timeout="${remains}s"
}

patched() {
    asked patch "$(resource "$1")" "$3" -n "$2" --type=strategic -p "$patch"
}

[ $# -ge 5 ] || refuse "needs list or restart, a move, a number, seconds and namespaces"
mode=$1 move=$2 most=$3 seconds=$4
shift 4
case $mode in list | restart) ;; *) refuse "list or restart, not the first argument" ;; esac
case $move in '' | *[!0-9a-f]*) refuse "a move is hexadecimal" ;; esac
is_number "$most" || refuse "the third argument is a number"
is_number "$seconds" || refuse "the fourth argument is a number of seconds"
for namespace in "$@"; do
    case $namespace in '' | -* | *- | *[!0-9a-z-]*) refuse "an argument is not the name of a namespace" ;; esac
done
command -v kubectl >/dev/null || exit 3

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: >"$work/found"
deadline=$(($(date +%s) + seconds))
patch='{"spec":{"template":{"metadata":{"annotations":{"tether/restarted-for":"'$move'"}}}}}'

# The templates print no free text but the names of owners: the annotation is compared, not told.
workloads=$(sed "s/@move@/$move/" <<'TEMPLATE'
{{- range .items -}}
  {{- $template := .spec.template -}}
  {{- $owned := false -}}
  {{- range .metadata.ownerReferences }}{{ if eq .kind "Deployment" }}{{ $owned = true }}{{ end }}{{ end -}}
  {{- $mine := "no" -}}
  {{- with $template.metadata }}{{ with .annotations }}{{ with index . "tether/restarted-for" -}}
    {{- if eq . "@move@" }}{{ $mine = "yes" }}{{ end -}}
  {{- end }}{{ end }}{{ end -}}
  {{- $strategy := "Rolling" -}}
  {{- with .spec.updateStrategy -}}
    {{- if eq (or .type "RollingUpdate") "OnDelete" }}{{ $strategy = "OnDelete" }}{{ end -}}
    {{- with .rollingUpdate }}{{ with .partition }}{{ $strategy = "Partitioned" }}{{ end }}{{ end -}}
  {{- end -}}
  {{- if .spec.paused }}{{ $strategy = "Paused" }}{{ end -}}
  {{- if eq .kind "ReplicaSet" }}{{ $strategy = "Bare" }}{{ end -}}
  {{- $concerned := or $template.spec.hostNetwork (eq (or $template.spec.dnsPolicy "ClusterFirst") "Default") -}}
  {{- if and $concerned (not $owned) -}}
    {{- .kind }} {{ .metadata.name }} {{ $mine }} {{ $strategy }} {{ .metadata.generation }}
    {{- " " }}{{ or .status.observedGeneration 0 }}
    {{- if eq .kind "DaemonSet" }} {{ or .status.desiredNumberScheduled 0 }} {{ or .status.updatedNumberScheduled 0 }}
      {{- " " }}{{ or .status.updatedNumberScheduled 0 }} {{ or .status.numberAvailable 0 }}
    {{- else }} {{ or .spec.replicas 0 }} {{ or .status.replicas 0 }}
      {{- " " }}{{ or .status.updatedReplicas 0 }} {{ or .status.availableReplicas 0 }}
    {{- end }}{{ "\n" -}}
  {{- end -}}
{{- end -}}
TEMPLATE
)
# Pods that no workload above owns, under their owner's name: a Job, an operator's kind. A node's own are its files.
pods=$(cat <<'TEMPLATE'
{{- range .items -}}
  {{- if or .spec.hostNetwork (eq (or .spec.dnsPolicy "ClusterFirst") "Default") -}}
    {{- $owner := "" -}}{{- $name := "" -}}
    {{- range .metadata.ownerReferences }}{{ if .controller }}{{ $owner = .kind }}{{ $name = .name }}{{ end }}{{ end -}}
    {{- if not $owner }}Pod {{ .metadata.name }}{{ "\n" -}}
    {{- else if not (eq $owner "ReplicaSet" "DaemonSet" "StatefulSet" "Node") -}}
      {{- $owner }} {{ $name }}{{ "\n" -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
TEMPLATE
)

for namespace in "$@"; do
    found_in "$namespace" || exit 1
done

restarted=0 waiting=0 refused=0 left=0 by_hand=0

# First those that were patched before: what does not come up again holds up the rest.
while read -r kind namespace name mine _ over; do
    if [ "$mine" = yes ] && [ "$over" = no ]; then
        if [ "$mode" = restart ] && rolled_out "$kind" "$namespace" "$name"; then
            restarted=$((restarted + 1))
            tell restarted "$kind" "$namespace" "$name"
        else
            waiting=$((waiting + 1))
            tell waiting "$kind" "$namespace" "$name"
        fi
    fi
done <"$work/found"

: >"$work/patched"
free=$most
if [ "$waiting" -gt 0 ] || [ "$mode" = list ]; then free=0; fi
while read -r kind namespace name mine strategy over; do
    if [ "$mine" = yes ] || [ "$over" = none ]; then continue; fi
    case $strategy in Bare | OnDelete | Partitioned | Paused)
        by_hand=$((by_hand + 1))
        [ "$by_hand" -gt "$NAMED" ] || tell by-hand "$kind" "$namespace" "$name"
        continue
        ;;
    esac
    if [ "$free" -le 0 ]; then
        left=$((left + 1))
        [ "$left" -gt "$NAMED" ] || tell left "$kind" "$namespace" "$name"
    elif patched "$kind" "$namespace" "$name"; then
        free=$((free - 1))
        echo "$kind $namespace $name" >>"$work/patched"
    else
        refused=$((refused + 1))
        [ "$refused" -gt "$NAMED" ] || tell refused "$kind" "$namespace" "$name"
    fi
done <"$work/found"

while read -r kind namespace name; do
    if rolled_out "$kind" "$namespace" "$name"; then
        restarted=$((restarted + 1))
        tell restarted "$kind" "$namespace" "$name"
    else
        waiting=$((waiting + 1))
        tell waiting "$kind" "$namespace" "$name"
    fi
done <"$work/patched"

printf '{"tether":1,"state":"end","move":"%s","mode":"%s",' "$move" "$mode"
printf '"restarted":%d,"waiting":%d,"refused":%d,"left":%d,"byHand":%d}\n' \
    "$restarted" "$waiting" "$refused" "$left" "$by_hand"
