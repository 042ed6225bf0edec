#!/usr/bin/env bash
# Prints the directory of containerd, its tools, and the CNI plugins that the tests use, all of one Debian release; takes them out of the packages first.
# Never those that are installed: a machine's own containerd has its own version, and its plugins lie anywhere.
set -euo pipefail

exec "$(dirname "$0")/../take-out.sh" containerd 'containerd runc containernetworking-plugins' \
    usr/bin/containerd usr/bin/ctr usr/bin/containerd-shim-runc-v2 usr/sbin/runc usr/lib/cni/ptp usr/lib/cni/host-local
