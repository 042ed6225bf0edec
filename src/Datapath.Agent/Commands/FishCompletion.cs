using System.Collections.Immutable;
using System.Text;

namespace Datapath.Agent.Commands;

/// <summary>The completion commands of fish.</summary>
internal static class FishCompletion
{
    /// <summary>The commands; read by <c>source</c> or found by fish under the program's name.</summary>
    /// <param name="program">Commands and options.</param>
    public static string Render(ProgramDescription program)
    {
        StringBuilder text = new();
        text.Append("# fish completion for datapath, made by `datapath completion fish`\n");
        text.Append("complete -c datapath -f\n");
        text.Append("complete -c datapath -l help -d 'show help'\n");
        text.Append("complete -c datapath -n __fish_use_subcommand -l version -d 'show the version'\n");
        foreach (OptionDescription option in program.Common)
        {
            text.Append($"complete -c datapath {Words(option)}\n");
        }

        foreach (VerbDescription verb in program.Verbs)
        {
            text.Append($"complete -c datapath -n __fish_use_subcommand -a {verb.Name} -d '{Quoted(verb.Purpose)}'\n");
            string seen = $"complete -c datapath -n '__fish_seen_subcommand_from {verb.Name}'";
            foreach (OptionDescription option in verb.Options)
            {
                text.Append($"{seen} {Words(option)}\n");
            }

            foreach (ArgumentDescription one in verb.Arguments)
            {
                text.Append(
                    one.IsPath ? $"{seen} -F\n"
                    : one.Choices.IsEmpty ? ""
                    : $"{seen} -a '{string.Join(' ', one.Choices)}'\n"
                );
            }
        }

        return text.ToString();
    }

    private static string Words(OptionDescription option) =>
        $"-l {option.Name.TrimStart('-')} {Value(option.ValueName, option.Choices, option.IsPath)}-d '{Quoted(option.Purpose)}'";

    private static string Value(string? name, ImmutableArray<string> choices, bool isPath) =>
        name is null ? ""
        : isPath ? "-r -F "
        : choices.IsEmpty ? "-x "
        : $"-x -a '{string.Join(' ', choices)}' ";

    private static string Quoted(string text) => text.Replace(@"\", @"\\", StringComparison.Ordinal).Replace("'", @"\'", StringComparison.Ordinal);
}
