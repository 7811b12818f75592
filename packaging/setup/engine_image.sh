#!/usr/bin/env bash
# Makes the image that the tests' own Docker engine runs, once per machine: Debian's packages, no registry is asked.
# tests/support/paths.py names the place; a newer image has another name. About a minute, 300 MB. Needs root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
image=$(.venv/bin/python -m tests.support.paths engine-image)
[ ! -e "$image" ] || exit 0
echo "Building the image of the tests' Docker engine (once)"
mkdir -p "$(dirname "$image")"
work=$(mktemp -d "$image.making-XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
debootstrap --variant=minbase \
    --include=python3,python3-pip,python3-venv,openssh-server,rsync,git,curl,ca-certificates \
    bookworm "$work/root" >"$work/log" 2>&1 || { tail -20 "$work/log" >&2; exit 1; }
tar -C "$work/root" --exclude='./var/cache/apt/archives/*.deb' -cf "$work/image.tar" .
mv "$work/image.tar" "$image"
