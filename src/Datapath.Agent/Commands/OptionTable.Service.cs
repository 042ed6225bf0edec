using Datapath.Agent.Configuration;
using Datapath.Agent.Hosting;

namespace Datapath.Agent.Commands;

/// <content>Options of an agent as a service of its host: configuration, log, installation.</content>
internal sealed partial class OptionTable
{
    /// <summary>Which configuration file; of every verb.</summary>
    public AgentOption<string?> ConfigurationFile { get; } = sources.File;

    /// <summary>What a line of the log looks like.</summary>
    public AgentOption<LogFormat> LogFormat { get; } = LogFormatOption(sources);

    /// <summary>The tree that is installed into.</summary>
    public AgentOption<string> Root { get; } = RootOption(sources);

    /// <summary>Below which programs are installed.</summary>
    public AgentOption<string> Prefix { get; } = PrefixOption(sources);

    /// <summary>Only look.</summary>
    public AgentOption<bool> DryRunOfInstall { get; } = DryRunOfInstallOption(sources);

    /// <summary>Start it, too.</summary>
    public AgentOption<bool> Now { get; } = NowOption(sources);

    /// <summary>What is not taken away.</summary>
    public AgentOption<bool> KeepPolicy { get; } = KeepPolicyOption(sources);

    private static AgentOption<LogFormat> LogFormatOption(OptionSources sources) =>
        new()
        {
            Name = "--log-format",
            ValueName = "keyvalue|json",
            Purpose = "What a line of the log looks like",
            Environment = "DATAPATH_LOG_FORMAT",
            Default = Hosting.LogFormat.KeyValue,
            DefaultText = "keyvalue",
            Read = OptionText.LogFormat,
            Sources = sources,
        };

    private static AgentOption<string> RootOption(OptionSources sources) =>
        new()
        {
            Name = "--root",
            ValueName = "DIR",
            Purpose = "The root of the file tree to act on; with another one than / nothing of the running system is touched",
            Default = "/",
            DefaultText = "/",
            Read = OptionText.Path,
            Sources = sources,
        };

    private static AgentOption<string> PrefixOption(OptionSources sources) =>
        new()
        {
            Name = "--prefix",
            ValueName = "DIR",
            Purpose = "Where the executable, the manual page and the completions go; with /usr, which is for packages, units go below it too",
            Default = "/usr/local",
            DefaultText = "/usr/local",
            Read = OptionText.Path,
            Sources = sources,
        };

    private static AgentOption<bool> DryRunOfInstallOption(OptionSources sources) =>
        new()
        {
            Name = "--dry-run",
            Purpose = "Only list what would be done",
            Default = false,
            Read = OptionText.Flag,
            Sources = sources,
        };

    private static AgentOption<bool> NowOption(OptionSources sources) =>
        new()
        {
            Name = "--now",
            Purpose = "Start the agent as well, or restart it so that the installed one runs",
            Default = false,
            Read = OptionText.Flag,
            Sources = sources,
        };

    private static AgentOption<bool> KeepPolicyOption(OptionSources sources) =>
        new()
        {
            Name = "--keep-policy",
            Purpose = "Leave the configuration, the policy files and what the agent knows of them",
            Default = false,
            Read = OptionText.Flag,
            Sources = sources,
        };
}
