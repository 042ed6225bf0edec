using System.CommandLine;
using System.CommandLine.Parsing;
using System.Diagnostics;

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

    /// <summary>What is wrong with the value that the environment gives, or with there being none; null when nothing is.</summary>
    /// <param name="result">The command as parsed.</param>
    public abstract string? ProblemOutsideCommandLine(CommandResult result);
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

    /// <summary>Where variables of the environment are looked up; null for a variable that is not set.</summary>
    public required Func<string, string?> Variables { get; init; }

    /// <inheritdoc/>
    public override Option Symbol => _symbol.Value;

    /// <summary>The value: of the command line, else of the environment, else the default.</summary>
    /// <param name="parse">A command line without errors.</param>
    public T In(ParseResult parse)
    {
        if (parse.GetResult(_symbol.Value) is { Implicit: false })
        {
            return parse.GetRequiredValue(_symbol.Value);
        }

        if (EnvironmentText() is not { } text)
        {
            return Default;
        }

        OptionReading<T> reading = Read(text);
        return reading.Problem is null ? reading.Value! : throw new UnreachableException($"{Environment} was checked with the command line");
    }

    /// <inheritdoc/>
    public override string? ProblemOutsideCommandLine(CommandResult result)
    {
        if (result.GetResult(_symbol.Value) is { Implicit: false })
        {
            return null;
        }

        if (EnvironmentText() is { } text)
        {
            return Read(text).Problem is { } problem ? $"{Environment}: {problem}" : null;
        }

        return IsRequired ? $"{Name} {ValueName} is required" + (Environment is null ? "" : $" (or {Environment})") : null;
    }

    // An empty variable counts as not set: service files cannot unset what a shared file sets.
    private string? EnvironmentText() =>
        Environment is not null && Variables(Environment) is { Length: > 0 } text ? text : null;

    private Option<T> CreateSymbol() =>
        new(Name)
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
}

/// <summary>What a text means as the value of an option.</summary>
/// <param name="Value">The value; without meaning when there is a problem.</param>
/// <param name="Problem">Why the text is refused, one sentence; null when it is not.</param>
/// <typeparam name="T">Type of the value.</typeparam>
internal readonly record struct OptionReading<T>(T? Value, string? Problem)
{
    public static implicit operator OptionReading<T>(T value) => new(value, null);
}
