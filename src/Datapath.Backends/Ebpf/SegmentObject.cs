using System.Reflection;
using Datapath.Interop;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;

namespace Datapath.Backends.Ebpf;

/// <summary>The shipped BPF object: knobs and sizes set, pinned maps taken over, programs loaded.</summary>
internal static class SegmentObject
{
    private const string Resource = "segment.bpf.o";

    /// <summary>The program whose copy answers questions.</summary>
    public const string RehearsedProgram = "dp_ingress";

    // The unit of stamps: the least power of two of jiffies that are 2.5 seconds, 256 of which are more than the ten minutes of a flow.
    private static int StampShift => int.Log2((KernelClock.JiffiesPerSecond() * 5 / 2) - 1) + 1;

    // The kernel names data maps after the object: "dp_tc.rodata".
    private const string ObjectName = "dp_tc";

    // BPF_OBJ_NAME_LEN of linux/bpf.h, without the zero at the end.
    private const int KernelNameBytes = 15;

    /// <summary>Maps that outlive the agent; the others are scratch space of a program.</summary>
    private static readonly string[] PinnedMaps =
    [
        DpMaps.Arena.Name,
        DpMaps.Generations.Name,
        DpMaps.Control.Name,
        DpMaps.Interfaces.Name,
        DpMaps.FallbackIfs.Name,
        DpMaps.LocalNets.Name,
        DpMaps.Vlans.Name,
        DpMaps.Namespaces.Name,
        DpMaps.Cgroups.Name,
        DpMaps.Depths.Name,
        DpMaps.Served.Name,
        DpMaps.Early.Name,
        DpMaps.Devices.Name,
        DpMaps.Processes.Name,
        DpMaps.NewTcp4.Name,
        DpMaps.NewTcp6.Name,
        DpMaps.NewOther4.Name,
        DpMaps.NewOther6.Name,
        DpMaps.LiveTcp4.Name,
        DpMaps.LiveTcp6.Name,
        DpMaps.LiveOther4.Name,
        DpMaps.LiveOther6.Name,
        DpMaps.Marks.Name,
        DpMaps.Opened.Name,
        DpMaps.Accounts.Name,
        DpMaps.Fragments.Name,
        DpMaps.RuleCounts.Name,
        DpMaps.DropCounts.Name,
        DpMaps.CgroupPassed.Name,
        DpMaps.Statistics.Name,
        DpMaps.Events,
    ];

    private const string EgressProgram = "dp_egress";

    private static readonly string[] NamesAtTc = [RehearsedProgram, EgressProgram, "dp_clock"];
    private static readonly string[] CgroupPrograms = ["dp_cgroup_in", "dp_cgroup_out"];
    private static readonly string[] ProcessPrograms = ["dp_connect4", "dp_connect6"];

    /// <summary>The program at XDP.</summary>
    public const string XdpProgram = "dp_xdp";

    /// <summary>The whole name of a map of ours; the kernel keeps its first 15 bytes.</summary>
    /// <param name="kernelName">As the kernel has it.</param>
    public static string WholeName(string kernelName) =>
        PinnedMaps.FirstOrDefault(name => name.Length > KernelNameBytes && name[..KernelNameBytes] == kernelName) ?? kernelName;

    // The others are constants, of which each object has its own.
    private static bool IsScratch(string map) => map.StartsWith("dp_", StringComparison.Ordinal) && !IsPinned(map);

    /// <summary>Whether a map outlives the agent.</summary>
    /// <param name="map">Its name.</param>
    public static bool IsPinned(string map) => PinnedMaps.Contains(map);

    /// <summary>Loads what stands beside the programs at tc over the pinned maps of the instance, which are made where they are missing.</summary>
    /// <param name="options">Sizes and knobs.</param>
    /// <param name="pins">Where the maps are pinned.</param>
    /// <param name="timeouts">When the programs forget a flow.</param>
    public static BpfObject Load(EbpfOptions options, PinDirectory pins, out FlowTimeouts timeouts) =>
        Load(
            options,
            pins,
            loading =>
            {
                LeaveOut(loading, [RehearsedProgram, EgressProgram, .. CgroupPrograms, .. ProcessPrograms, XdpProgram]);
                SetMemory(loading, options.MemorySets);
            },
            out timeouts
        );

