using System.Collections.Immutable;
using System.Text;

namespace Datapath.Agent.Commands;

/// <summary>The completion script of bash.</summary>
internal static class BashCompletion
{
    /// <summary>The script; read by <c>source</c> or found by bash-completion under the program's name.</summary>
    /// <param name="program">Commands and options.</param>
    public static string Render(ProgramDescription program)
    {
        ImmutableArray<OptionDescription> options = [.. program.Verbs.SelectMany(verb => verb.Options).Concat(program.Common).DistinctBy(option => option.Name)];
        StringBuilder text = new();
        text.Append("# bash completion for datapath, made by `datapath completion bash`\n");
        text.Append("_datapath() {\n");
        text.Append("    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} verb='' words='' paths='' word\n");
        text.Append("    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n");
        text.Append($"        case $word in {string.Join(" | ", program.Verbs.Select(verb => verb.Name))})\n");
        text.Append("            verb=$word\n            break\n            ;;\n        esac\n    done\n");
        text.Append("    case $previous in\n");
        foreach (OptionDescription option in options.Where(option => !option.Choices.IsEmpty))
        {
            text.Append($"        {option.Name}) words='{string.Join(' ', option.Choices)}' ;;\n");
        }

        text.Append($"        {Alternatives(options.Where(option => option.IsPath))}) paths=1 ;;\n");
        text.Append($"        {Alternatives(options.Where(option => option is { ValueName: not null, IsPath: false, Choices.IsEmpty: true }))}) return ;;\n");
        text.Append("        *)\n            case $verb in\n");
        foreach (VerbDescription verb in program.Verbs)
        {
            IEnumerable<string> words = verb.Options.Concat(program.Common).Select(option => option.Name).Append("--help");
            string[] choices = [.. verb.Arguments.SelectMany(one => one.Choices)];
            string paths = verb.Arguments.Any(one => one.IsPath) ? " paths=1" : "";
            // Options are offered once somebody begins to write one, as everywhere, unless there is nothing else.
            text.Append($"                {verb.Name})\n                    words='{string.Join(' ', words)}'{paths}\n");
            text.Append(choices.Length == 0 ? "" : $"                    [[ $current == -* ]] || words='{string.Join(' ', choices)}'\n");
            text.Append("                    ;;\n");
        }

        IEnumerable<string> top = program.Verbs.Select(verb => verb.Name).Concat(program.Common.Select(option => option.Name)).Append("--help").Append("--version");
        text.Append($"                *) words='{string.Join(' ', top)}' ;;\n");
        text.Append("            esac\n            ;;\n    esac\n");
        text.Append("    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n");
        text.Append("    if [[ $paths && $current != -* ]]; then\n");
        text.Append("        mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n");
        text.Append("        compopt -o filenames 2>/dev/null\n");
        text.Append("    fi\n}\ncomplete -F _datapath datapath\n");
        return text.ToString();
    }

    private static string Alternatives(IEnumerable<OptionDescription> options) => string.Join(" | ", options.Select(option => option.Name));
}
