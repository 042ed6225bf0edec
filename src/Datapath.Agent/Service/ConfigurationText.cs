using System.Text;
using Datapath.Agent.Commands;

namespace Datapath.Agent.Service;

/// <summary>The configuration file of a new installation: every setting there is, as a comment, and the one that is needed.</summary>
internal static class ConfigurationText
{
    private const string PolicyKey = "DATAPATH_POLICY";

    /// <summary>The file.</summary>
    /// <param name="program">Commands and options.</param>
    public static string Render(ProgramDescription program)
    {
        StringBuilder text = new();
        text.Append("# Settings of the Datapath agent, KEY=value. The command line comes first, then the environment, then this file.\n");
        text.Append("# `datapath config` shows what holds and where it comes from. `systemctl reload datapath` takes in what may change while it runs\n");
        text.Append("# (namespace, default action, failsafe ports); the rest needs `systemctl restart datapath`. Packets are judged meanwhile.\n");
        foreach (OptionDescription option in program.Settings)
        {
            // Nothing that could be taken for a value, and is not one.
            bool isWords = option.DefaultText is { } words && (words.Contains(' ', StringComparison.Ordinal) || words.Contains("NAME", StringComparison.Ordinal));
            text.Append($"\n# {option.Purpose}.{(isWords ? $" Default: {option.DefaultText}." : "")}\n");
            string standard = isWords ? "" : option.DefaultText ?? (option.ValueName is null ? "0" : "");
            text.Append(option.Environment == PolicyKey ? $"{PolicyKey}={InstallLayout.PolicyDirectory}\n" : $"#{option.Environment}={standard}\n");
        }

        return text.ToString();
    }
}
