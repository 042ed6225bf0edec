namespace Datapath.Agent.Configuration;

/// <summary>Where the value of an option comes from; the first of these that gives one counts.</summary>
internal enum OptionOrigin
{
    /// <summary>The command line.</summary>
    Flag,

    /// <summary>A variable of the environment.</summary>
    Environment,

    /// <summary>The configuration file.</summary>
    File,

    /// <summary>Nobody said anything.</summary>
    Default,
}

/// <summary>What somebody wrote as the value of an option.</summary>
/// <param name="Text">The value as written.</param>
/// <param name="Origin">Who wrote it.</param>
/// <param name="Place">Where, for messages: the option, the variable, or file and line.</param>
internal sealed record GivenText(string Text, OptionOrigin Origin, string Place);
