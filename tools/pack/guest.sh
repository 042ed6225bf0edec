#!/usr/bin/env bash
# Boots a Debian 12 with systemd in qemu (no KVM needed), installs the Debian package there, and sees what only a boot shows: the policy in
# force before the network, a hung agent replaced by the watchdog, status, removal and purge. Exit 0: all as expected; the log goes to stdout.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly bare=$PWD/out/pack/bare.tar work=$PWD/out/pack/guest
package=$(compgen -G "$PWD/out/pack/datapath_*.deb" | head -1)
readonly package root=$work/root
[[ -s $bare ]] || { echo "[guest] tools/pack/try.sh makes $bare: run it first" >&2; exit 2; }

prepare() {
    rm -rf --one-file-system "$work"
    mkdir -p "$root"
    tar -C "$root" -xf "$bare"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    mount -t proc proc "$root/proc"
    chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive sh -c '
        apt-get update -qq && apt-get install -y -qq --no-install-recommends systemd systemd-sysv udev dbus kmod procps iproute2 iputils-ping \
            iptables ipset libbpf1 libssl3 linux-image-cloud-amd64 && apt-get clean' >&2
    umount "$root/proc"
    cp "$package" "$root/root/datapath.deb"
    install -m 755 tools/pack/guest-steps.sh "$root/root/steps.sh"
    echo /dev/vda / ext4 defaults 0 1 >"$root/etc/fstab"
    echo guest >"$root/etc/hostname"
    printf '[Match]\nName=e*\n[Network]\nDHCP=ipv4\n' >"$root/etc/systemd/network/80-dhcp.network"
    cat >"$root/etc/systemd/system/steps.service" <<'UNIT'
[Unit]
After=multi-user.target network-online.target
Wants=network-online.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'exec /root/steps.sh >/dev/console 2>&1'
TimeoutStartSec=infinity
[Install]
WantedBy=graphical.target
UNIT
    chroot "$root" systemctl --quiet enable steps.service systemd-networkd.service systemd-networkd-wait-online.service
    chroot "$root" systemctl --quiet mask serial-getty@ttyS0.service
    chroot "$root" systemctl --quiet set-default graphical.target
    cp "$root"/boot/vmlinuz-* "$work/vmlinuz"
    cp "$root"/boot/initrd.img-* "$work/initrd"
    mke2fs -q -t ext4 -d "$root" "$work/disk" 3G
    rm -rf --one-file-system "$root"
}

# One life of the machine; it switches itself off.
boot() {
    timeout "${GUEST_SECONDS:-1200}" qemu-system-x86_64 -accel tcg -m 1024 -smp 2 -nographic -no-reboot -kernel "$work/vmlinuz" -initrd "$work/initrd" \
        -drive "file=$work/disk,if=virtio,format=raw" -nic user,model=virtio-net-pci \
        -append 'root=/dev/vda rw console=ttyS0 net.ifnames=0 mitigations=off systemd.show_status=no quiet' </dev/null | sed -u 's/\r$//' | tee "$work/boot-$1.log" >&2
    grep -a '^GUEST: ' "$work/boot-$1.log"
}

if [[ ${1:-} != inside ]]; then
    exec unshare --mount --propagation private "$0" inside
fi

# What took minutes is made once for each package; each run has a copy, which the guest changes.
if [[ ! $work/fresh -nt $package ]]; then
    prepare
    mv "$work/disk" "$work/fresh"
fi
cp --sparse=always "$work/fresh" "$work/disk"
for life in 1 2; do
    boot "$life"
    grep -aq "^GUEST: life $life passed" "$work/boot-$life.log" || { echo "[guest] FAILED in life $life" >&2; exit 1; }
done
rm "$work/disk"
echo '[guest] booted, judged before the network, watched, removed and purged: as expected' >&2
