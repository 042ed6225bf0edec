using System.Collections.Immutable;
using Datapath.Interop.Netlink;

namespace Datapath.Interop.Libbpf;

/// <summary>Whatever is attached at tc, whoever attached it.</summary>
public static class TcListing
{
    /// <summary>Names of the tcx programs and clsact filters of an interface, both directions; a filter that is no program has the name of its kind.</summary>
    /// <param name="interfaceIndex">In the network namespace of the calling thread.</param>
    /// <exception cref="KernelException">Refused: programs of others are shown to CAP_SYS_ADMIN only.</exception>
    public static ImmutableArray<string> Names(int interfaceIndex) =>
        [
            .. from direction in (TcDirection[])[TcDirection.Ingress, TcDirection.Egress]
            from one in new TcHook(interfaceIndex, direction).Query()
            where one.Mechanism == TcMechanism.Tcx
            select NameOf(one.ProgramId),
            .. TrafficFilters.Names(interfaceIndex),
        ];

    private static string NameOf(uint programId)
    {
        using BpfProgram program = BpfProgram.OpenById(programId);
        return program.Name;
    }
}
