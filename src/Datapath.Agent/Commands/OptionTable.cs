using System.Collections.Immutable;
using System.Globalization;
using Datapath.Agent.Configuration;
using Datapath.Backends.Ebpf;
using Datapath.Backends.Iptables;
using Datapath.Policy.Options;
using Datapath.Policy.Rulesets;

namespace Datapath.Agent.Commands;

/// <summary>Every option of every command, once. Parser, help texts and documents are made of these objects.</summary>
/// <param name="sources">Where values come from besides the command line.</param>
internal sealed partial class OptionTable(OptionSources sources)
{
    private static readonly EbpfOptions Defaults = new() { Instance = "" };

    /// <summary>Where the policy stands.</summary>
    public AgentOption<string> Policy { get; } = PolicyOption(sources);

    /// <summary>The same for commands that ask the agent when they are given no files; null then.</summary>
    public AgentOption<string?> PolicyInstead { get; } = PolicyInsteadOption(sources);

    /// <summary>The same for commands that need files, which a single one may be.</summary>
    public AgentOption<string> PolicyFiles { get; } = PolicyFilesOption(sources);

    /// <summary>Long lists in full.</summary>
    public AgentOption<bool> Full { get; } = FullOption(sources);

    /// <summary>Who opens a connection.</summary>
    public AgentOption<string> From { get; } = EndOption("--from", "Who opens the connection", sources);

    /// <summary>Who receives it.</summary>
    public AgentOption<string> To { get; } = EndOption("--to", "Who receives the connection", sources);

    /// <summary>Opt-in of the beta.</summary>
    public AgentOption<bool> EnableEbpf { get; } = EnableEbpfOption(sources);

    /// <summary>Which agent.</summary>
    public AgentOption<InstanceName> Instance { get; } = sources.Instance;

    /// <summary>Where the agent listens; null for the path that follows from the instance.</summary>
    public AgentOption<string?> Socket { get; } = SocketOption(sources);

    /// <summary>What outlives a restart; null for the directory that follows from the instance.</summary>
    public AgentOption<string?> StateDirectory { get; } = StateDirectoryOption(sources);

    /// <summary>Namespace of the host and of objects without one.</summary>
    public AgentOption<string> Namespace { get; } = NamespaceOption(sources);

    /// <summary>What the root namespace inherits.</summary>
    public AgentOption<DefaultAction> DefaultAction { get; } = DefaultActionOption(sources);

    /// <summary>Ports that keep the way in.</summary>
    public AgentOption<ImmutableArray<FailsafePort>> Failsafe { get; } = FailsafeOption(sources);

    /// <summary>For other programs.</summary>
    public AgentOption<bool> Json { get; } = JsonOption(sources);

    /// <summary>Where programs are attached.</summary>
    public AgentOption<TcHookChoice> TcHook { get; } = TcHookOption(sources);

    /// <summary>Whether packets are dropped early.</summary>
    public AgentOption<XdpChoice> Xdp { get; } = XdpOption(sources);

    /// <summary>Whether connections that policy rejects time out, as packets that are dropped do.</summary>
    public AgentOption<bool> NoEarlyReject { get; } = NoEarlyRejectOption(sources);

    /// <summary>What whoever opens a denied connection meets.</summary>
    public AgentOption<DeniedAnswer> RejectWith { get; } =
        Option("--reject-with", "drop|reset", "What whoever opens a denied TCP connection to this host meets: silence, or a reset, 100 a second of each CPU; eBPF only", "DATAPATH_REJECT_WITH", DeniedAnswer.Drop, "drop", OptionText.Answer, sources);

    /// <summary>TCP connections that are remembered for certain.</summary>
    public AgentOption<int> MaxTcpFlows { get; } =
        FlowLimitOption("--max-tcp-flows", "TCP connections", "DATAPATH_MAX_TCP_FLOWS", Defaults.MaxTcpFlows, sources);