    /// <summary>Loads one program at tc, over all the maps of what stands beside it.</summary>
    /// <param name="options">As for that.</param>
    /// <param name="pins">Where the maps are pinned.</param>
    /// <param name="direction">Which of the two.</param>
    /// <param name="beside">What <see cref="Load(EbpfOptions, PinDirectory, out FlowTimeouts)"/> has loaded.</param>
    public static BpfObject LoadAtTc(EbpfOptions options, PinDirectory pins, TcDirection direction, BpfObject beside) =>
        Load(
            options,
            pins,
            loading =>
            {
                LeaveOut(loading, [.. NamesAtTc.Where(name => name != ProgramOf(direction)), .. CgroupPrograms, .. ProcessPrograms, XdpProgram]);
                SetMemory(loading, options.MemorySets);
                foreach ((string name, BpfMap map) in beside.Maps.Where(one => IsScratch(one.Key)))
                {
                    loading.Reuse(name, map);
                }
            },
            out _
        );

    /// <summary>The name of a program at tc.</summary>
    /// <param name="direction">Which of the two.</param>
    public static string ProgramOf(TcDirection direction) => direction == TcDirection.Ingress ? RehearsedProgram : EgressProgram;

    /// <summary>Loads the copy that is attached to cgroups, over the same maps.</summary>
    /// <param name="options">As for the programs at tc.</param>
    /// <param name="pins">Where the maps are pinned.</param>
    public static BpfObject LoadForCgroups(EbpfOptions options, PinDirectory pins)
    {
        BpfObject loaded = Load(
            options,
            pins,
            loading =>
            {
                LeaveOut(loading, [.. NamesAtTc, .. ProcessPrograms, XdpProgram]);
                loading.SetKnob("dp_is_at_cgroup", 1u);
                loading.SetMaxEntries(DpMaps.TcVisit.Name, Abi.ProcessVisits);
            },
            out _
        );
        BpfMap free = loaded.Map(DpMaps.FreeVisits);
        for (uint number = 0; number < Abi.ProcessVisits; number++)
        {
            free.Push(number);
        }

        return loaded;
    }

    /// <summary>Loads the copy that processes run into, over the same maps.</summary>
    /// <param name="options">As for the programs at tc.</param>
    /// <param name="pins">Where the maps are pinned.</param>
    public static BpfObject LoadForProcesses(EbpfOptions options, PinDirectory pins) =>
        Load(
            options,
            pins,
            loading =>
            {
                LeaveOut(loading, [.. NamesAtTc, .. CgroupPrograms, XdpProgram]);
                loading.SetKnob("dp_is_at_cgroup", 1u);
            },
            out _
        );

    /// <summary>Opens the copy that is attached to XDP, over the same maps; it is for others to load. What policy said is recalled by both.</summary>
    /// <param name="options">As for the programs at tc.</param>
    /// <param name="pins">Where the maps are pinned.</param>
    /// <param name="atTc">The programs at tc.</param>
    public static BpfObject OpenForXdp(EbpfOptions options, PinDirectory pins, BpfObject atTc) =>
        Open(
            options,
            pins,
            loading =>
            {
                LeaveOut(loading, [.. NamesAtTc, .. CgroupPrograms, .. ProcessPrograms]);
                loading.SetKnob("dp_memory_sets", (uint)options.MemorySets);
                loading.Reuse(DpMaps.Recollections.Name, atTc.Map(DpMaps.Recollections.Name));
            },
            out _
        );

    /// <summary>When the programs forget a flow; nothing is loaded.</summary>
    public static FlowTimeouts ReadTimeouts()
    {
        using BpfObject opened = BpfObject.Open(ReadResource(), ObjectName);
        return FlowTimeouts.Of(opened);
    }

    /// <summary>Loads a copy of <see cref="RehearsedProgram"/> over the same maps that only answers; it is never to be attached.</summary>
    /// <param name="options">As for the programs that are attached.</param>
    /// <param name="pins">Where the maps are pinned.</param>
    public static BpfObject LoadRehearsal(EbpfOptions options, PinDirectory pins) =>
        Load(
            options,
            pins,
            loading =>
            {
                loading.SetKnob("dp_dry_run", 1u);
                LeaveOut(loading, [EgressProgram, "dp_clock", .. CgroupPrograms, .. ProcessPrograms, XdpProgram]);
            },
            out _
        );

    private static BpfObject Load(EbpfOptions options, PinDirectory pins, Action<BpfObject> adjust, out FlowTimeouts timeouts) =>
        Loaded(Open(options, pins, adjust, out timeouts));

