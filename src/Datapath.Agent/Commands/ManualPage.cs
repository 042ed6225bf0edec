using System.Collections.Immutable;

namespace Datapath.Agent.Commands;

/// <summary>The manual page datapath(8), in the macros of man(7).</summary>
internal static class ManualPage
{
    /// <summary>The page.</summary>
    /// <param name="program">Commands and options.</param>
    public static string Render(ProgramDescription program)
    {
        RoffText page = new();
        page.Line($".TH DATAPATH 8 \"\" \"datapath {AgentVersion.Current.Number}\" \"System Administration\"");
        // Ragged, and no word divided: these are names that people type.
        page.Line(".ad l").Line(".nh");
        page.Section("NAME").Text("datapath").Raw(@" \- ").Text("microsegmentation agent").End();
        page.Section("SYNOPSIS").Bold("datapath").Text(" ").Italic("COMMAND").Text(" [").Italic("OPTION").Text("]... [").Italic("ARGUMENT").Text("]...").End();
        page.Section("DESCRIPTION").Text(program.Purpose).End();
        page.Section("COMMANDS");
        foreach (VerbDescription verb in program.Verbs)
        {
            Verb(page, verb);
        }

        page.Section("OPTIONS OF EVERY COMMAND");
        Options(page, program.Common);
        Configuration(page, program);
        Terms(page, "FILES", Files);
        Terms(page, "SIGNALS", Signals);
        Terms(page, "EXIT STATUS", ExitCodes);
        Terms(page, "LOG", Log);
        page.Section("SEE ALSO").Bold("systemd").Text("(1), ").Bold("systemctl").Text("(1), ").Bold("iptables").Text("(8), ").Bold("bpf").Text("(2)").End();
        return page.ToString();
    }

    private static ImmutableArray<(string Term, string Text)> Files =>
        [
            ("/etc/datapath/datapath.conf", "The configuration file of the default instance; NAME.conf of another."),
            ("/etc/datapath/policy", "The policy directory of an installed agent."),
            ("/run/datapath/datapath.sock", "Where the agent listens; members of the group datapath may ask, root alone gives orders."),
            ("/var/lib/datapath", "What must outlive a restart: the confirmed policy and the numbers of its rules."),
            ("/var/lib/datapath/default/audit.log", "A line of JSON for each change of what is enforced: who, what, generation, result."),
            ("/sys/fs/bpf/datapath", "The kernel objects of the eBPF backend; they go on judging when the agent does not run."),
        ];

    private static ImmutableArray<(string Term, string Text)> Signals =>
        [
            ("SIGHUP", "Reads the configuration and the policy directory again. Namespace, default action and failsafe ports change at once; what is built into sockets and kernel objects changes with a restart, and the log names it."),
            ("SIGTERM, SIGINT", "Ends the agent. Packets go on being judged until `datapath purge`."),
        ];

    private static ImmutableArray<(string Term, string Text)> ExitCodes =>
        [
            ("0", "Done; for status: the agent runs."),
            ("1", "The answer is no: a policy has errors, a backend cannot be, something remains."),
            ("2", "It could not be tried: usage, privilege, a missing part."),
            ("3", "status only, after the Linux Standard Base: the agent does not run."),
            ("4", "status only, after the Linux Standard Base: whether it runs cannot be told."),
        ];

    private static ImmutableArray<(string Term, string Text)> Log =>
        [
            ("time, level, event, msg", "Of every line. Event numbers never change their meaning: 10xx the agent itself, 11xx from policy files to the kernel, 12xx flows. The values in the text follow under their own names."),
        ];

    private static void Verb(RoffText page, VerbDescription verb)
    {
        page.Line(".SS").Continue().Text(verb.Name);
        foreach (ArgumentDescription one in verb.Arguments)
        {
            page.Text($" {one.Name}{(one.IsRepeated ? "..." : "")}");
        }

        page.End().Text($"{verb.Purpose}.").End();
        foreach (ArgumentDescription one in verb.Arguments)
        {
            page.Line(".TP").Italic(one.Name).End().Text($"{one.Purpose}.").End();
        }

        Options(page, verb.Options);
    }

    private static void Options(RoffText page, ImmutableArray<OptionDescription> options)
    {
        foreach (OptionDescription option in options)
        {
            page.Line(".TP").Bold(option.Name);
            if (option.ValueName is { } value)
            {
                page.Text(" ").Italic(value);
            }

            page.End().Text($"{option.Row.HelpText}.").End();
        }
    }

    private static void Configuration(RoffText page, ProgramDescription program)
    {
        page.Section("CONFIGURATION")
            .Text("The value of an option is that of the command line, else of its environment variable, else of the configuration file, else the default. ")
            .Text("The file has lines KEY=value, a # begins a comment; a KEY is the name of a variable. `datapath config` shows each value and where it comes from.")
            .End();
        foreach (OptionDescription option in program.Settings)
        {
            page.Line(".TP").Bold(option.Environment!).End().Text("As ").Bold(option.Name).Text(".").End();
        }
    }

    private static void Terms(RoffText page, string section, ImmutableArray<(string Term, string Text)> terms)
    {
        page.Section(section);
        foreach ((string term, string text) in terms)
        {
            page.Line(".TP").Bold(term).End().Text(text).End();
        }
    }
}
