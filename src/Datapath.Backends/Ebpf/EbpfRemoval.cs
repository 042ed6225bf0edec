using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Datapath.Interop;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;
using Datapath.Interop.Libxdp;
using Datapath.Interop.Netlink;

namespace Datapath.Backends.Ebpf;

/// <summary>Finds and removes everything of an instance in this network namespace. Needs no state: names, pins and the kernel's own lists do.</summary>
internal static class EbpfRemoval
{
    private const string ProgramPrefix = "dp_";

    // What of struct dp_control is the same in every version: whose it is.
    private const int ControlHeadBytes = 48;
    private static readonly string ControlMap = DpMaps.Control.Name;
    private static readonly TimeSpan PatienceForKernel = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Instances that have pins and enforce nowhere else, or have programs of this network namespace.</summary>
    /// <param name="root">Mount point of the bpf file system.</param>
    public static ImmutableArray<string> FindInstances(string root)
    {
        ulong here = OwnNetworkNamespace.Inode();
        IEnumerable<string> running = OurPrograms().Where(one => one.NetworkNamespace == here).Select(one => one.Instance);
        IEnumerable<string> pinned = PinDirectory.Instances(root).Where(name => Elsewhere(new PinDirectory(root, name), name, here) is null);
        return [.. pinned.Concat(running).Distinct().Order(StringComparer.Ordinal)];
    }

    /// <summary>Removes, looks again, and reports both.</summary>
    /// <param name="pins">The pins of the instance.</param>
    /// <param name="instance">Its name.</param>
    /// <param name="dryRun">Only list.</param>
    public static RemovalReport Remove(PinDirectory pins, string instance, bool dryRun)
    {
        ulong here = OwnNetworkNamespace.Inode();
        RequireNotElsewhere(pins, instance, here);
        ImmutableArray<string> found = List(pins, instance, here);
        if (dryRun || found.IsEmpty)
        {
            return new RemovalReport(found, []);
        }

        LeaveDispatchers(instance);
        DetachLinks(pins, instance, here);
        DetachFilters(pins, instance, here);
        DeletePins(pins);
        return new RemovalReport(found, WaitUntilGone(pins, instance, here));
    }

    /// <summary>The pins of a name are one per machine: those of an agent that enforces in another network namespace are not ours to remove.</summary>
    private static void RequireNotElsewhere(PinDirectory pins, string instance, ulong here)
    {
        if (Elsewhere(pins, instance, here) is { } claimed)
        {
            throw new BackendException($"instance {instance} enforces in another network namespace (inode {claimed}): purge it from there");
        }
    }

    /// <summary>The other network namespace in which an instance enforces; null when it enforces here or nowhere.</summary>
    private static ulong? Elsewhere(PinDirectory pins, string instance, ulong here)
    {
        string path = pins.Map(ControlMap);
        if (!File.Exists(path))
        {
            return null;
        }

        using BpfMap map = BpfMap.OpenPinned(path);
        ulong claimed = map.Lookup<uint, DpControl>(0).NetworkNamespace;
        HashSet<uint> programs = OwnPrograms(instance, claimed);
        ILookup<uint, LinkDescription> links = KernelObjects.Links().ToLookup(link => link.ProgramId);
        // A link loses its interface when the interface, or its whole namespace, goes: then nothing is enforced there any more. A program
        // that lives without a link is held by a filter of clsact, or by an agent.
        bool isEnforced = programs.Any(program => !links.Contains(program) || links[program].Any(link => link.IsAttached));
        return claimed != here && isEnforced ? claimed : null;
    }

    /// <summary>Everything of the instance that there is now, one line each, sorted.</summary>
    private static ImmutableArray<string> List(PinDirectory pins, string instance, ulong networkNamespace)
    {
        HashSet<uint> programs = OwnPrograms(instance, networkNamespace);
        IEnumerable<string> lines =
        [
            .. programs.Select(id => $"program {id}"),
            .. KernelObjects.Links().Where(link => programs.Contains(link.ProgramId)).Select(link => PlaceOf(link)),
            .. OwnFilters(programs).Select(one => $"tc filter at {one.Hook}"),
            .. pins.InterfacesWithMadeQdisc().Select(index => $"clsact qdisc of interface {index}"),
            .. Pins(pins).Select(path => $"pin {path}"),
            // An agent that was refused its first map leaves nothing else.
            .. Directory.Exists(pins.Instance) ? [$"directory {pins.Instance}"] : ImmutableArray<string>.Empty,
        ];
        return [.. lines.Order(StringComparer.Ordinal)];
    }

    private static string PlaceOf(LinkDescription link) =>
        link.CgroupId != 0 ? $"link {link.Id} on cgroup {link.CgroupId}"
        : link.InterfaceIndex != 0 ? $"link {link.Id} on interface {link.InterfaceIndex}"
        : $"link {link.Id}";

    /// <summary>Programs with our prefix whose control map names this instance and namespace.</summary>
    internal static HashSet<uint> OwnPrograms(string instance, ulong networkNamespace) => [.. Own(instance, networkNamespace).Select(one => one.Id)];

    /// <summary>The same with what is known of them.</summary>
    internal static IEnumerable<OwnProgram> Own(string instance, ulong networkNamespace) =>
        OurPrograms().Where(one => one.Instance == instance && one.NetworkNamespace == networkNamespace);

