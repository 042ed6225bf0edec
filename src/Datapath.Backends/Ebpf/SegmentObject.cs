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

    // The kernel names data maps after the object: "dp_tc.rodata".
    private const string ObjectName = "dp_tc";

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
        DpMaps.NewTcp4.Name,
        DpMaps.NewTcp6.Name,
        DpMaps.NewOther4.Name,
        DpMaps.NewOther6.Name,
        DpMaps.LiveTcp4.Name,
        DpMaps.LiveTcp6.Name,
        DpMaps.LiveOther4.Name,
        DpMaps.LiveOther6.Name,
        DpMaps.Fragments.Name,
        DpMaps.RuleCounts.Name,
        DpMaps.DropCounts.Name,
        DpMaps.Statistics.Name,
        DpMaps.Events,
    ];

    /// <summary>Whether a map outlives the agent.</summary>
    /// <param name="map">Its name.</param>
    public static bool IsPinned(string map) => PinnedMaps.Contains(map);

    /// <summary>Loads the programs over the pinned maps of the instance, which are made where they are missing.</summary>
    /// <param name="options">Sizes and knobs.</param>
    /// <param name="pins">Where the maps are pinned.</param>
    /// <param name="timeouts">When the programs forget a flow.</param>
    public static BpfObject Load(EbpfOptions options, PinDirectory pins, out FlowTimeouts timeouts) => Load(options, pins, _ => { }, out timeouts);

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
                loading.SetAutoload("dp_egress", load: false);
            },
            out _
        );

    private static BpfObject Load(EbpfOptions options, PinDirectory pins, Action<BpfObject> adjust, out FlowTimeouts timeouts)
    {
        RaiseLockedMemory();
        BpfObject loading = BpfObject.Open(ReadResource(), ObjectName);
        try
        {
            AbiLayout.Recorded.Verify(loading.Types);
            loading.SetKnob("dp_jiffies_per_second", (uint)KernelClock.JiffiesPerSecond());
            loading.SetKnob("dp_events_per_second", (uint)options.EventsPerSecond);
            loading.SetKnob("dp_event_burst", (uint)options.EventsPerSecond * 2);
            timeouts = FlowTimeouts.Of(loading);
            SetSizes(loading, options);
            foreach (string map in PinnedMaps)
            {
                KeepPinnedSize(loading, map, pins.Map(map));
                loading.SetPinPath(map, pins.Map(map));
            }

            adjust(loading);
            loading.Load();
            return loading;
        }
        catch
        {
            loading.Dispose();
            throw;
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
        loading.SetMaxEntries(DpMaps.RuleCounts.Name, (uint)options.MaxRules);
        loading.SetMaxEntries(DpMaps.Digests.Name, (uint)(Abi.DigestSets * PossibleCpus.Count));
        loading.SetMaxEntries(DpMaps.NewTcp4.Name, (uint)options.MaxNewFlows);
        loading.SetMaxEntries(DpMaps.NewTcp6.Name, (uint)options.MaxNewFlows);
        loading.SetMaxEntries(DpMaps.NewOther4.Name, (uint)options.MaxNewFlows);
        loading.SetMaxEntries(DpMaps.NewOther6.Name, (uint)options.MaxNewFlows);
        loading.SetMaxEntries(DpMaps.LiveTcp4.Name, (uint)options.MaxTcpFlows);
        loading.SetMaxEntries(DpMaps.LiveTcp6.Name, (uint)options.MaxTcpFlows);
        loading.SetMaxEntries(DpMaps.LiveOther4.Name, (uint)options.MaxOtherFlows);
        loading.SetMaxEntries(DpMaps.LiveOther6.Name, (uint)options.MaxOtherFlows);
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
