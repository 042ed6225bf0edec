#!/usr/bin/env bash
# What the build, the tests and the lab need; sourced by build.sh. Debian package, then a command or a file (globs allowed) that proves it is there.
# shellcheck disable=SC2034
readonly requirements=(
    'clang               clang'
    'llvm                llvm-objdump'
    'clang-format        clang-format'
    'libbpf-dev          /usr/include/bpf/libbpf.h'
    'libelf-dev          /usr/include/libelf.h'
    'zlib1g-dev          /usr/include/zlib.h'
    'libclang-14-dev     /usr/lib/llvm-*/lib/libclang.so'
    'libclang-rt-14-dev  /usr/lib/llvm-14/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a'
    'gcc                 gcc'
    'libc6-dev           /usr/include/stdio.h'
    'make                make'
    'bpftool             bpftool'
    'iproute2            tc'
    'iptables            iptables-save'
    'ipset               ipset'
    'nftables            nft'
    'conntrack           conntrack'
    'iputils-ping        ping'
    'curl                curl'
    'ca-certificates     /etc/ssl/certs/ca-certificates.crt'
    'zsh                 zsh'
    'fish                fish'
    'man-db              man'
    'groff-base          troff'
    'mandoc              mandoc'
    'systemd             systemd-analyze'
    'libxdp1             /usr/lib/*/libxdp.so.1'
    'libseccomp2         /usr/lib/*/libseccomp.so.2'
)
# What only `check` needs.
# shellcheck disable=SC2034
readonly check_requirements=('shellcheck       shellcheck')
