using System.CommandLine;
using System.CommandLine.Parsing;
using Datapath.Agent.Commands;

namespace Datapath.Agent.Configuration;

/// <summary>Finds what was written as the value of an option: on the command line, else in the environment, else in the configuration file.</summary>
internal sealed class OptionSources
{
    private readonly Func<string, string?> _variables;
    private readonly string _directory;
    private readonly SortedSet<string> _keys = new(StringComparer.Ordinal);
    private ConfigurationFile? _file;

    /// <summary>Sources of one command line.</summary>
    /// <param name="variables">Looks up a variable of the environment; null for one that is not set.</param>
    /// <param name="directory">Where configuration files are, unless <see cref="File"/> names another.</param>
    public OptionSources(Func<string, string?> variables, string directory)
    {
        _variables = variables;
        _directory = directory;
        Instance = InstanceOption(this);
        File = FileOption(this);
    }

    /// <summary>Which agent. The file follows from it, hence it is asked of the command line and the environment alone.</summary>
    public AgentOption<InstanceName> Instance { get; }

    /// <summary>Which configuration file; null for the one of the instance.</summary>
    public AgentOption<string?> File { get; }

    /// <summary>Learns of a key that the file may have.</summary>
    /// <param name="option">An option that the file may set.</param>
    public void Know(AgentOption option)
    {
        if (option is { Environment: { } key, IsOutsideFile: false })
        {
            _keys.Add(key);
        }
    }

    /// <summary>The file that is meant, read once.</summary>
    /// <param name="results">Looks up what the command line says of an option.</param>
    public ConfigurationFile FileOf(Func<Option, OptionResult?> results)
    {
        if (_file is null)
        {
            string? named = File.ValueIn(results);
            InstanceName instance = Instance.ValueIn(results);
            _file = ConfigurationFile.Read(named ?? Path.Combine(_directory, instance.ConfigurationFile), mayBeMissing: named is null, _keys);
        }

        return _file;
    }

    /// <summary>Lets the file be read again when it is asked for next.</summary>
    public void Forget() => _file = null;

    /// <summary>What was written as the value of an option; null when nothing was.</summary>
    /// <param name="option">The option.</param>
    /// <param name="results">Looks up what the command line says of an option.</param>
    public GivenText? Find(AgentOption option, Func<Option, OptionResult?> results)
    {
        if (results(option.Symbol) is { Implicit: false } flag)
        {
            return new GivenText(flag.Tokens.Count == 0 ? "true" : flag.Tokens[0].Value, OptionOrigin.Flag, option.Name);
        }

        if (option.Environment is not { } key)
        {
            return null;
        }

        // An empty variable counts as not set: service files cannot unset what a shared file sets.
        return _variables(key) is { Length: > 0 } text ? new GivenText(text, OptionOrigin.Environment, key)
            : option.IsOutsideFile ? null
            : FileOf(results).Find(key);
    }

    private static AgentOption<InstanceName> InstanceOption(OptionSources sources) =>
        new()
        {
            Name = "--instance",
            ValueName = "NAME",
            Purpose = "Name of the agent; names its socket, its state directory, its configuration file and every kernel object",
            Environment = "DATAPATH_INSTANCE",
            IsOutsideFile = true,
            Default = InstanceName.Default,
            DefaultText = InstanceName.Default.Text,
            Read = OptionText.Instance,
            Sources = sources,
        };

    private static AgentOption<string?> FileOption(OptionSources sources) =>
        new()
        {
            Name = "--config",
            ValueName = "FILE",
            Purpose = "Configuration file: KEY=value lines, each KEY an environment variable of an option; command line and environment come before it",
            Environment = "DATAPATH_CONFIG",
            IsOutsideFile = true,
            Default = null,
            DefaultText = "/etc/datapath/NAME.conf, datapath.conf for the default instance",
            Read = OptionText.OptionalPath,
            Sources = sources,
        };
}
