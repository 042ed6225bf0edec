using Datapath.Interop.Libbpf;

namespace Datapath.Backends.Ebpf;

/// <summary>
/// Kernel objects of this instance that judge packets and have no pin, because somebody unmounted the bpf file system, or removed what was in
/// it: the programs at the hooks hold their maps, so that all of it can be found and pinned again.
/// </summary>
internal static class LostPins
{
    /// <summary>Pins what an attached program of this instance and layout uses; nothing changes for packets.</summary>
    /// <param name="pins">Where; must be empty.</param>
    /// <returns>Whether there was something.</returns>
    public static bool Restore(PinDirectory pins)
    {
        OwnProgram[] ours = [.. EbpfRemoval.Own(pins.InstanceName, OwnNetworkNamespace.Inode()).Where(one => one.AbiVersion == Abi.Version)];
        HashSet<uint> attached =
        [
            .. KernelObjects.Links().Where(link => link.InterfaceIndex != 0).Select(link => link.ProgramId),
            .. ours.Length == 0 ? [] : EbpfRemoval.OwnFilters([.. ours.Select(one => one.Id)]).Select(one => one.Program),
        ];
        // No program has all the maps.
        OwnProgram[] judging = [.. ours.Where(one => attached.Contains(one.Id))];
        foreach (OwnProgram one in judging)
        {
            using BpfProgram program = BpfProgram.OpenById(one.Id);
            pins.Create();
            foreach (uint id in program.Describe().MapIds)
            {
                using BpfMap map = BpfMap.OpenById(id);
                Pin(pins, map, SegmentObject.WholeName(map.Name));
            }
        }

        return judging.Length > 0;
    }

    /// <summary>Pins the maps of a loaded object that have no pin.</summary>
    /// <param name="pins">Where.</param>
    /// <param name="loaded">Ours.</param>
    public static void PinMaps(PinDirectory pins, BpfObject loaded)
    {
        pins.Create();
        foreach ((string name, BpfMap map) in loaded.Maps)
        {
            Pin(pins, map, name);
        }
    }

    private static void Pin(PinDirectory pins, BpfMap map, string name)
    {
        if (SegmentObject.IsPinned(name) && !File.Exists(pins.Map(name)))
        {
            map.Pin(pins.Map(name));
        }
    }

    /// <summary>The link of an earlier agent at a hook whose pin is lost, or is that of another layout.</summary>
    /// <param name="instance">Whose.</param>
    /// <param name="hook">Where.</param>
    /// <returns>Null when there is none.</returns>
    public static BpfLink? Find(string instance, TcHook hook)
    {
        HashSet<uint> here = [.. hook.Query().Where(one => one.Mechanism == TcMechanism.Tcx).Select(one => one.ProgramId)];
        if (here.Count == 0)
        {
            return null;
        }

        here.IntersectWith(EbpfRemoval.OwnPrograms(instance, OwnNetworkNamespace.Inode()));
        AttachType place = hook.Direction == TcDirection.Ingress ? AttachType.TcxIngress : AttachType.TcxEgress;
        LinkDescription? link = KernelObjects
            .Links()
            .FirstOrDefault(link => here.Contains(link.ProgramId) && link.InterfaceIndex == hook.InterfaceIndex && link.Place == place);
        return link is null ? null : BpfLink.OpenById(link.Id);
    }
}
