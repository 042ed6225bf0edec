using System.Collections.Immutable;
using System.Globalization;
using System.Net.NetworkInformation;
using Datapath.Backends.Host;
using Datapath.Interop;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;

namespace Datapath.Backends.Ebpf;

/// <summary>The program at XDP of the host's interfaces, in native mode only: early drop that may be taken away without changing a verdict.</summary>
/// <param name="loaded">The loaded object, whose maps the copy for XDP shares.</param>
/// <param name="arena">Where programs are told that what they remember of devices is old.</param>
/// <param name="open">Opens that copy; called when it is first needed.</param>
/// <param name="pins">Where links are pinned.</param>
/// <param name="isOn">Whether anybody wants it.</param>
internal sealed class XdpHooks(BpfObject loaded, Arena arena, Func<BpfObject> open, PinDirectory pins, bool isOn) : IDisposable
{
    private const string PinPrefix = "xdp-";
    private const int ResultTooLarge = 34; // ERANGE

    private readonly KernelTable<uint, DpDevice> _devices = new(loaded.Map(DpMaps.Devices));
    private readonly Dictionary<int, BpfLink> _held = [];
    private readonly XdpDispatchers _dispatchers = new(pins.InstanceName, open);
    private BpfObject? _programs;

    // Nobody wants it, and nothing of an earlier agent's is left.
    private bool _isOver;

    /// <summary>Why some interfaces have no program, each as a sentence without a full stop.</summary>
    public ImmutableArray<string> Obstacles { get; private set; } = [];

    private BpfProgram Program => (_programs ??= SegmentObject.Loaded(open())).Program(SegmentObject.XdpProgram);

    /// <summary>A policy is in force: brings the hooks to it.</summary>
    /// <param name="uplinks">The interfaces where the host is judged.</param>
    /// <param name="host">All interfaces.</param>
    public void Follow(IEnumerable<HostInterface> uplinks, HostSnapshot host)
    {
        if (_isOver)
        {
            return;
        }

        HostInterface[] wanted = [.. isOn ? uplinks : []];
        var obstacles = ImmutableArray.CreateBuilder<string>();
        var attached = new HashSet<int>();
        foreach (HostInterface one in wanted)
        {
            if (ObstacleOf(one, host) is { } obstacle)
            {
                obstacles.Add($"no XDP at {one.Name}: {obstacle}");
            }
            else
            {
                attached.Add(one.Index);
            }
        }

        foreach (int index in Pinned().Where(index => !attached.Contains(index)))
        {
            Release(index);
        }

        _dispatchers.LeaveOthers(attached, host.Interfaces.Select(one => one.Index));
        (Obstacles, _isOver) = (obstacles.ToImmutable(), !isOn);
    }

    /// <summary>Puts this program in the place of an earlier agent's.</summary>
    public void Renew()
    {
        foreach (int index in Pinned())
        {
            Renew(index);
        }
    }

    /// <summary>Pins again the links whose pins are gone.</summary>
    public void PinAgain()
    {
        foreach ((int index, BpfLink link) in _held.Where(one => !File.Exists(PinOf(one.Key))))
        {
            link.Pin(PinOf(index));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (BpfLink link in _held.Values)
        {
            link.Dispose();
        }

        _held.Clear();
        _programs?.Dispose();
    }

    /// <summary>Attaches; why that is not possible, or null when it is done.</summary>
    private string? ObstacleOf(HostInterface one, HostSnapshot host)
    {
        if (!one.HasMacHeader || !PhysicalAddress.TryParse(one.HardwareAddress, out PhysicalAddress? address) || address.GetAddressBytes() is not { Length: 6 } bytes)
        {
            return "its packets have no MAC header";
        }

        if (host.Interfaces.FirstOrDefault(other => other.Vlan?.Lower == one.Index) is { } vlan)
        {
            return $"{vlan.Name} is a VLAN of it, whose tag may be taken off before XDP sees it";
        }

        var device = new DpDevice();
        bytes.CopyTo((Span<byte>)device.Address);
        if (_devices.Put(new Dictionary<uint, DpDevice> { [(uint)one.Index] = device }))
        {
            arena.CountInterfaces();
        }

        try
        {
            if (!Renew(one.Index))
            {
                if (XdpDispatchers.At(one.Index) is not 0 and var dispatcher)
                {
                    return _dispatchers.Ensure(one.Index, dispatcher);
                }

                BpfLink link = XdpHook.Attach(Program, one.Index);
                _held[one.Index] = link;
                link.Pin(PinOf(one.Index));
            }

            return null;
        }
        catch (KernelException refusal)
        {
            return Explain(refusal, one);
        }
    }

    private static string Explain(KernelException refusal, HostInterface one) =>
        refusal.Number switch
        {
            Errno.Busy or Errno.Exists => Foreign(one.Index),
            Errno.NotSupported => "its driver has no native XDP",
            Errno.Invalid or ResultTooLarge => $"its driver refuses, as many do for a large MTU (it is {one.MaximumTransmissionUnit}): {refusal.Message}",
            _ => refusal.Message,
        };

    private static string Foreign(int interfaceIndex)
    {
        try
        {
            uint id = XdpHook.Query(interfaceIndex);
            using BpfProgram program = BpfProgram.OpenById(id);
            return $"program {id} ({program.Name}) of somebody else is attached";
        }
        catch (KernelException)
        {
            return "a program of somebody else is attached";
        }
    }

    private void Release(int index)
    {
        if (_held.Remove(index, out BpfLink? link))
        {
            link.Dispose();
        }

        AttachedHooks.ReleaseLink(PinOf(index));
        _devices.Remove((uint)index);
    }

    /// <summary>False where there is no such link, or its interface is gone.</summary>
    private bool Renew(int index)
    {
        if (CgroupHooks.Adopt(PinOf(index), () => Program) is not { } link)
        {
            return false;
        }

        if (_held.Remove(index, out BpfLink? before))
        {
            before.Dispose();
        }

        _held.Add(index, link);
        return true;
    }

    private IReadOnlyList<int> Pinned() =>
        Directory.Exists(pins.Links)
            ? [.. Directory.EnumerateFiles(pins.Links, PinPrefix + "*").Select(path => int.Parse(Path.GetFileName(path)[PinPrefix.Length..], CultureInfo.InvariantCulture))]
            : [];

    private string PinOf(int index) => Path.Combine(pins.Links, string.Create(CultureInfo.InvariantCulture, $"{PinPrefix}{index}"));
}
