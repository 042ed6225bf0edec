#!/usr/bin/env bash
# Maintainer script of the Debian package, after its files are there: group, unit, start.
set -e

if [[ $1 == configure ]]; then
    getent group datapath >/dev/null || groupadd --system datapath
    # These two know what an administrator has disabled or masked, and work where systemd is not there (yet).
    deb-systemd-helper unmask datapath.service >/dev/null || true
    if deb-systemd-helper --quiet was-enabled datapath.service; then
        deb-systemd-helper enable datapath.service >/dev/null || true
    else
        deb-systemd-helper update-state datapath.service >/dev/null || true
    fi
    if [[ -d /run/systemd/system ]]; then
        systemctl --system daemon-reload >/dev/null || true
        # An agent that is replaced: packets are judged meanwhile. One that cannot start says why in the journal, and is no reason
        # to leave the package half configured.
        deb-systemd-invoke "$([[ -n ${2:-} ]] && echo restart || echo start)" datapath.service || true
    fi
fi
