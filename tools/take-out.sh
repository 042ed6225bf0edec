#!/usr/bin/env bash
# usage: take-out.sh NAME PACKAGES FILE…
# Takes files out of Debian packages without installing them, into a directory named NAME that it prints. Packages that bring a server would start it, now and at
# every boot of this machine. Files are named as in the package (usr/bin/ctr), and lie in the directory by their last part.
set -euo pipefail

readonly name=$1 packages=$2
readonly cache=${XDG_CACHE_HOME:-$HOME/.cache}/datapath/$name
shift 2

complete() {
    local file
    for file in "$@"; do
        [[ -x $cache/${file##*/} ]] || return 1
    done
}

if ! complete "$@"; then
    command -v apt-get >/dev/null || {
        printf 'missing: %s; there is no apt-get here: put what they bring on the path\n' "$packages" >&2
        exit 2
    }
    printf '[%s] taking %s out of the Debian packages %s, into %s\n' "$name" "${*##*/}" "$packages" "$cache" >&2
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    chmod 755 "$work"
    cd "$work"
    read -ra wanted <<<"$packages"
    apt-get download -qq "${wanted[@]}" >log 2>&1 || { apt-get update -qq && apt-get download -qq "${wanted[@]}"; } >>log 2>&1 || {
        cat log >&2
        exit 2
    }
    for package in *.deb; do
        dpkg -x "$package" root
    done
    mkdir -p "$cache"
    # As a whole or not at all: others may look at the same time.
    for file in "$@"; do
        cp "root/$file" "$cache/${file##*/}.$$"
        mv "$cache/${file##*/}.$$" "$cache/${file##*/}"
    done
fi
printf '%s\n' "$cache"