    /// <summary>All programs of the product, of whatever version.</summary>
    private static IEnumerable<OwnProgram> OurPrograms() =>
        from program in KernelObjects.Programs()
        where program.Name.StartsWith(ProgramPrefix, StringComparison.Ordinal)
        from map in program.MapIds
        let control = ReadControl(map)
        where control is not null
        select new OwnProgram(program.Id, InstanceOf(control.Value), control.Value.NetworkNamespace, control.Value.AbiVersion, program.Type == (uint)BpfProgramType.Extension);

    /// <summary>What a map says if it is a control map; of one of another version the part that is the same in all.</summary>
    private static DpControl? ReadControl(uint mapId)
    {
        try
        {
            using BpfMap map = BpfMap.OpenById(mapId);
            if (map.Name != ControlMap || map.ValueBytes < ControlHeadBytes)
            {
                return null;
            }

            var value = new byte[Math.Max(map.ValueBytes, Unsafe.SizeOf<DpControl>())];
            return map.TryLookup(new byte[sizeof(uint)], value.AsSpan(0, map.ValueBytes)) ? MemoryMarshal.Read<DpControl>(value) : null;
        }
        catch (KernelException refusal) when (refusal.Number == Errno.NoEntry)
        {
            // Gone between the listing and the question.
            return null;
        }
    }

    private static string InstanceOf(DpControl control)
    {
        ReadOnlySpan<byte> name = control.Instance;
        return Encoding.UTF8.GetString(name.TrimEnd((byte)0));
    }

    private static void LeaveDispatchers(string instance)
    {
        foreach ((int index, uint program) in XdpDispatchers.Joined(instance, Rtnetlink.Links().Select(link => link.Index)))
        {
            XdpDispatcher.Leave(index, program);
        }
    }

    private static void DetachLinks(PinDirectory pins, string instance, ulong networkNamespace)
    {
        HashSet<uint> programs = OwnPrograms(instance, networkNamespace);
        foreach (LinkDescription description in KernelObjects.Links().Where(link => programs.Contains(link.ProgramId)))
        {
            try
            {
                using BpfLink link = BpfLink.OpenById(description.Id);
                link.Detach();
            }
            catch (KernelException refusal) when (refusal.Number is Errno.NoEntry or Errno.NotSupported)
            {
                // The last descriptor of an agent that was just killed: gone between the listing and the question. Or the link of a dispatcher
                // that could not be left, because libxdp is gone: it is among what remains.
            }
        }

        foreach (string path in Pins(pins).Where(path => Path.GetDirectoryName(path) == pins.Links))
        {
            BpfFs.Unpin(path);
        }
    }

    private static void DetachFilters(PinDirectory pins, string instance, ulong networkNamespace)
    {
        foreach ((TcHook hook, uint program) in OwnFilters(OwnPrograms(instance, networkNamespace)))
        {
            hook.DetachFilter(program);
        }

        foreach (int index in pins.InterfacesWithMadeQdisc())
        {
            AttachedHooks.ReleaseQdisc(pins, index);
        }
    }

    /// <summary>Where these programs are filters of clsact, in this network namespace.</summary>
    internal static IEnumerable<(TcHook Hook, uint Program)> OwnFilters(HashSet<uint> programs) =>
        from link in Rtnetlink.Links()
        from direction in new[] { TcDirection.Ingress, TcDirection.Egress }
        let hook = new TcHook(link.Index, direction)
        from attached in hook.Query()
        where attached.Mechanism == TcMechanism.Clsact && programs.Contains(attached.ProgramId)
        select (hook, attached.ProgramId);

    private static IEnumerable<string> Pins(PinDirectory pins) =>
        Directory.Exists(pins.Instance) ? Directory.EnumerateFiles(pins.Instance, "*", SearchOption.AllDirectories) : [];

    private static void DeletePins(PinDirectory pins)
    {
        foreach (string path in Pins(pins).ToList())
        {
            BpfFs.Unpin(path);
        }

        if (Directory.Exists(pins.Instance))
        {
            // bpffs cannot remove a tree at once: the deepest directories first.
            foreach (string directory in Directory.EnumerateDirectories(pins.Instance, "*", SearchOption.AllDirectories).OrderByDescending(path => path.Length))
            {
                Directory.Delete(directory);
            }

            Directory.Delete(pins.Instance);
        }

        DeleteIfEmpty(Path.GetDirectoryName(pins.Instance)!);
    }

    private static void DeleteIfEmpty(string product)
    {
        try
        {
            if (Directory.Exists(product) && !Directory.EnumerateFileSystemEntries(product).Any())
            {
                Directory.Delete(product);
            }
        }
        catch (IOException)
        {
            // Another instance came, or took it away, between the question and the deletion.
        }
    }

    /// <summary>The kernel frees programs some milliseconds after the last reference, in the background.</summary>
    private static ImmutableArray<string> WaitUntilGone(PinDirectory pins, string instance, ulong networkNamespace)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            ImmutableArray<string> left = List(pins, instance, networkNamespace);
            if (left.IsEmpty || TimeProvider.System.GetElapsedTime(start) > PatienceForKernel)
            {
                return left;
            }

            using var timer = new ManualResetEventSlim();
            timer.Wait(Pause);
        }
    }
}
