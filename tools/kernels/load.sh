#!/usr/bin/env bash
# Lets the verifiers of older kernels judge our programs: boots each in qemu (no KVM needed, half a minute) with nothing in it but bpftool and the
# object, and loads it. Where an older verifier gives up cannot be told on a newer kernel. Exit 0: every kernel loads every program.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# Debian's release, and the kernel in it: the oldest that we promise, and the one that most hosts have.
readonly kernels=('bullseye 5.10' 'bookworm 6.1')
readonly object=$PWD/bpf/out/segment.bpf.o work=$PWD/out/kernels
mirror=$(sed -n 's/^URIs: //p; s/^deb \(http[^ ]*\) .*/\1/p' /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | head -1 || true)
readonly mirror=${mirror:-http://deb.debian.org/debian}

# apt with lists of its own: the machine's releases stay as they are.
apt_of() {
    local release=$1 state=$work/apt-$1
    shift
    mkdir -p "$state/lists/partial"
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$mirror" "$release" >"$state/sources.list"
    "$1" -o "Dir::Etc::sourcelist=$state/sources.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$state/lists" \
        -o APT::Sandbox::User=root "${@:2}"
}

# The kernel's file, fetched once.
fetch() {
    local release=$1 version=$2 package image
    image=$(compgen -G "$work/$version/boot/vmlinuz-*" | head -1 || true)
    if [[ -z $image ]]; then
        apt_of "$release" apt-get update -qq >&2
        package=$(apt_of "$release" apt-cache search "^linux-image-${version//./\\.}[.0-9]*-[0-9]+-cloud-amd64\$" | awk '{ print $1 }' | sort -V | tail -1)
        [[ -n $package ]] || { echo "[kernels] $release has no kernel $version" >&2; return 1; }
        mkdir -p "$work/$version"
        (cd "$work/$version" && apt_of "$release" apt-get download -qq "$package" >&2 && dpkg-deb -x "$package"_*.deb .)
        image=$(compgen -G "$work/$version/boot/vmlinuz-*" | head -1)
    fi
    printf '%s\n' "$image"
}

# A root of a shell, bpftool with its libraries, and the object.
make_root() {
    local root=$work/root program library
    rm -rf "$root"
    mkdir -p "$root"/{bin,dev,proc,sys}
    cp -L "$(command -v busybox)" "$root/bin/busybox"
    program=$(command -v bpftool)
    cp -L "$program" "$root/bin/bpftool"
    # Not the script that some distributions have in bpftool's place.
    ldd "$root/bin/bpftool" | grep -o '/[^ ]*' | while read -r library; do
        install -D -m 755 "$(readlink -f "$library")" "$root$library"
    done
    cp "$object" "$root/segment.bpf.o"
    cat >"$root/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t bpf bpf /sys/fs/bpf
ulimit -l unlimited
if /bin/bpftool prog loadall /segment.bpf.o /sys/fs/bpf/programs >/log 2>&1; then
    echo "GUEST: $(/bin/busybox uname -r) loads" $(/bin/busybox ls /sys/fs/bpf/programs)
else
    /bin/busybox tail -n 30 /log
    echo "GUEST: $(/bin/busybox uname -r) refuses"
fi
/bin/busybox poweroff -f
INIT
    chmod 755 "$root/init"
    (cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1 >"$work/initrd")
}

[[ -s $object ]] || { echo '[kernels] ./build.sh bpf makes the object: run it first' >&2; exit 2; }
mkdir -p "$work"
make_root
refused=0
for kernel in "${kernels[@]}"; do
    read -r release version <<<"$kernel"
    image=$(fetch "$release" "$version") || exit 2
    timeout "${GUEST_SECONDS:-300}" qemu-system-x86_64 -accel tcg -m 1536 -nographic -no-reboot -kernel "$image" -initrd "$work/initrd" \
        -append 'console=ttyS0 quiet mitigations=off panic=1' </dev/null 2>&1 | tr -d '\r' >"$work/$version.log" || true
    if ! grep -ao 'GUEST: .* loads .*' "$work/$version.log"; then
        tail -n 40 "$work/$version.log" >&2
        refused=1
    fi
done
exit "$refused"
