#!/bin/sh
# The agent of one workload: join.sh NAME NAMESPACE SERVICE_ACCOUNT [OPTION]...
set -eu
name=$1 namespace=$2 account=$3
shift 3
home=/var/lib/pilothouse
exec pilothouse agent --server control-plane:15012 --root-cert "$home/root-cert.pem" --join-token "$home/token" \
    --state-dir "$home/state" --run-dir /run/pilothouse --name "$name" --namespace "$namespace" --service-account "$account" "$@" \
    -- --concurrency 1
