#!/usr/bin/env bash
# Package: kube-apiserver of k8s.io/kubernetes v1.37.2, resource events of events.k8s.io/v1.
#
# Behaviour: the note of an event "can have at most 1024 characters", but bytes of UTF-8 are counted. A note of 513
# letters of two bytes each is refused with that sentence; 512 of them are taken.
#
# Seen: 512 letters: 201; 513 letters: 422 can have at most 1024 characters.
source "$(dirname "${BASH_SOURCE[0]}")/apiserver.sh"

event() {
    local note
    note=$(printf 'é%.0s' $(seq "$1"))
    api /apis/events.k8s.io/v1/namespaces/default/events -H 'Content-Type: application/json' -w '\n%{http_code}' -d "{
        \"apiVersion\": \"events.k8s.io/v1\", \"kind\": \"Event\", \"metadata\": {\"name\": \"note-$1\"},
        \"eventTime\": \"2026-01-01T00:00:00.000000Z\", \"reportingController\": \"example.org/finding\",
        \"reportingInstance\": \"finding-1\", \"action\": \"Write\", \"reason\": \"Written\", \"type\": \"Normal\",
        \"regarding\": {\"kind\": \"ConfigMap\", \"namespace\": \"default\", \"name\": \"any\"}, \"note\": \"$note\"}"
}

taken=$(event 512 | tail -n 1)
answer=$(event 513)
refused=$(tail -n 1 <<<"$answer")
message=$(head -n -1 <<<"$answer" | jq -r .message)
echo "512 letters of two bytes: $taken; 513: $refused $message"
[ "$taken" = 201 ] && [ "$refused" = 422 ] && [[ $message == *"can have at most 1024 characters"* ]]
