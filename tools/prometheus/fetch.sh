#!/usr/bin/env bash
# Prints the directory of prometheus and promtool, which it takes out of the Debian package first where they are not installed.
set -euo pipefail

if found=$(command -v promtool) && command -v prometheus >/dev/null; then
    dirname "$found"
    exit
fi
exec "$(dirname "$0")/../take-out.sh" prometheus prometheus usr/bin/prometheus usr/bin/promtool
