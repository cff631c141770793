# Sourced by the findings about the Kubernetes API server: builds etcd and kube-apiserver from the Go modules that
# tests/control-plane/kubernetes-1.37 pins (Kubernetes 1.37.2, etcd 3.7.0) into a temporary folder, and starts them on
# free ports of the loopback address. Needs go, curl, openssl and jq. `api PATH [curl arguments]` calls the server.
set -euo pipefail

readonly here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly folder=$(mktemp -d)
trap 'kill -KILL $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT

free_port() {
    local port
    while port=$((20000 + RANDOM % 10000)); (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
    echo "$port"
}

api() {
    local path=$1
    shift
    curl --silent --insecure --max-time 30 -H 'Authorization: Bearer finding' "$server$path" "$@"
}

cp "$here"/../tests/control-plane/kubernetes-1.37/go.{mod,sum} "$folder"
(cd "$folder" && CGO_ENABLED=0 GOWORK=off go build -mod=readonly -buildvcs=false -trimpath -o "$folder/" \
    go.etcd.io/etcd/server/v3 k8s.io/kubernetes/cmd/kube-apiserver)

readonly etcd=$(free_port) peer=$(free_port) port=$(free_port)
readonly server=https://127.0.0.1:$port
"$folder/server" --data-dir="$folder/etcd" --log-level=error \
    --listen-client-urls="http://127.0.0.1:$etcd" --advertise-client-urls="http://127.0.0.1:$etcd" \
    --listen-peer-urls="http://127.0.0.1:$peer" --initial-advertise-peer-urls="http://127.0.0.1:$peer" \
    --initial-cluster="default=http://127.0.0.1:$peer" >"$folder/etcd.log" 2>&1 &
openssl genrsa -out "$folder/key.pem" 2048 2>/dev/null
echo 'finding,finding,1,system:masters' >"$folder/tokens.csv"
"$folder/kube-apiserver" --etcd-servers="http://127.0.0.1:$etcd" --bind-address=127.0.0.1 --secure-port="$port" \
    --advertise-address=10.0.0.1 --endpoint-reconciler-type=none --cert-dir="$folder/certificates" \
    --token-auth-file="$folder/tokens.csv" --authorization-mode=AlwaysAllow \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$folder/key.pem" \
    --service-account-signing-key-file="$folder/key.pem" --service-cluster-ip-range=10.0.0.0/16 \
    >"$folder/kube-apiserver.log" 2>&1 &
for _ in $(seq 300); do
    [ "$(api /readyz || true)" = ok ] && break
    sleep 0.2
done
[ "$(api /readyz)" = ok ] || { tail -n 5 "$folder"/*.log >&2; exit 1; }
