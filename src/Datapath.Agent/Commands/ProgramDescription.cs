using System.Collections.Immutable;
using System.CommandLine;

namespace Datapath.Agent.Commands;

/// <summary>
/// The command line as data: what the parser was made of, for everything else that is made of it — manual page, completions, the
/// configuration file of a new installation.
/// </summary>
/// <param name="Purpose">What the program is for.</param>
/// <param name="Verbs">In the order of the help text.</param>
/// <param name="Common">Options of every verb.</param>
internal sealed record ProgramDescription(string Purpose, ImmutableArray<VerbDescription> Verbs, ImmutableArray<OptionDescription> Common)
{
    /// <summary>What an agent can be told by the environment and the configuration file.</summary>
    public IEnumerable<OptionDescription> Settings =>
        Verbs.Single(verb => verb.Name == "run").Options.Where(option => option.Row is { Environment: not null, IsOutsideFile: false });

    /// <summary>Reads the parser's tree.</summary>
    /// <param name="root">The whole command line.</param>
    public static ProgramDescription Of(RootCommand root) =>
        new(root.Description ?? "", [.. root.Subcommands.Where(verb => !verb.Hidden).Select(VerbDescription.Of)], OptionDescription.Of(root));
}

/// <summary>A verb.</summary>
/// <param name="Name">As typed.</param>
/// <param name="Purpose">What it does.</param>
/// <param name="Arguments">What stands for each argument besides options.</param>
/// <param name="Options">In the order of the help text.</param>
internal sealed record VerbDescription(
    string Name,
    string Purpose,
    ImmutableArray<ArgumentDescription> Arguments,
    ImmutableArray<OptionDescription> Options
)
{
    /// <summary>Reads the parser's tree.</summary>
    /// <param name="verb">A verb.</param>
    public static VerbDescription Of(Command verb) =>
        new(
            verb.Name,
            verb.Description ?? "",
            [.. verb.Arguments.Select(one => new ArgumentDescription(one.Name, one.Description ?? "", one.Arity.MaximumNumberOfValues > 1))],
            OptionDescription.Of(verb)
        );
}

/// <summary>An argument without an option.</summary>
/// <param name="Name">What stands for it: upper case, or the words that it may be.</param>
/// <param name="Purpose">What it is.</param>
/// <param name="IsRepeated">There may be several.</param>
internal sealed record ArgumentDescription(string Name, string Purpose, bool IsRepeated)
{
    /// <summary>The words that it may be; none when it is no matter of words.</summary>
    public ImmutableArray<string> Choices => OptionDescription.Words(Name);

    /// <summary>Whether it is a path.</summary>
    public bool IsPath => OptionDescription.NamesPath(Name);
}

/// <summary>An option.</summary>
/// <param name="Row">Its row in the table of options.</param>
internal sealed record OptionDescription(AgentOption Row)
{
    public string Name => Row.Name;

    public string? ValueName => Row.ValueName;

    public string Purpose => Row.Purpose;

    public string? Environment => Row.Environment;

    public string? DefaultText => Row.DefaultText;

    /// <summary>The words that its value may be; none when it is no matter of words.</summary>
    public ImmutableArray<string> Choices => Words(ValueName ?? "");

    /// <summary>Whether its value is a path.</summary>
    public bool IsPath => NamesPath(ValueName ?? "");

    /// <summary>Reads the parser's tree.</summary>
    /// <param name="command">Whose options.</param>
    public static ImmutableArray<OptionDescription> Of(Command command) =>
        [.. command.Options.OfType<IDescribedOption>().Select(option => new OptionDescription(option.Row))];

    /// <summary>The words of <c>one|other</c> or of <c>one</c>; none when anything in it stands for something else.</summary>
    internal static ImmutableArray<string> Words(string name) =>
        name.Length > 0 && !name.Any(char.IsUpper) ? [.. name.Split('|')] : [];

    /// <summary>Whether a name stands for a path.</summary>
    internal static bool NamesPath(string name) => name is "FILE" or "DIR" or "FILE|DIR" or "PATH";
}
