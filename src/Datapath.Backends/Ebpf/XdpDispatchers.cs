using System.Collections.Immutable;
using Datapath.Interop;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libxdp;

namespace Datapath.Backends.Ebpf;

/// <summary>
/// Our program among those that libxdp's dispatcher calls at an interface. Others come and go, and each of them makes a new dispatcher of all
/// that are there: whose programs it calls is asked, not remembered.
/// </summary>
/// <param name="instance">Whose programs are ours.</param>
/// <param name="open">Opens the copy for XDP, adjusted and not loaded.</param>
internal sealed class XdpDispatchers(string instance, Func<BpfObject> open)
{
    // The section of bpf/segment.bpf.c.
    private const string Section = "xdp";

    // Behind everybody who does not ask for more, which is 50 as a rule: what others redirect, drop or rewrite comes to tc as they leave it.
    private const uint Last = 1_000_000;

    private readonly Dictionary<int, uint> _joined = [];

    // By the dispatcher that refused: another one may not.
    private readonly Dictionary<int, (uint Dispatcher, string Reason)> _refused = [];
    private bool _hasLooked;

    /// <summary>The program of the dispatcher at an interface; 0 where there is none.</summary>
    /// <param name="interfaceIndex">The interface.</param>
    /// <exception cref="KernelException">Refused.</exception>
    public static uint At(int interfaceIndex)
    {
        uint id = XdpHook.Query(interfaceIndex);
        if (id == 0)
        {
            return 0;
        }

        using BpfProgram program = BpfProgram.OpenById(id);
        return program.Name == XdpDispatcher.ProgramName ? id : 0;
    }

    /// <summary>The programs of an instance that dispatchers of this network namespace call, of whatever version.</summary>
    /// <param name="instance">Its name.</param>
    /// <param name="interfaces">Where to look.</param>
    public static ImmutableArray<(int Interface, uint Program)> Joined(string instance, IEnumerable<int> interfaces)
    {
        if (!XdpDispatcher.IsAvailable)
        {
            return [];
        }

        HashSet<uint> ours = [.. EbpfRemoval.Own(instance, OwnNetworkNamespace.Inode()).Where(one => one.IsExtension).Select(one => one.Id)];
        return ours.Count == 0
            ? []
            : [.. from index in interfaces from program in XdpDispatcher.Programs(index) where ours.Contains(program) select (index, program)];
    }

    /// <summary>Makes sure that a dispatcher calls this agent's program; why that is not possible, or null when it does.</summary>
    /// <param name="interfaceIndex">The interface.</param>
    /// <param name="dispatcher">The dispatcher's program.</param>
    public string? Ensure(int interfaceIndex, uint dispatcher)
    {
        string what = $"libxdp's dispatcher (program {dispatcher}) is attached";
        if (!XdpDispatcher.IsAvailable)
        {
            return $"{what}, and libxdp, by which it is joined, is not installed (Debian package libxdp1)";
        }

        if (_refused.GetValueOrDefault(interfaceIndex) is var before && before.Dispatcher == dispatcher)
        {
            return before.Reason;
        }

        try
        {
            Join(interfaceIndex);
            _refused.Remove(interfaceIndex);
            return null;
        }
        catch (KernelException refusal)
        {
            // What libxdp adds stands in lines of its own.
            string reason = $"{what}, which could not be joined: {string.Join("; ", refusal.Message.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))}";
            _refused[interfaceIndex] = (dispatcher, reason);
            return reason;
        }
    }

    /// <summary>Has no dispatcher call a program of ours but those of these interfaces.</summary>
    /// <param name="kept">The interfaces that keep theirs.</param>
    /// <param name="interfaces">All interfaces.</param>
    public void LeaveOthers(IReadOnlySet<int> kept, IEnumerable<int> interfaces)
    {
        // An earlier agent may have joined where this one never would.
        if (_hasLooked && _joined.Keys.All(kept.Contains))
        {
            return;
        }

        foreach ((int index, uint program) in Joined(instance, interfaces.Where(index => !kept.Contains(index))))
        {
            XdpDispatcher.Leave(index, program);
        }

        foreach (int index in _joined.Keys.Where(index => !kept.Contains(index)).ToList())
        {
            _joined.Remove(index);
        }

        _hasLooked = true;
    }

    private void Join(int interfaceIndex)
    {
        if (_joined.TryGetValue(interfaceIndex, out uint own) && XdpDispatcher.Programs(interfaceIndex).Contains(own))
        {
            return;
        }

        // An earlier agent's goes once its successor is there.
        ImmutableArray<(int Interface, uint Program)> older = Joined(instance, [interfaceIndex]);
        _joined[interfaceIndex] = XdpDispatcher.Join(open, Section, interfaceIndex, Last);
        foreach ((int index, uint program) in older)
        {
            XdpDispatcher.Leave(index, program);
        }
    }
}
