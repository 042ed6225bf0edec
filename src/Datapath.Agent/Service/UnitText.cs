using Datapath.Backends.Iptables;

namespace Datapath.Agent.Service;

/// <summary>The systemd unit of the agent.</summary>
/// <remarks>Why each line is what it is, and what was left out: docs/decisions/0033.</remarks>
internal static class UnitText
{
    /// <summary>The target that starts it.</summary>
    public const string WantedBy = "sysinit.target";

    /// <summary>The unit.</summary>
    /// <param name="executable">The installed executable, an absolute path.</param>
    public static string Of(string executable) =>
        $"""
        # Made by `datapath install`; changes belong into a drop-in (systemctl edit datapath).
        [Unit]
        Description=Datapath microsegmentation agent
        Documentation=man:datapath(8)
        DefaultDependencies=no
        # The confirmed policy judges before any interface is configured; somebody's firewall that flushes everything has done so before.
        Wants=network-pre.target
        Before=network-pre.target shutdown.target
        Conflicts=shutdown.target
        After=local-fs.target systemd-modules-load.service systemd-sysctl.service systemd-tmpfiles-setup.service
        After=nftables.service netfilter-persistent.service ufw.service
        # It is tried for ever: each attempt may find what the last one lacked.
        StartLimitIntervalSec=0

        [Service]
        Type=notify
        NotifyAccess=main
        # What the kernel would load by itself for the iptables backend, where it may; the agent itself cannot load modules.
        ExecStartPre=-+/sbin/modprobe -abq {string.Join(' ', IptablesBackend.KernelModules)}
        ExecStart={executable} run
        ExecReload=/bin/sh -c 'kill -HUP $MAINPID'
        # Not the whole group: a process of its own ends a trial or pause of the iptables backend, with the agent dead or stopped.
        KillMode=process
        Restart=on-failure
        RestartSec=2s
        TimeoutStartSec=90s
        TimeoutStopSec=15s
        WatchdogSec=60s
        Environment=DOTNET_EnableDiagnostics=0
        # Root, because packets are the kernel's; the group may ask for status, flows and events.
        Group={InstallLayout.Group}
        RuntimeDirectory=datapath
        RuntimeDirectoryMode=0750
        RuntimeDirectoryPreserve=restart
        StateDirectory=datapath
        StateDirectoryMode=0700
        UMask=0077
        LimitMEMLOCK=infinity
        OOMScoreAdjust=-500

        CapabilityBoundingSet=CAP_BPF CAP_DAC_READ_SEARCH CAP_NET_ADMIN CAP_NET_RAW CAP_PERFMON CAP_SYS_ADMIN CAP_SYS_RESOURCE
        NoNewPrivileges=yes
        ProtectSystem=strict
        # /run: the lock of iptables. A policy directory elsewhere that `datapath apply` shall write needs a line of its own in a drop-in.
        ReadWritePaths=/run -{InstanceName.ConfigurationDirectory}
        ProtectHome=read-only
        PrivateMounts=yes
        PrivateTmp=yes
        PrivateDevices=yes
        ProtectClock=yes
        ProtectHostname=yes
        ProtectKernelLogs=yes
        LockPersonality=yes
        # Packets, because `datapath ping` says whether its own left the host.
        RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET AF_INET6 AF_PACKET
        RestrictNamespaces=net
        RestrictRealtime=yes
        RestrictSUIDSGID=yes
        KeyringMode=private
        SystemCallArchitectures=native
        SystemCallFilter=@system-service bpf setns
        SystemCallErrorNumber=EPERM

        [Install]
        WantedBy={WantedBy}

        """;
}
