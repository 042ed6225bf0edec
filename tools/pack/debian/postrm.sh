#!/usr/bin/env bash
# Maintainer script of the Debian package, after its files are gone; purge also takes configuration, policy and state.
set -e

case $1 in
    remove)
        if [[ -x /usr/bin/deb-systemd-helper ]]; then
            deb-systemd-helper mask datapath.service >/dev/null || true
        fi
        ;;
    purge)
        if [[ -x /usr/bin/deb-systemd-helper ]]; then
            deb-systemd-helper purge datapath.service >/dev/null || true
            deb-systemd-helper unmask datapath.service >/dev/null || true
        fi
        rm -rf /etc/datapath /var/lib/datapath /run/datapath
        if getent group datapath >/dev/null; then
            groupdel datapath
        fi
        ;;
esac
if [[ -d /run/systemd/system ]]; then
    systemctl --system daemon-reload >/dev/null || true
fi