    /// <summary>Flows of other protocols that are remembered for certain.</summary>
    public AgentOption<int> MaxOtherFlows { get; } =
        FlowLimitOption("--max-other-flows", "Answered flows of UDP and other protocols", "DATAPATH_MAX_OTHER_FLOWS", Defaults.MaxOtherFlows, sources);

    /// <summary>Flows that are not answered yet.</summary>
    public AgentOption<int> MaxNewFlows { get; } =
        FlowLimitOption("--max-new-flows", "Flows that nobody has answered yet, of TCP and of the others,", "DATAPATH_MAX_NEW_FLOWS", Defaults.MaxNewFlows, sources, "16384 and 1024 for each CPU");

    /// <summary>Kernel memory for policies, in MiB.</summary>
    public AgentOption<int> EbpfImageMemory { get; } = EbpfImageMemoryOption(sources);

    /// <summary>Kernel memory for what is remembered of packets, in MiB.</summary>
    public AgentOption<int> EbpfDigestMemory { get; } = EbpfDigestMemoryOption(sources);

    /// <summary>Bits of the packet mark that iptables may use.</summary>
    public AgentOption<uint> PacketMarkMask { get; } =
        Option("--packet-mark-mask", "MASK", "Bits of the packet mark that iptables rules use while they judge a packet, one run of 4 at least; more of them tell more groups of addresses apart", "DATAPATH_PACKET_MARK_MASK", IptablesOptions.DefaultPacketMarkMask, "0xffff0000", OptionText.PacketMark, sources);

    /// <summary>Bits of the connection mark that iptables may use.</summary>
    public AgentOption<uint> ConnectionMarkBits { get; } =
        Option("--connection-mark-bits", "MASK", "Three bits of the connection mark by which iptables rules know connections that policy let open; to be changed after a purge", "DATAPATH_CONNECTION_MARK_BITS", IptablesOptions.DefaultConnectionMarkBits, "0x70000000", OptionText.ConnectionMark, sources);

    /// <summary>How long a policy is on trial; null for one that stays.</summary>
    public AgentOption<TimeSpan?> ConfirmWithin { get; } = ConfirmWithinOption(sources);

    /// <summary>How long everything passes.</summary>
    public AgentOption<TimeSpan> PauseFor { get; } = PauseForOption(sources);

    /// <summary>Every instance.</summary>
    public AgentOption<bool> All { get; } = AllOption(sources);

    /// <summary>Only look.</summary>
    public AgentOption<bool> DryRun { get; } = DryRunOption(sources);

    /// <summary>Even so.</summary>
    public AgentOption<bool> Force { get; } = ForceOption(sources);

    private static AgentOption<string> PolicyOption(OptionSources sources) =>
        new()
        {
            Name = "--policy",
            ValueName = "DIR",
            Purpose = "Directory of the policy files (*.yaml, *.yml, *.json, in the order of their names); an empty or missing one is an empty policy",
            Environment = "DATAPATH_POLICY",
            IsRequired = true,
            Default = "",
            Read = OptionText.Path,
            Sources = sources,
        };

    // No variable: where the agent's own is set, asking the agent is what is meant.
    private static AgentOption<string?> PolicyInsteadOption(OptionSources sources) =>
        new()
        {
            Name = "--policy",
            ValueName = "FILE|DIR",
            Purpose = "Policy file, or directory of them, to look at instead of asking the running agent",
            Default = null,
            Read = OptionText.OptionalPath,
            Sources = sources,
        };

    private static AgentOption<string> PolicyFilesOption(OptionSources sources) =>
        new()
        {
            Name = "--policy",
            ValueName = "FILE|DIR",
            Purpose = "Policy file, or directory of them",
            Environment = "DATAPATH_POLICY",
            IsRequired = true,
            Default = "",
            Read = OptionText.Path,
            Sources = sources,
        };

    private static AgentOption<bool> FullOption(OptionSources sources) =>
        new()
        {
            Name = "--all",
            Purpose = "Do not shorten long lists; JSON never does",
            Default = false,
            Read = OptionText.Flag,
            Sources = sources,
        };

