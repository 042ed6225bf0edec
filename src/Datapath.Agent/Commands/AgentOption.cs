using System.CommandLine;
using System.CommandLine.Parsing;
using Datapath.Agent.Configuration;

namespace Datapath.Agent.Commands;

/// <summary>One option of the command line: the single source of its parsing, its help text and its line in the documents.</summary>
internal abstract class AgentOption
{
    /// <summary>As typed, with both dashes.</summary>
    public required string Name { get; init; }

    /// <summary>What stands for the value in help texts, such as <c>DIR</c>; null for a flag.</summary>
    public string? ValueName { get; init; }

    /// <summary>What it is for: one sentence without a full stop.</summary>
    public required string Purpose { get; init; }

    /// <summary>The environment variable that is asked when the option is not given; null for none.</summary>
    public string? Environment { get; init; }

    /// <summary>What holds when neither is given, in words; null when that goes without saying.</summary>
    public string? DefaultText { get; init; }

    /// <summary>Without the option or its variable the command cannot do anything.</summary>
    public bool IsRequired { get; init; }

    /// <summary>The option as the parser knows it.</summary>
    public abstract Option Symbol { get; }

    /// <summary>The purpose with the variable and the default behind it.</summary>
    public string HelpText
    {
        get
        {
            string required = IsRequired ? " (required)" : "";
            string environment = Environment is null ? "" : $" [env: {Environment}]";
            string defaultText = DefaultText is null ? "" : $" [default: {DefaultText}]";
            return Purpose + required + environment + defaultText;
        }
    }

    /// <summary>The configuration file cannot set it: it is asked before there is one.</summary>
    public bool IsOutsideFile { get; init; }

    /// <summary>Where its value comes from besides the command line.</summary>
    public required OptionSources Sources { get; init; }

    /// <summary>What is wrong with the value that environment or file gives; null when nothing is.</summary>
    /// <param name="results">Looks up what the command line says of an option.</param>
    public abstract string? ProblemOutsideCommandLine(Func<Option, OptionResult?> results);

    /// <summary>That there must be a value and nobody gives one; null when it is well.</summary>
    /// <param name="results">Looks up what the command line says of an option.</param>
    public string? Lack(Func<Option, OptionResult?> results) =>
        IsRequired && Sources.Find(this, results) is null ? $"{Name} {ValueName} is required" + (Environment is null ? "" : $" (or {Environment})") : null;
}

/// <summary>An option with a value of a type.</summary>
/// <typeparam name="T">What the text means.</typeparam>
internal sealed class AgentOption<T> : AgentOption
{
    private readonly Lazy<Option<T>> _symbol;

    public AgentOption() => _symbol = new Lazy<Option<T>>(CreateSymbol);

    /// <summary>Turns the text of the command line or the environment into the value.</summary>
    public required Func<string, OptionReading<T>> Read { get; init; }

    /// <summary>The value when nobody gives one.</summary>
    public required T Default { get; init; }

    /// <inheritdoc/>
    public override Option Symbol => _symbol.Value;

    /// <summary>The value: of the command line, else of the environment, else of the configuration file, else the default.</summary>
    /// <param name="parse">A command line without errors.</param>
    public T In(ParseResult parse) => ValueIn(parse.GetResult);

    /// <summary>The same where there is no whole command line yet; a wrong value counts as none, and is told of by <see cref="ProblemOutsideCommandLine"/>.</summary>
    /// <param name="results">Looks up what the command line says of an option.</param>
    public T ValueIn(Func<Option, OptionResult?> results) =>
        Sources.Find(this, results) is { } given && Read(given.Text) is { Problem: null } reading ? reading.Value! : Default;

    /// <inheritdoc/>
    public override string? ProblemOutsideCommandLine(Func<Option, OptionResult?> results) =>
        Sources.Find(this, results) switch
        {
            { Origin: OptionOrigin.Flag } => null,
            { } given => Read(given.Text).Problem is { } problem ? $"{Named(given)}: {problem}" : null,
            null => null,
        };

    private string Named(GivenText given) => given.Origin == OptionOrigin.File ? $"{given.Place}: {Environment}" : given.Place;

    private Option<T> CreateSymbol() =>
        new DescribedOption(this)
        {
            Description = HelpText,
            HelpName = ValueName,
            Arity = ValueName is null ? ArgumentArity.Zero : ArgumentArity.ExactlyOne,
            CustomParser = Parse,
        };

    private T? Parse(ArgumentResult argument)
    {
        string text = argument.Tokens.Count == 0 ? "true" : argument.Tokens[0].Value;
        OptionReading<T> reading = Read(text);
        if (reading.Problem is { } problem)
        {
            argument.AddError($"{Name}: {problem}");
        }

        return reading.Value;
    }

    private sealed class DescribedOption(AgentOption<T> row) : Option<T>(row.Name), IDescribedOption
    {
        /// <inheritdoc/>
        public AgentOption Row => row;
    }
}

/// <summary>An option that the parser knows and that is a row of our table.</summary>
internal interface IDescribedOption
{
    /// <summary>The row.</summary>
    AgentOption Row { get; }
}

/// <summary>What a text means as the value of an option.</summary>
/// <param name="Value">The value; without meaning when there is a problem.</param>
/// <param name="Problem">Why the text is refused, one sentence; null when it is not.</param>
/// <typeparam name="T">Type of the value.</typeparam>
internal readonly record struct OptionReading<T>(T? Value, string? Problem)
{
    public static implicit operator OptionReading<T>(T value) => new(value, null);
}
