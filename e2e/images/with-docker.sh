#!/usr/bin/env bash
# Runs a command with a Docker engine: the one that is there, or else one of its own, which is gone afterwards.
#
#   e2e/images/with-docker.sh make e2e-compose
set -euo pipefail

if docker info >/dev/null 2>&1; then
    exec "$@"
fi
if [ "$(id -u)" != 0 ] || ! command -v dockerd >/dev/null; then
    echo "no Docker engine answers, and none can be started here: needs root and dockerd (Debian: docker.io)" >&2
    exit 1
fi

home=$(mktemp -d)
export DOCKER_HOST=unix://$home/docker.sock
engine=

stop() {
    # what it ends with when it is told to stop says nothing about the command
    [ -z "$engine" ] || { kill "$engine" 2>/dev/null && wait "$engine" || true; }
    # what it has mounted is its own to take away; what is left of it is files
    rm -rf "$home"
}
trap stop EXIT

start() { # start [DRIVER]: waits until it answers, or has ended
    dockerd --data-root "$home/data" --exec-root "$home/exec" --pidfile "$home/pid" -H "$DOCKER_HOST" \
        ${1:+--storage-driver "$1"} >"$home/log" 2>&1 &
    engine=$!
    for _ in $(seq 120); do
        docker info >/dev/null 2>&1 && return 0
        kill -0 "$engine" 2>/dev/null || return 1
        sleep 0.5
    done
    return 1
}

# not every file system can be layered: copying always works, and is slow
start || start vfs || { tail -20 "$home/log" >&2; exit 1; }
"$@"