    private static AgentOption<string> EndOption(string name, string who, OptionSources sources) =>
        new()
        {
            Name = name,
            ValueName = "WHO",
            Purpose = $"{who}: an address, the name of a processing unit (web, /shop/web, host), or tags (app=web and env=p or app=db)",
            IsRequired = true,
            Default = "",
            Read = OptionText.Text,
            Sources = sources,
        };

    private static AgentOption<bool> EnableEbpfOption(OptionSources sources) =>
        new()
        {
            Name = "--enable-ebpf",
            Purpose = "Judge packets with eBPF (beta) instead of iptables",
            Environment = "DATAPATH_ENABLE_EBPF",
            Default = false,
            Read = OptionText.Flag,
            Sources = sources,
        };

    private static AgentOption<string?> SocketOption(OptionSources sources) =>
        new()
        {
            Name = "--socket",
            ValueName = "PATH",
            Purpose = "Unix socket of the agent",
            Environment = "DATAPATH_SOCKET",
            Default = null,
            DefaultText = "/run/datapath/NAME.sock, datapath.sock for the default instance",
            Read = OptionText.OptionalPath,
            Sources = sources,
        };

    private static AgentOption<string?> StateDirectoryOption(OptionSources sources) =>
        new()
        {
            Name = "--state-dir",
            ValueName = "DIR",
            Purpose = "Directory of what must outlive a restart",
            Environment = "DATAPATH_STATE_DIR",
            Default = null,
            DefaultText = "/var/lib/datapath/NAME",
            Read = OptionText.OptionalPath,
            Sources = sources,
        };

    private static AgentOption<string> NamespaceOption(OptionSources sources) =>
        new()
        {
            Name = "--namespace",
            ValueName = "NS",
            Purpose = "Absolute namespace of this host, and of every object that is written without one",
            Environment = "DATAPATH_NAMESPACE",
            Default = new PolicyOptions().Namespace,
            DefaultText = new PolicyOptions().Namespace,
            Read = OptionText.Namespace,
            Sources = sources,
        };

    private static AgentOption<DefaultAction> DefaultActionOption(OptionSources sources) =>
        new()
        {
            Name = "--default-action",
            ValueName = "allow|reject",
            Purpose = "What happens where no rule matches and no namespace says; allow is discovery mode",
            Environment = "DATAPATH_DEFAULT_ACTION",
            Default = new PolicyOptions().RootDefault,
            DefaultText = "allow",
            Read = OptionText.DefaultAction,
            Sources = sources,
        };

    private static AgentOption<ImmutableArray<FailsafePort>> FailsafeOption(OptionSources sources) =>
        new()
        {
            Name = "--failsafe",
            ValueName = "LIST|none",
            Purpose = "Ports of the host that stay open where no rule decides: in:tcp/22@10.0.0.0/8,out:udp/53,…",
            Environment = "DATAPATH_FAILSAFE",
            Default = FailsafePort.Defaults,
            DefaultText = OptionText.Of(FailsafePort.Defaults),
            Read = OptionText.Failsafe,
            Sources = sources,
        };

    private static AgentOption<TcHookChoice> TcHookOption(OptionSources sources) =>
        new()
        {
            Name = "--tc-hook",
            ValueName = "auto|tcx|clsact",
            Purpose = "Where in tc the eBPF programs sit; auto is tcx where the kernel has it (6.6), else clsact",
            Environment = "DATAPATH_TC_HOOK",
            Default = TcHookChoice.Auto,
            DefaultText = "auto",
            Read = OptionText.TcHook,
            Sources = sources,
        };

    private static AgentOption<XdpChoice> XdpOption(OptionSources sources) =>
        new()
        {
            Name = "--xdp",
            ValueName = "off|auto|require",
            Purpose = "Whether eBPF drops what tc would drop before that, in the driver of the host's interfaces: nowhere, where it can, or everywhere",
            Environment = "DATAPATH_XDP",
            Default = XdpChoice.Off,
            DefaultText = "off",
            Read = OptionText.Xdp,
            Sources = sources,
        };