    /// <summary>Loads what was opened.</summary>
    /// <param name="opened">Disposed where that is refused.</param>
    public static BpfObject Loaded(BpfObject opened)
    {
        try
        {
            opened.Load();
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    private static BpfObject Open(EbpfOptions options, PinDirectory pins, Action<BpfObject> adjust, out FlowTimeouts timeouts)
    {
        RaiseLockedMemory();
        BpfObject loading = BpfObject.Open(ReadResource(), ObjectName);
        try
        {
            AbiLayout.Recorded.Verify(loading.Types);
            loading.SetKnob("dp_jiffies_per_second", (uint)KernelClock.JiffiesPerSecond());
            loading.SetKnob("dp_stamp_shift", (uint)StampShift);
            loading.SetKnob("dp_events_per_second", (uint)options.EventsPerSecond);
            loading.SetKnob("dp_event_burst", (uint)options.EventsPerSecond * 2);
            loading.SetKnob("dp_resets_per_second", (uint)options.ResetsPerSecond);
            loading.SetKnob("dp_keeps_accounts", options.KeepsAccounts ? 1u : 0u);
            timeouts = FlowTimeouts.Of(loading);
            loading.SetKnob("dp_unproved_tcp_seconds", timeouts.LongestUnproved(isTcp: true));
            loading.SetKnob("dp_unproved_other_seconds", timeouts.LongestUnproved(isTcp: false));
            SetSizes(loading, options);
            // What is not at tc remembers nothing of its own.
            SetMemory(loading, 1);
            MakeAccountsAnew(options, pins.Map(DpMaps.Accounts.Name));
            foreach (string map in PinnedMaps)
            {
                KeepPinnedSize(loading, map, pins.Map(map));
                loading.SetPinPath(map, pins.Map(map));
            }

            adjust(loading);
            return loading;
        }
        catch
        {
            loading.Dispose();
            throw;
        }
    }

    private static void LeaveOut(BpfObject loading, string[] programs)
    {
        foreach (string program in programs)
        {
            loading.SetAutoload(program, load: false);
        }
    }

    /// <summary>Before 5.11 maps counted against the limit of locked memory; since then against the memory cgroup.</summary>
    private static void RaiseLockedMemory()
    {
        try
        {
            LockedMemory.RaiseLimit();
        }
        catch (KernelException refusal) when (refusal.Number == Errno.NotPermitted)
        {
            // Without CAP_SYS_RESOURCE. Where it matters, making the first map says so.
        }
    }

    private static void SetSizes(BpfObject loading, EbpfOptions options)
    {
        loading.SetMaxEntries(DpMaps.Arena.Name, checked((uint)(options.ArenaBytes / Image.PolicyImage.LineBytes)));
        loading.SetMaxEntries(DpMaps.Accounts.Name, (uint)options.Accounts);
        loading.SetMaxEntries(DpMaps.RuleCounts.Name, (uint)options.MaxRules);
        loading.SetMaxEntries(DpMaps.NewTcp4.Name, (uint)options.MaxNewFlows);
        loading.SetMaxEntries(DpMaps.NewTcp6.Name, (uint)options.MaxNewFlows);
        loading.SetMaxEntries(DpMaps.NewOther4.Name, (uint)options.MaxNewFlows);
        loading.SetMaxEntries(DpMaps.NewOther6.Name, (uint)options.MaxNewFlows);
        loading.SetMaxEntries(DpMaps.LiveTcp4.Name, (uint)options.MaxTcpFlows);
        loading.SetMaxEntries(DpMaps.LiveTcp6.Name, (uint)options.MaxTcpFlows);
        loading.SetMaxEntries(DpMaps.LiveOther4.Name, (uint)options.MaxOtherFlows);
        loading.SetMaxEntries(DpMaps.LiveOther6.Name, (uint)options.MaxOtherFlows);
    }

    private static void SetMemory(BpfObject loading, int sets)
    {
        loading.SetKnob("dp_memory_sets", (uint)sets);
        loading.SetMaxEntries(DpMaps.Digests.Name, (uint)(sets * PossibleCpus.Count));
        loading.SetMaxEntries(DpMaps.Recollections.Name, (uint)(sets * PossibleCpus.Count));
    }

    /// <summary>A map cannot be resized while packets use it: the size it was made with holds until purge.</summary>
    private static void KeepPinnedSize(BpfObject loading, string map, string path)
    {
        if (!File.Exists(path))
        {
            return;
        }

        using BpfMap pinned = BpfMap.OpenPinned(path);
        loading.SetMaxEntries(map, pinned.MaxEntries);
    }

    /// <summary>Accounts are the agent's alone and may be lost: where they are asked for, or no more, those of before give way.</summary>
    private static void MakeAccountsAnew(EbpfOptions options, string path)
    {
        if (!File.Exists(path))
        {
            return;
        }

        using BpfMap pinned = BpfMap.OpenPinned(path);
        if (pinned.MaxEntries != options.Accounts)
        {
            File.Delete(path);
        }
    }

    private static byte[] ReadResource()
    {
        using Stream stream =
            Assembly.GetExecutingAssembly().GetManifestResourceStream(Resource)
            ?? throw new InvalidOperationException($"the assembly carries no {Resource}");
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
