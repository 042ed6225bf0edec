#!/usr/bin/env bash
# Tries the Debian package on a bare Debian 12 (debootstrap, no .NET): installs it, runs the demo with the installed agent, removes
# and purges it. Everything happens in mount and network namespaces of its own. Exit 0: all as expected.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly bare=$PWD/out/pack/bare.tar root=$PWD/out/pack/root
package=$(compgen -G "$PWD/out/pack/datapath_*.deb" | head -1)
mirror=$(sed -n 's/^URIs: //p; s/^deb \(http[^ ]*\) .*/\1/p' /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | head -1 || true)
readonly package mirror

fail() {
    echo "[pack] FAILED: $*" >&2
    exit 1
}
inside() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }

# A second pass, in namespaces that end with it.
if [[ ${1:-} != inside ]]; then
    if [[ ! -s $bare ]]; then
        rm -rf --one-file-system "$root"
        debootstrap --variant=minbase bookworm "$root" "${mirror:-http://deb.debian.org/debian}" >&2
        tar -C "$root" -cf "$bare.part" .
        mv "$bare.part" "$bare"
    fi
    # Whatever the tree is like: it goes before anything is mounted in it and after everything has gone with its namespace, and never
    # across a mount: pins of the machine are seen in there.
    work=$(mktemp -d)
    status=0
    rm -rf --one-file-system "$root"
    unshare --mount --propagation private "$0" inside "$work" || status=$?
    rm -rf --one-file-system "$root" "$work"
    exit "$status"
fi

mkdir -p "$root"
tar -C "$root" -xf "$bare"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --bind /sys/fs/bpf "$root/sys/fs/bpf"
# Not those of the machine: nodes of its own.
mount -t tmpfs none "$root/dev"
for node in null:3 zero:5 full:7 random:8 urandom:9; do
    mknod -m 666 "$root/dev/${node%:*}" c 1 "${node#*:}"
done
ln -s /proc/self/fd "$root/dev/fd"
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp "$package" "$root/datapath.deb"

before=$(inside find / -xdev -not -path '/var/*' -not -path '/proc*' -name '*datapath*' -not -name 'datapath.deb')
[[ -z $before ]] || fail "the bare system is not bare: $before"
inside apt-get update -qq
inside apt-get install -y -qq --no-install-recommends /datapath.deb libbpf1 >&2
inside sh -c '! command -v dotnet' || fail '.NET is there: this proves nothing'
inside datapath version
inside getent group datapath >/dev/null || fail 'no group'
inside test -L /etc/systemd/system/sysinit.target.wants/datapath.service || fail 'not enabled'
inside datapath config
inside datapath doctor || true

# The demo with the installed agent in the place of the built one: chroot changes what it sees of files, nothing else.
readonly work=$2
mkdir -p "$root$work"
mount --bind "$work" "$root$work"
cat >"$work/agent" <<AGENT
#!/bin/sh
exec chroot "$root" /usr/bin/datapath "\$@"
AGENT
chmod +x "$work/agent"
for backend in ebpf iptables; do
    dotnet tools/lab/bin/Release/net10.0/Datapath.Lab.dll demo --agent "$work/agent" --example examples/three-tier \
        --work "$work/$backend" --instance "pack-$$" --prefix "dpp-$$" --backend "$backend" || fail "the demo with $backend"
done

inside apt-get remove -y -qq datapath >&2
inside test -e /etc/datapath/datapath.conf || fail 'removing took the configuration'
inside sh -c '! command -v datapath' || fail 'removing left the executable'
inside apt-get purge -y -qq datapath >&2
inside rm /datapath.deb
left=$(inside find / -xdev -not -path '/proc*' -not -path "$work*" -name '*datapath*' -not -path '/var/cache/*' -not -path '/var/lib/apt/*')
[[ -z $left ]] || fail "purging left $left"
inside sh -c '! getent group datapath' || fail 'purging left the group'
echo "[pack] installed, judged, removed and purged on a bare Debian 12: as expected" >&2