    private static AgentOption<bool> NoEarlyRejectOption(OptionSources sources) =>
        new()
        {
            Name = "--no-early-reject",
            Purpose = "Let local programs wait for TCP connections that policy rejects, instead of refusing them at once (with eBPF only)",
            Environment = "DATAPATH_NO_EARLY_REJECT",
            Default = false,
            Read = OptionText.Flag,
            Sources = sources,
        };

    private static AgentOption<int> FlowLimitOption(string name, string what, string environment, int standard, OptionSources sources, string? inWords = null) =>
        new()
        {
            Name = name,
            ValueName = "N",
            Purpose = $"{what} that are remembered, of each address family; takes effect when the kernel objects are made, so after a purge",
            Environment = environment,
            Default = standard,
            DefaultText = inWords ?? standard.ToString(CultureInfo.InvariantCulture),
            Read = OptionText.FlowLimit,
            Sources = sources,
        };

    private static AgentOption<int> EbpfImageMemoryOption(OptionSources sources)
    {
        int standard = (int)(Defaults.ArenaBytes >> 20);
        return new()
        {
            Name = EbpfOptions.ArenaOption,
            ValueName = "MIB",
            Purpose = "Kernel memory for the tables of policies, three of which must fit, in MiB; takes effect when the kernel objects are made, so after a purge",
            Environment = "DATAPATH_EBPF_IMAGE_MEMORY",
            Default = standard,
            DefaultText = standard.ToString(CultureInfo.InvariantCulture),
            Read = OptionText.ImageMemory,
            Sources = sources,
        };
    }

    private static AgentOption<int> EbpfDigestMemoryOption(OptionSources sources)
    {
        int standard = (int)(Defaults.DigestBytes >> 20);
        return new()
        {
            Name = "--ebpf-digest-memory",
            ValueName = "MIB",
            Purpose = "Kernel memory in which programs remember the packets of the last second, in MiB; divided among the CPUs, which have 1.5 each at least",
            Environment = "DATAPATH_EBPF_DIGEST_MEMORY",
            Default = standard,
            DefaultText = standard.ToString(CultureInfo.InvariantCulture),
            Read = OptionText.DigestMemory,
            Sources = sources,
        };
    }

    private static AgentOption<bool> JsonOption(OptionSources sources) =>
        new()
        {
            Name = "--json",
            Purpose = "Answer in JSON",
            Default = false,
            Read = OptionText.Flag,
            Sources = sources,
        };

    private static AgentOption<TimeSpan?> ConfirmWithinOption(OptionSources sources) =>
        new()
        {
            Name = "--confirm-within",
            ValueName = "TIME",
            Purpose = "Go back by itself, in the kernel, unless `datapath confirm` comes within this time: 90s, 2m or 1h",
            Default = null,
            Read = text => OptionText.Time(text) is { Problem: { } problem } ? new OptionReading<TimeSpan?>(null, problem) : OptionText.Time(text).Value,
            Sources = sources,
        };

    private static AgentOption<TimeSpan> PauseForOption(OptionSources sources) =>
        new()
        {
            Name = "--for",
            ValueName = "TIME",
            Purpose = "How long: 90s, 10m or 1h",
            IsRequired = true,
            Default = TimeSpan.Zero,
            Read = OptionText.Time,
            Sources = sources,
        };

    private static AgentOption<bool> AllOption(OptionSources sources) =>
        new()
        {
            Name = "--all",
            Purpose = "Every instance that has pins on this machine, or programs in this network namespace",
            Default = false,
            Read = OptionText.Flag,
            Sources = sources,
        };

    private static AgentOption<bool> DryRunOption(OptionSources sources) =>
        new()
        {
            Name = "--dry-run",
            Purpose = "Only list what would be removed",
            Default = false,
            Read = OptionText.Flag,
            Sources = sources,
        };

    private static AgentOption<bool> ForceOption(OptionSources sources) =>
        new()
        {
            Name = "--force",
            Purpose = "Remove even though the agent runs; it may install everything again",
            Default = false,
            Read = OptionText.Flag,
            Sources = sources,
        };
}
