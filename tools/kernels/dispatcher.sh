#!/usr/bin/env bash
# Runs the tests of libxdp's dispatcher on a kernel that has extensions of programs, which not every host of a build has: boots Debian's 6.1 in qemu
# (no KVM needed, some minutes) over this machine's own files, which the guest reads by virtiofs and writes in memory. Exit 0: all passed, none skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly kernel=$PWD/out/kernels/6.1 work=$PWD/out/kernels/dispatcher tests=$PWD/tests/Datapath.KernelTests/bin/Release/net10.0/Datapath.KernelTests.dll
readonly virtiofsd=/usr/lib/qemu/virtiofsd
image=$(compgen -G "$kernel/boot/vmlinuz-*" | head -1 || true)
readonly image
[[ -n $image && -s $tests ]] || { echo '[dispatcher] tools/kernels/load.sh fetches the kernel and ./build.sh build makes the tests: run them first' >&2; exit 2; }

# A root of a shell and the modules that are needed before there is another one, in the order of their dependencies.
make_initrd() {
    local root=$work/root version=${image##*/vmlinuz-} number=10 module
    mkdir -p "$root"/{bin,dev,proc,sys,modules,lower,memory,merged}
    cp -L "$(command -v busybox)" "$root/bin/busybox"
    PATH=$PATH:/sbin:/usr/sbin depmod -b "$kernel" "$version"
    for module in virtio_pci virtiofs overlay veth sch_ingress cls_bpf; do
        PATH=$PATH:/sbin:/usr/sbin modprobe -d "$kernel" -S "$version" --show-depends "$module"
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r module; do
        cp "$module" "$root/modules/$((number++))-${module##*/}"
    done
    cat >"$root/init" <<INIT
#!/bin/busybox sh
b=/bin/busybox
\$b mount -t proc proc /proc && \$b mount -t sysfs sysfs /sys && \$b mount -t devtmpfs dev /dev
for module in /modules/*; do \$b insmod "\$module"; done
\$b mount -t virtiofs -o ro root /lower && \$b mount -t tmpfs -o size=50% memory /memory && \$b mkdir /memory/upper /memory/work
\$b mount -t overlay -o lowerdir=/lower,upperdir=/memory/upper,workdir=/memory/work merged /merged || \$b poweroff -f
\$b mount -t tmpfs run /merged/run
for kept in proc sys dev; do \$b mount --move /\$kept /merged/\$kept; done
\$b ln -sfn /proc/self/fd /merged/dev/fd
\$b cp /steps /merged/run/steps
exec \$b switch_root /merged /bin/bash /run/steps
INIT
    cat >"$root/steps" <<STEPS
export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DOTNET_NOLOGO=1
mount -t bpf bpf /sys/fs/bpf && mount -t cgroup2 cgroup /sys/fs/cgroup && ip link set lo up
cd $PWD && dotnet $tests -noLogo -noColor -class '*.XdpDispatcherTests' </dev/null
status=\$?
echo "GUEST: \$(uname -r) ended with \$status"
sync
echo o >/proc/sysrq-trigger
sleep 10
STEPS
    chmod 755 "$root/init"
    (cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1 >"$work/initrd")
}

rm -rf "$work"
mkdir -p "$work"
make_initrd
"$virtiofsd" --socket-path="$work/root.sock" -o source=/ -o cache=always -o sandbox=chroot -o xattr >"$work/virtiofsd.log" 2>&1 &
server=$!
# It ends with the guest; not where there was none.
trap 'kill "$server" 2>/dev/null || true' EXIT
for _ in {1..100}; do
    [[ -S $work/root.sock ]] && break
    sleep 0.1
done
timeout "${GUEST_SECONDS:-900}" qemu-system-x86_64 -M q35 -accel tcg -cpu max -smp 2 -m 2560 -nographic -no-reboot -kernel "$image" -initrd "$work/initrd" \
    -object memory-backend-memfd,id=memory,size=2560M,share=on -numa node,memdev=memory \
    -chardev socket,id=root,path="$work/root.sock" -device vhost-user-fs-pci,chardev=root,tag=root \
    -append 'console=ttyS0 quiet mitigations=off panic=-1 audit=0' </dev/null 2>&1 | tr -d '\r' >"$work/log" || true
grep -a -A1 'TEST EXECUTION SUMMARY' "$work/log" || { tail -n 40 "$work/log" "$work/virtiofsd.log" >&2; exit 1; }
if ! grep -aq 'Failed: 0, Skipped: 0,' "$work/log" || ! grep -a '^GUEST: .* ended with 0$' "$work/log"; then
    grep -a -A12 'FAIL\|SKIP' "$work/log" >&2
    exit 1
fi
