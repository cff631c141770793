#!/usr/bin/env bash
# Package: pkg/kstatus of sigs.k8s.io/cli-utils v0.37.2.
#
# Behaviour: of a custom resource it reads status.observedGeneration and the entries of status.conditions that have a
# type. Without any of them, and without a status, it takes the object for one that is done. Entries without a type
# are passed over, and other fields beside those of a condition as well.
#
# Seen: no-status Current, default InProgress, batches Current, waits InProgress, failed Failed, done Current,
# changed InProgress.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat > main.go <<'GO'
package main

import (
	"bufio"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(lines.Bytes()); err != nil {
			panic(err)
		}
		result, err := status.Compute(object)
		if err != nil {
			panic(err)
		}
		fmt.Println(object.GetName(), result.Status)
	}
}
GO
printf 'module finding\n\ngo 1.24\n\nrequire sigs.k8s.io/cli-utils v0.37.2\n' > go.mod
go mod tidy 2> /dev/null

flow() {
    printf '{"apiVersion": "apps.triton.io/v1alpha1", "kind": "DeployFlow",
        "metadata": {"name": "%s", "namespace": "default", "generation": %s}%s}' "$1" "$2" "${3:+, \"status\": $3}" | tr -d '\n'
    echo
}
condition() {
    echo "{\"batch\": 2, \"batchSize\": 1, \"type\": \"$1\", \"status\": \"True\", \"reason\": \"Any\", \"message\": \"any\"}"
}
batch='{"batch": 1, "batchSize": 1, "phase": "Baked", "pods": [{"name": "p"}]}'
seen=$({
    flow no-status 1 ''
    flow default 1 '{"observedGeneration": -1}'
    flow batches 1 "{\"observedGeneration\": 1, \"conditions\": [$batch]}"
    flow waits 1 "{\"observedGeneration\": 1, \"conditions\": [$batch, $(condition Reconciling)]}"
    flow failed 1 "{\"observedGeneration\": 1, \"conditions\": [$batch, $(condition Stalled)]}"
    flow done 1 "{\"observedGeneration\": 1, \"conditions\": [$batch, $(condition Ready)]}"
    flow changed 2 "{\"observedGeneration\": 1, \"conditions\": [$batch, $(condition Ready)]}"
} | go run . | paste -sd, | sed 's/,/, /g')
echo "$seen"
[ "$seen" = "no-status Current, default InProgress, batches Current, waits InProgress, failed Failed, done Current, changed InProgress" ]
