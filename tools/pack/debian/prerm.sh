#!/usr/bin/env bash
# Maintainer script of the Debian package, before its files go: on removal nothing may judge that nobody can ask about any more.
set -e

if [[ $1 == remove ]]; then
    if [[ -d /run/systemd/system ]]; then
        deb-systemd-invoke stop datapath.service
    fi
    datapath purge
fi
