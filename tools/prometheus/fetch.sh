#!/usr/bin/env bash
# Prints the directory of prometheus and promtool, which it takes out of the Debian package first where they are not installed.
# Taken out and not installed: the package would start a server on port 9090 of this machine, now and at every boot.
set -euo pipefail

readonly cache=${XDG_CACHE_HOME:-$HOME/.cache}/datapath/prometheus

if found=$(command -v promtool) && command -v prometheus >/dev/null; then
    dirname "$found"
    exit
fi
if [[ ! -x $cache/promtool || ! -x $cache/prometheus ]]; then
    command -v apt-get >/dev/null || {
        printf 'prometheus and promtool are missing, and there is no apt-get here: put both on the path\n' >&2
        exit 2
    }
    printf '[prometheus] taking prometheus and promtool out of the Debian package, into %s\n' "$cache" >&2
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    chmod 755 "$work"
    cd "$work"
    apt-get download -qq prometheus >log 2>&1 || { apt-get update -qq && apt-get download -qq prometheus; } >>log 2>&1 || {
        cat log >&2
        exit 2
    }
    dpkg -x prometheus_*.deb root
    mkdir -p "$cache"
    # As a whole or not at all: others may look at the same time.
    for program in prometheus promtool; do
        cp "root/usr/bin/$program" "$cache/$program.$$"
        mv "$cache/$program.$$" "$cache/$program"
    done
fi
printf '%s\n' "$cache"
