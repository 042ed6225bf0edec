using System.Text;
using Datapath.Backends.Iptables.Lowering;
using Datapath.Interop.Processes;

namespace Datapath.Backends.Iptables.Kernel;

/// <summary>iptables or ip6tables of one variant; of its tables only mangle is touched.</summary>
/// <param name="Variant">Which implementation.</param>
/// <param name="Family">Which addresses.</param>
internal sealed record Xtables(XtablesVariant Variant, Family Family)
{
    // How long it waits for another program that holds the lock of legacy iptables.
    private const string LockSeconds = "10";

    private readonly string _program = XtablesPrograms.System.Find(Variant, Family) ?? "";

    /// <summary>Whether its programs are there.</summary>
    public bool IsInstalled => _program.Length > 0;

    /// <summary>
    /// Whether it has tables in this network namespace. To ask legacy iptables itself would make its tables, for which the other variant then
    /// warns at every call.
    /// </summary>
    public bool MayHaveTables
    {
        get
        {
            // Of the thread, not of the process: they may be in different network namespaces.
            string names = $"/proc/thread-self/net/{(Family.IsIPv6 ? "ip6_tables_names" : "ip_tables_names")}";
            return IsInstalled && (Variant == XtablesVariant.Nft || (File.Exists(names) && File.ReadAllText(names).Length > 0));
        }
    }

    /// <summary>Has all tables printed, beside others.</summary>
    /// <returns>Waits for the text. To be called once.</returns>
    /// <exception cref="BackendException">Refused.</exception>
    public Func<string> StartSaveAll() => Start("save", []);

    /// <summary>The mangle table.</summary>
    /// <exception cref="BackendException">Refused.</exception>
    public SavedTable Save() => StartSave()();

    /// <summary>Has the mangle table printed, beside others.</summary>
    /// <returns>Waits for it. To be called once.</returns>
    /// <exception cref="BackendException">Refused.</exception>
    public Func<SavedTable> StartSave()
    {
        if (!MayHaveTables)
        {
            return () => SavedTable.Empty;
        }

        Func<string> text = Start("save", ["--counters", "--table", "mangle"]);
        return () => SavedTable.Parse(text());
    }

    /// <summary>The mangle table as text, without what changes by itself: counters, and when the text was made.</summary>
    /// <exception cref="BackendException">Refused.</exception>
    public string SaveRules()
    {
        if (!MayHaveTables)
        {
            return "";
        }

        StringBuilder rules = new();
        foreach (ReadOnlySpan<char> line in Run("save", ["--table", "mangle"]).AsSpan().EnumerateLines())
        {
            // ":INPUT ACCEPT [27:1822]"
            int counters = line is [':', ..] ? line.IndexOf('[') : -1;
            rules.Append(line is ['#', ..] ? "" : counters < 0 ? line : line[..counters]).Append('\n');
        }

        return rules.ToString();
    }

    /// <summary>Changes the mangle table in one transaction.</summary>
    /// <param name="lines">Each with its line feed; without table and commit. A rule may begin with what it has counted.</param>
    /// <exception cref="BackendException">Refused, and nothing was changed.</exception>
    public void Restore(string lines)
    {
        // Only legacy has a lock to wait for; the other one takes the option and ignores it.
        CommandResult result = Programs.Run($"{_program}-restore", ["--noflush", "--counters", "--wait", LockSeconds], $"*mangle\n{lines}COMMIT\n");
        if (result.ExitCode != 0)
        {
            throw new BackendException($"{_program}-restore: {result.StandardError.Trim()}");
        }
    }

    private string Run(string verb, IReadOnlyList<string> arguments) => Start(verb, arguments)();

    private Func<string> Start(string verb, IReadOnlyList<string> arguments)
    {
        Func<CommandResult> end = Programs.Start($"{_program}-{verb}", arguments);
        return () =>
        {
            CommandResult result = end();
            return result.ExitCode == 0 ? result.StandardOutput : throw new BackendException($"{_program}-{verb}: {result.StandardError.Trim()}");
        };
    }
}
