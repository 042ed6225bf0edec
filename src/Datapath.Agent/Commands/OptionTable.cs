using System.Collections.Immutable;
using System.Globalization;
using Datapath.Backends.Ebpf;
using Datapath.Policy.Options;
using Datapath.Policy.Rulesets;

namespace Datapath.Agent.Commands;

/// <summary>Every option of every command, once. Parser, help texts and documents are made of these objects.</summary>
/// <param name="variables">Looks up a variable of the environment.</param>
internal sealed partial class OptionTable(Func<string, string?> variables)
{
    private static readonly EbpfOptions Defaults = new() { Instance = "" };

    /// <summary>Where the policy stands.</summary>
    public AgentOption<string> Policy { get; } = PolicyOption(variables);

    /// <summary>The same for commands that ask the agent when they are given no files; null then.</summary>
    public AgentOption<string?> PolicyInstead { get; } = PolicyInsteadOption(variables);

    /// <summary>The same for commands that need files, which a single one may be.</summary>
    public AgentOption<string> PolicyFiles { get; } = PolicyFilesOption(variables);

    /// <summary>Long lists in full.</summary>
    public AgentOption<bool> Full { get; } = FullOption(variables);

    /// <summary>Who opens a connection.</summary>
    public AgentOption<string> From { get; } = EndOption("--from", "Who opens the connection", variables);

    /// <summary>Who receives it.</summary>
    public AgentOption<string> To { get; } = EndOption("--to", "Who receives the connection", variables);

    /// <summary>Opt-in of the beta.</summary>
    public AgentOption<bool> EnableEbpf { get; } = EnableEbpfOption(variables);

    /// <summary>Which agent.</summary>
    public AgentOption<InstanceName> Instance { get; } = InstanceOption(variables);

    /// <summary>Where the agent listens; null for the path that follows from the instance.</summary>
    public AgentOption<string?> Socket { get; } = SocketOption(variables);

    /// <summary>What outlives a restart; null for the directory that follows from the instance.</summary>
    public AgentOption<string?> StateDirectory { get; } = StateDirectoryOption(variables);

    /// <summary>Namespace of the host and of objects without one.</summary>
    public AgentOption<string> Namespace { get; } = NamespaceOption(variables);

    /// <summary>What the root namespace inherits.</summary>
    public AgentOption<DefaultAction> DefaultAction { get; } = DefaultActionOption(variables);

    /// <summary>Ports that keep the way in.</summary>
    public AgentOption<ImmutableArray<FailsafePort>> Failsafe { get; } = FailsafeOption(variables);

    /// <summary>For other programs.</summary>
    public AgentOption<bool> Json { get; } = JsonOption(variables);

    /// <summary>Where programs are attached.</summary>
    public AgentOption<TcHookChoice> TcHook { get; } = TcHookOption(variables);

    /// <summary>TCP connections that are remembered for certain.</summary>
    public AgentOption<int> MaxTcpFlows { get; } =
        FlowLimitOption("--max-tcp-flows", "TCP connections", "DATAPATH_MAX_TCP_FLOWS", Defaults.MaxTcpFlows, variables);

    /// <summary>Flows of other protocols that are remembered for certain.</summary>
    public AgentOption<int> MaxOtherFlows { get; } =
        FlowLimitOption("--max-other-flows", "Answered flows of UDP and other protocols", "DATAPATH_MAX_OTHER_FLOWS", Defaults.MaxOtherFlows, variables);

    /// <summary>Flows that are not answered yet.</summary>
    public AgentOption<int> MaxNewFlows { get; } =
        FlowLimitOption("--max-new-flows", "Flows that nobody has answered yet, of TCP and of the others,", "DATAPATH_MAX_NEW_FLOWS", Defaults.MaxNewFlows, variables, "16384 and 1024 for each CPU");

    /// <summary>How long a policy is on trial; null for one that stays.</summary>
    public AgentOption<TimeSpan?> ConfirmWithin { get; } = ConfirmWithinOption(variables);

    /// <summary>How long everything passes.</summary>
    public AgentOption<TimeSpan> PauseFor { get; } = PauseForOption(variables);

