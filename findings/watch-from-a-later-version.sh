#!/usr/bin/env bash
# Package: kube-apiserver of k8s.io/kubernetes v1.37.2, on etcd 3.7.0.
#
# Behaviour: a list that may not be older than a resource version which the server has not reached is refused with
# "Too large resource version". A watch from such a version is not: it is answered 200 and says nothing while objects
# are made. Once the server has passed the version, events come, and those of the objects made before are left out
# without an error. A client that kept its version over a restore of etcd from a backup loses changes in this way.
#
# Seen: list: 504 Timeout: Too large resource version; watch: 200, 10 of 30 events, no error.
source "$(dirname "${BASH_SOURCE[0]}")/apiserver.sh"

readonly maps=/api/v1/namespaces/default/configmaps
make() {
    api "$maps" -H 'Content-Type: application/json' \
        -d "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"$1\"}}"
}

now=$(make first | jq -r .metadata.resourceVersion)
later=$((now + 20))

refused=$(api "$maps?resourceVersion=$((now + 1000000))&resourceVersionMatch=NotOlderThan" | jq -r '"\(.code) \(.message)"')
echo "list not older than a later version: $refused"
[[ $refused == "504 "*"Too large resource version"* ]]

api "$maps?watch=true&resourceVersion=$later&timeoutSeconds=10" -w '\n%{http_code}\n' >"$folder/watch" &
watch=$!
sleep 2
for number in $(seq 30); do make "map-$number" >"$folder/made"; done
wait "$watch"

status=$(tail -n 1 "$folder/watch")
events=$(head -n -1 "$folder/watch" | jq -s '[.[] | select(.type == "ADDED")] | length')
first=$(head -n -1 "$folder/watch" | jq -s '[.[] | select(.type == "ADDED")][0].object.metadata.resourceVersion | tonumber')
errors=$(head -n -1 "$folder/watch" | jq -s '[.[] | select(.type == "ERROR")] | length')
echo "watch from a later version: status $status, $events of 30 events, $errors errors; first event beyond it: $((first > later))"
[ "$status" = 200 ] && [ "$errors" = 0 ] && [ "$events" -gt 0 ] && [ "$events" -lt 30 ] && [ "$first" -gt "$later" ]
