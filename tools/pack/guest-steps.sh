#!/usr/bin/env bash
# Runs inside the guest of guest.sh at the end of each boot: the first installs the package and lets the agent hang, the second looks at
# the order of the boot and removes the package. Says what it saw, and switches the machine off.
set -u
export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive
readonly unit=datapath.service stage=/root/stage

# The first start of an emulated machine takes minutes before a line of the agent runs; nothing else of the unit is changed. After that the agent
# itself says that it is at work.
mkdir -p /etc/systemd/system/$unit.d
printf '[Service]\nTimeoutStartSec=600s\n' >/etc/systemd/system/$unit.d/emulated.conf

say() { echo "GUEST: $*"; }
end() {
    sync
    systemctl poweroff --force
    sleep 60
}
must() {
    local what=$1
    shift
    if "$@" >/tmp/said 2>&1; then
        say "ok: $what"
    else
        say "FAILED: $what: $(tail -5 /tmp/said | tr '\n' ' ')"
        journalctl --no-pager -u $unit | tail -40
        end
    fi
}
must_not() {
    local what=$1
    shift
    "$@" >/tmp/said 2>&1 && { say "FAILED: $what"; end; }
    say "ok: $what"
}
# An emulated machine may take longer than the patience of a command.
in_time() {
    for _ in {1..60}; do
        "$@" && return
        sleep 2
    done
    return 1
}
value() { systemctl show --value -p "$1" "${2:-$unit}"; }
answers() { ping -c 1 -W 2 10.0.2.2; }
says_what_waits() {
    for _ in {1..30}; do
        journalctl --no-pager -p warning -o cat -u $unit | grep -q '^time=.* event=1009 .*max-new-flows' && return
        sleep 1
    done
    return 1
}
is_restarted() {
    for _ in {1..300}; do
        [[ $(value NRestarts) -ge 1 && $(value MainPID) != "$1" && $(value ActiveState) == active ]] && return
        sleep 1
    done
    return 1
}
nothing_left() {
    local left
    left=$(
        find / -xdev -name '*datapath*' -not -path '/proc/*'
        ls -d /sys/fs/bpf/datapath 2>/dev/null
        iptables-save | grep 'dp\.'
        grep '^datapath:' /etc/group
    )
    echo "$left"
    [[ -z $left ]]
}
is_before() { (($(value "$1" "$2") > 0 && $(value "$1" "$2") <= $(value "$3" "$4"))); }

if [[ ! -e $stage ]]; then
    say "life 1: kernel $(uname -r), $(systemctl --version | head -1)"
    must 'without the agent the gateway answers' answers
    must 'the package installs' dpkg -i /root/datapath.deb
    must 'it runs' systemctl is-active $unit
    must 'it is enabled' systemctl is-enabled $unit
    must 'status is 0' in_time datapath status
    must 'in discovery mode the gateway answers' answers
    printf 'DATAPATH_ENABLE_EBPF=1\nDATAPATH_DEFAULT_ACTION=reject\nDATAPATH_POLICY=/etc/datapath/policy\n' >/etc/datapath/datapath.conf
    rm -rf /etc/systemd/system/$unit.d
    systemctl daemon-reload
    must 'it restarts with eBPF, in its own time' systemctl restart $unit
    must 'backend is eBPF' in_time sh -c 'datapath status | grep -q "^backend *ebpf"'
    must_not 'the gateway does not answer' answers
    hung=$(value MainPID)
    kill -STOP "$hung"
    must 'an agent that hangs is killed by the watchdog and started again' is_restarted "$hung"
    must 'the journal says so' sh -c "journalctl --no-pager -u $unit | grep -q 'Watchdog timeout'"
    must_not 'the gateway did not answer meanwhile either' answers
    must 'status is 0 again' in_time datapath status
    echo DATAPATH_MAX_NEW_FLOWS=32768 >>/etc/datapath/datapath.conf
    must 'reload' systemctl reload $unit
    must 'what waits for a restart is a warning in the journal' says_what_waits
    systemctl stop $unit
    datapath status >/dev/null 2>&1
    said=$?
    must 'status of a stopped agent is 3' test $said = 3
    must_not 'a stopped agent leaves the policy' answers
    touch $stage
    say 'life 1 passed'
    end
fi

say "life 2: $(systemd-analyze 2>/dev/null | head -1)"
must 'it runs' systemctl is-active $unit
must 'it was ready before network-pre.target' is_before ActiveEnterTimestampMonotonic $unit ActiveEnterTimestampMonotonic network-pre.target
must 'it was ready before the network was configured' is_before ActiveEnterTimestampMonotonic $unit ExecMainStartTimestampMonotonic systemd-networkd.service
say "ready at $(($(value ActiveEnterTimestampMonotonic) / 1000)) ms, network-pre.target at $(($(value ActiveEnterTimestampMonotonic network-pre.target) / 1000)) ms, networkd at $(($(value ExecMainStartTimestampMonotonic systemd-networkd.service) / 1000)) ms"
must 'there is an address, so DHCP passed the failsafe ports' sh -c 'ip -4 address show eth0 | grep -q 10.0.2'
must_not 'the gateway does not answer' answers
say "$(systemctl show -p MemoryCurrent -p CPUUsageNSec $unit | tr '\n' ' ')"
say "$(systemd-analyze security --no-pager $unit | tail -1)"
cp /usr/bin/datapath /root/agent
must 'the package is removed' dpkg -r datapath
must 'and enforcement with it' answers
must 'the configuration stays' test -e /etc/datapath/datapath.conf
rm -rf /etc/systemd/system/$unit.d
must 'the package is purged' dpkg -P datapath
rm /root/datapath.deb
must 'nothing is left' nothing_left
mkdir -p /etc/systemd/system/$unit.d
printf '[Service]\nTimeoutStartSec=600s\n' >/etc/systemd/system/$unit.d/emulated.conf
must 'the executable installs itself and starts' /root/agent install --now
must 'it runs' systemctl is-active $unit
must 'it is enabled' systemctl is-enabled $unit
must 'a second time nothing changes' sh -c '/root/agent install | grep -Ev "^(unchanged|kept) "; test $? = 1'
must 'it uninstalls itself' /usr/local/bin/datapath uninstall
rm -rf /etc/systemd/system/$unit.d
must 'nothing is left of that either' nothing_left
say 'life 2 passed'
end