    /// <summary>Every instance.</summary>
    public AgentOption<bool> All { get; } = AllOption(variables);

    /// <summary>Only look.</summary>
    public AgentOption<bool> DryRun { get; } = DryRunOption(variables);

    /// <summary>Even so.</summary>
    public AgentOption<bool> Force { get; } = ForceOption(variables);

    private static AgentOption<string> PolicyOption(Func<string, string?> variables) =>
        new()
        {
            Name = "--policy",
            ValueName = "DIR",
            Purpose = "Directory of the policy files (*.yaml, *.yml, *.json, in the order of their names); an empty or missing one is an empty policy",
            Environment = "DATAPATH_POLICY",
            IsRequired = true,
            Default = "",
            Read = OptionText.Path,
            Variables = variables,
        };

    // No variable: where the agent's own is set, asking the agent is what is meant.
    private static AgentOption<string?> PolicyInsteadOption(Func<string, string?> variables) =>
        new()
        {
            Name = "--policy",
            ValueName = "FILE|DIR",
            Purpose = "Policy file, or directory of them, to look at instead of asking the running agent",
            Default = null,
            Read = OptionText.OptionalPath,
            Variables = variables,
        };

    private static AgentOption<string> PolicyFilesOption(Func<string, string?> variables) =>
        new()
        {
            Name = "--policy",
            ValueName = "FILE|DIR",
            Purpose = "Policy file, or directory of them",
            Environment = "DATAPATH_POLICY",
            IsRequired = true,
            Default = "",
            Read = OptionText.Path,
            Variables = variables,
        };

    private static AgentOption<bool> FullOption(Func<string, string?> variables) =>
        new()
        {
            Name = "--all",
            Purpose = "Do not shorten long lists; JSON never does",
            Default = false,
            Read = OptionText.Flag,
            Variables = variables,
        };

    private static AgentOption<string> EndOption(string name, string who, Func<string, string?> variables) =>
        new()
        {
            Name = name,
            ValueName = "WHO",
            Purpose = $"{who}: an address, the name of a processing unit (web, /shop/web, host), or tags (app=web and env=p or app=db)",
            IsRequired = true,
            Default = "",
            Read = OptionText.Text,
            Variables = variables,
        };

    private static AgentOption<bool> EnableEbpfOption(Func<string, string?> variables) =>
        new()
        {
            Name = "--enable-ebpf",
            Purpose = "Judge packets with eBPF (beta) instead of iptables",
            Environment = "DATAPATH_ENABLE_EBPF",
            Default = false,
            Read = OptionText.Flag,
            Variables = variables,
        };

    private static AgentOption<InstanceName> InstanceOption(Func<string, string?> variables) =>
        new()
        {
            Name = "--instance",
            ValueName = "NAME",
            Purpose = "Name of the agent; names its socket, its state directory and every kernel object",
            Environment = "DATAPATH_INSTANCE",
            Default = InstanceName.Default,
            DefaultText = InstanceName.Default.Text,
            Read = OptionText.Instance,
            Variables = variables,
        };

    private static AgentOption<string?> SocketOption(Func<string, string?> variables) =>
        new()
        {
            Name = "--socket",
            ValueName = "PATH",
            Purpose = "Unix socket of the agent",
            Environment = "DATAPATH_SOCKET",
            Default = null,
            DefaultText = "/run/datapath/NAME.sock, datapath.sock for the default instance",
            Read = OptionText.OptionalPath,
            Variables = variables,
        };

    private static AgentOption<string?> StateDirectoryOption(Func<string, string?> variables) =>
        new()
        {
            Name = "--state-dir",
            ValueName = "DIR",
            Purpose = "Directory of what must outlive a restart",
            Environment = "DATAPATH_STATE_DIR",
            Default = null,
            DefaultText = "/var/lib/datapath/NAME",
            Read = OptionText.OptionalPath,
            Variables = variables,
        };

    private static AgentOption<string> NamespaceOption(Func<string, string?> variables) =>
        new()
        {
            Name = "--namespace",
            ValueName = "NS",
            Purpose = "Absolute namespace of this host, and of every object that is written without one",
            Environment = "DATAPATH_NAMESPACE",
            Default = new PolicyOptions().Namespace,
            DefaultText = new PolicyOptions().Namespace,
            Read = OptionText.Namespace,
            Variables = variables,
        };

