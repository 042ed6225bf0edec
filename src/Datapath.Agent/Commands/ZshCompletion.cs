using System.Text;

namespace Datapath.Agent.Commands;

/// <summary>The completion function of zsh.</summary>
internal static class ZshCompletion
{
    /// <summary>The function; autoloaded under the name <c>_datapath</c>.</summary>
    /// <param name="program">Commands and options.</param>
    public static string Render(ProgramDescription program)
    {
        StringBuilder text = new();
        text.Append("#compdef datapath\n# zsh completion for datapath, made by `datapath completion zsh`\n_datapath() {\n");
        text.Append("    local state\n    local -a verbs\n    verbs=(\n");
        foreach (VerbDescription verb in program.Verbs)
        {
            text.Append($"        '{verb.Name}:{Quoted(verb.Purpose)}'\n");
        }

        text.Append("    )\n    _arguments -C \\\n");
        text.Append("        '(- *)--help[show help]' \\\n        '(- *)--version[show the version]' \\\n");
        text.Append(string.Concat(program.Common.Select(option => $"        {Specification(option)} \\\n")));
        text.Append("        '1:command:->verb' \\\n        '*::argument:->rest'\n");
        text.Append("    case $state in\n        verb) _describe command verbs ;;\n        rest)\n            case $words[1] in\n");
        foreach (VerbDescription verb in program.Verbs)
        {
            text.Append($"                {verb.Name})\n                    _arguments \\\n");
            text.Append(string.Concat(verb.Options.Concat(program.Common).Select(option => $"                        {Specification(option)} \\\n")));
            text.Append(string.Concat(verb.Arguments.Select((one, index) => $"                        {Specification(one, index)} \\\n")));
            text.Append("                        '(- *)--help[show help]'\n                    ;;\n");
        }

        text.Append("            esac\n            ;;\n    esac\n}\n_datapath \"$@\"\n");
        return text.ToString();
    }

    private static string Specification(OptionDescription option)
    {
        string value = option.ValueName is { } name ? $":{Colons(name)}:{Action(option.Choices, option.IsPath)}" : "";
        return $"'{option.Name}[{Quoted(Brackets(option.Purpose))}]{value}'";
    }

    private static string Specification(ArgumentDescription one, int index) =>
        $"'{(one.IsRepeated ? "*" : $"{index + 1}")}:{Colons(one.Name)}:{Action(one.Choices, one.IsPath)}'";

    private static string Action(System.Collections.Immutable.ImmutableArray<string> choices, bool isPath) =>
        isPath ? "_files"
        : choices.IsEmpty ? " "
        : $"({string.Join(' ', choices)})";

    private static string Quoted(string text) => text.Replace("'", @"'\''", StringComparison.Ordinal);

    private static string Brackets(string text) => text.Replace("[", @"\[", StringComparison.Ordinal).Replace("]", @"\]", StringComparison.Ordinal);

    private static string Colons(string text) => text.Replace(":", @"\:", StringComparison.Ordinal);
}
