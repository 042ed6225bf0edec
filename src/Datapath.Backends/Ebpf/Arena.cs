using System.Runtime.InteropServices;
using System.Text;
using Datapath.Backends.Ebpf.Image;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;

namespace Datapath.Backends.Ebpf;

/// <summary>The images of the live generations in kernel memory, and the switch between them.</summary>
internal sealed class Arena : IDisposable
{
    private readonly MappedArray _lines;
    private readonly MappedArray _generations;
    private readonly MappedArray _control;

    /// <summary>Maps the arena into this process.</summary>
    /// <param name="loaded">The loaded object.</param>
    public Arena(BpfObject loaded)
    {
        _lines = loaded.Map(DpMaps.Arena).Map.MapMemory();
        _generations = loaded.Map(DpMaps.Generations).Map.MapMemory();
        _control = loaded.Map(DpMaps.Control).Map.MapMemory();
    }

    /// <summary>The generation that packets are judged by at this moment; its id is 0 when there is none.</summary>
    public DpGeneration Judging => Generations[Switch.Judging];

    /// <summary>The generation that was put in force last, whether or not a lease on it is over.</summary>
    public DpGeneration Active => Generations[Switch.Slot];

    /// <summary>The generation that judges when a lease is over; without one the active generation.</summary>
    public DpGeneration After => Generations[Switch.Lease == DpLease.None ? Switch.Slot : Switch.After];

    /// <summary>Room for one more generation beside those that are live, in bytes.</summary>
    public long FreeBytes => (long)LargestGap().Lines * PolicyImage.LineBytes;

    /// <summary>The generation of a slot; ids only ever grow.</summary>
    /// <param name="slot">As <see cref="Write"/> gave it.</param>
    public uint IdOf(int slot) => Generations[slot].Id;

    /// <summary>What packets are judged by, and until when.</summary>
    public Switch Switch => Switch.Of(Volatile.Read(ref Control.InForce));

    /// <summary>Tells the programs that what they remember of <c>dp_interfaces</c> is old.</summary>
    public void CountInterfaces() => Interlocked.Increment(ref Control.InterfacesEpoch);

    private ref DpControl Control => ref _control.Values<DpControl>()[0];

    private Span<DpGeneration> Generations => _generations.Values<DpGeneration>();

    /// <summary>Writes down whose arena this is.</summary>
    /// <param name="instance">Name of the instance.</param>
    /// <param name="networkNamespace">Inode of the network namespace.</param>
    /// <exception cref="BackendException">It is somebody else's.</exception>
    public void Claim(string instance, ulong networkNamespace)
    {
        ref DpControl control = ref Control;
        if (control.NetworkNamespace != 0 && control.NetworkNamespace != networkNamespace)
        {
            throw new BackendException(
                $"instance {instance} enforces in another network namespace (inode {control.NetworkNamespace}); "
                    + "give this agent another name with --instance, or purge that one first"
            );
        }

        control.AbiVersion = Abi.Version;
        control.NetworkNamespace = networkNamespace;
        Span<byte> name = control.Instance;
        name.Clear();
        Encoding.UTF8.GetBytes(instance, name);
    }

    /// <summary>Refuses an image that there is no room for beside the live ones.</summary>
    /// <param name="image">The image.</param>
    /// <exception cref="PolicyTooLargeException">It does not fit.</exception>
    public void RequireRoom(PolicyImage image)
    {
        if (image.Bytes > FreeBytes)
        {
            throw new PolicyTooLargeException("kernel memory", image.Bytes, FreeBytes, "bytes");
        }
    }

    /// <summary>Writes an image where no live generation is, and reads it back. Nothing judges by it yet.</summary>
    /// <param name="image">An image that there is room for.</param>
    /// <returns>The slot that it has.</returns>
    /// <exception cref="BackendException">What was read back is not what was written.</exception>
    public int Write(PolicyImage image)
    {
        RequireRoom(image);
        (int slot, uint id) = ChooseSlot();
        (int Base, int Lines) gap = LargestGap();
        ulong checksum = WriteLines(gap.Base, image);
        Generations[slot] = Header(image, id, gap.Base, checksum);
        return slot;
    }

    /// <summary>
    /// Changes what packets are judged by, with one store. No packet sees a mixture: a program reads the switch once. Returns when no program
    /// judges by the old switch any more.
    /// </summary>
    /// <param name="next">What is in force from now on.</param>
    public void Turn(Switch next)
    {
        Volatile.Write(ref Control.InForce, next.Word);
        // Programs that still walk an image that is not live any more have left it when this returns.
        GracePeriod.Wait();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _lines.Dispose();
        _generations.Dispose();
        _control.Dispose();
    }

    /// <summary>A slot that is not live; ids only ever grow, so that a flow entry never mistakes one generation for another.</summary>
    private (int Slot, uint Id) ChooseSlot()
    {
        Switch now = Switch;
        return (Enumerable.Range(0, Abi.GenerationSlots).First(slot => !IsLive(now, slot)), HighestGeneration() + 1);
    }

    private uint HighestGeneration()
    {
        uint highest = 0;
        foreach (DpGeneration generation in Generations)
        {
            highest = Math.Max(highest, generation.Id);
        }

        return highest;
    }

    /// <summary>Whether packets are, or may yet be, judged by a slot.</summary>
    private bool IsLive(Switch now, int slot) =>
        Generations[slot].Id != 0 && (slot == now.Slot || (now.Lease != DpLease.None && slot == now.After));

    /// <summary>The longest run of lines that no live image has.</summary>
    private (int Base, int Lines) LargestGap()
    {
        Switch now = Switch;
        (int Base, int Lines)[] live =
        [
            .. Enumerable
                .Range(0, Abi.GenerationSlots)
                .Where(slot => IsLive(now, slot))
                .Select(slot => ((int)Generations[slot].Base, (int)Generations[slot].Lines))
                .Order(),
            (_lines.Count, 0),
        ];
        (int Base, int Lines) largest = (0, 0);
        int free = 0;
        foreach ((int first, int lines) in live)
        {
            largest = first - free > largest.Lines ? (free, first - free) : largest;
            free = first + lines;
        }

        return largest;
    }

    private ulong WriteLines(int first, PolicyImage image)
    {
        Span<uint> target = MemoryMarshal
            .Cast<byte, uint>(_lines.Bytes)
            .Slice(first * PolicyImage.LineWords, image.Words.Length);
        image.Words.Span.CopyTo(target);
        ulong checksum = image.Checksum();
        return PolicyImage.Checksum(target) == checksum
            ? checksum
            : throw new BackendException("the policy read back from kernel memory is not what was written");
    }

    private static DpGeneration Header(PolicyImage image, uint id, int first, ulong checksum)
    {
        ImageLayout layout = image.Layout;
        var header = new DpGeneration
        {
            Id = id,
            Base = (uint)first,
            Lines = (uint)image.Lines,
            IPv4Root = (uint)layout.IPv4Root,
            IPv6Root = (uint)layout.IPv6Root,
            Units = (uint)layout.Units,
            UnitCount = (uint)layout.UnitCount,
            Descriptors = (uint)layout.Descriptors,
            LocalDescriptor = (uint)layout.LocalDescriptor,
            RowForm = (uint)layout.Form,
            Checksum = checksum,
        };
        for (int table = 0; table < layout.Ports.Count; table++)
        {
            header.Ports[table] = (uint)layout.Ports[table];
        }

        return header;
    }
}