    private static AgentOption<DefaultAction> DefaultActionOption(Func<string, string?> variables) =>
        new()
        {
            Name = "--default-action",
            ValueName = "allow|reject",
            Purpose = "What happens where no rule matches and no namespace says; allow is discovery mode",
            Environment = "DATAPATH_DEFAULT_ACTION",
            Default = new PolicyOptions().RootDefault,
            DefaultText = "allow",
            Read = OptionText.DefaultAction,
            Variables = variables,
        };

    private static AgentOption<ImmutableArray<FailsafePort>> FailsafeOption(Func<string, string?> variables) =>
        new()
        {
            Name = "--failsafe",
            ValueName = "LIST|none",
            Purpose = "Ports of the host that stay open where no rule decides: in:tcp/22@10.0.0.0/8,out:udp/53,…",
            Environment = "DATAPATH_FAILSAFE",
            Default = FailsafePort.Defaults,
            DefaultText = OptionText.Of(FailsafePort.Defaults),
            Read = OptionText.Failsafe,
            Variables = variables,
        };

    private static AgentOption<TcHookChoice> TcHookOption(Func<string, string?> variables) =>
        new()
        {
            Name = "--tc-hook",
            ValueName = "auto|tcx|clsact",
            Purpose = "Where in tc the eBPF programs sit; auto is tcx where the kernel has it (6.6), else clsact",
            Environment = "DATAPATH_TC_HOOK",
            Default = TcHookChoice.Auto,
            DefaultText = "auto",
            Read = OptionText.TcHook,
            Variables = variables,
        };

    private static AgentOption<int> FlowLimitOption(string name, string what, string environment, int standard, Func<string, string?> variables, string? inWords = null) =>
        new()
        {
            Name = name,
            ValueName = "N",
            Purpose = $"{what} that are remembered, of each address family; takes effect when the kernel objects are made, so after a purge",
            Environment = environment,
            Default = standard,
            DefaultText = inWords ?? standard.ToString(CultureInfo.InvariantCulture),
            Read = OptionText.FlowLimit,
            Variables = variables,
        };

    private static AgentOption<bool> JsonOption(Func<string, string?> variables) =>
        new()
        {
            Name = "--json",
            Purpose = "Answer in JSON",
            Default = false,
            Read = OptionText.Flag,
            Variables = variables,
        };

    private static AgentOption<TimeSpan?> ConfirmWithinOption(Func<string, string?> variables) =>
        new()
        {
            Name = "--confirm-within",
            ValueName = "TIME",
            Purpose = "Go back by itself, in the kernel, unless `datapath confirm` comes within this time: 90s, 2m or 1h",
            Default = null,
            Read = text => OptionText.Time(text) is { Problem: { } problem } ? new OptionReading<TimeSpan?>(null, problem) : OptionText.Time(text).Value,
            Variables = variables,
        };

    private static AgentOption<TimeSpan> PauseForOption(Func<string, string?> variables) =>
        new()
        {
            Name = "--for",
            ValueName = "TIME",
            Purpose = "How long: 90s, 10m or 1h",
            IsRequired = true,
            Default = TimeSpan.Zero,
            Read = OptionText.Time,
            Variables = variables,
        };

    private static AgentOption<bool> AllOption(Func<string, string?> variables) =>
        new()
        {
            Name = "--all",
            Purpose = "Every instance that has pins on this machine, or programs in this network namespace",
            Default = false,
            Read = OptionText.Flag,
            Variables = variables,
        };

    private static AgentOption<bool> DryRunOption(Func<string, string?> variables) =>
        new()
        {
            Name = "--dry-run",
            Purpose = "Only list what would be removed",
            Default = false,
            Read = OptionText.Flag,
            Variables = variables,
        };

    private static AgentOption<bool> ForceOption(Func<string, string?> variables) =>
        new()
        {
            Name = "--force",
            Purpose = "Remove even though the agent runs; it may install everything again",
            Default = false,
            Read = OptionText.Flag,
            Variables = variables,
        };
}
