using System.Collections.Immutable;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Processes;

namespace Datapath.KernelTests.Agent;

internal sealed partial class AgentLab
{
    /// <summary>
    /// What is attached at the hooks of up0 and web0, one line for each program, such as <c>up0 ingress Tcx dp_ingress 17</c>. Asked of the kernel:
    /// bpftool before version 7.2 does not know tcx.
    /// </summary>
    public ImmutableArray<string> AtHooks() =>
        [
            .. from name in (string[])["up0", "web0"]
            let index = IndexOf(name)
            where index is not null
            from direction in (TcDirection[])[TcDirection.Ingress, TcDirection.Egress]
            from one in Router.Run(() => new TcHook(index.Value, direction).Query())
            select $"{name} {direction.ToString().ToLowerInvariant()} {one.Mechanism} {NameOf(one.ProgramId)} {one.ProgramId}",
        ];

    /// <summary>Index of an interface of the router; null when there is none of that name.</summary>
    public int? IndexOf(string interfaceName)
    {
        string[] links = OnRouter("ip", "-o", "link", "show").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string? line = links.FirstOrDefault(link => link.Split(": ")[1].Split('@')[0] == interfaceName);
        return line is null ? null : int.Parse(line.Split(':')[0]);
    }

    /// <summary>Runs a program of the system in the router's network namespace; it must succeed.</summary>
    public string OnRouter(params string[] command) => CommandRunner.Run("nsenter", [$"--net={Router.NamespacePath}", .. command]);

    private static string NameOf(uint programId)
    {
        using BpfProgram program = BpfProgram.OpenById(programId);
        return program.Name;
    }
}
