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

    /// <summary>The generation that packets are judged by; 0 when there is none.</summary>
    public uint ActiveGeneration => Active.Id;

    /// <summary>The generation that the next <see cref="Publish"/> makes; ids only ever grow.</summary>
    public uint NextGeneration => HighestGeneration() + 1;

    /// <summary>Checksum of the active image.</summary>
    public ulong ActiveChecksum => Active.Checksum;

    /// <summary>Room for one more generation beside the active one, in bytes.</summary>
    public long FreeBytes => (long)LargestGap().Lines * PolicyImage.LineBytes;

    private ref DpControl Control => ref _control.Values<DpControl>()[0];

    private DpGeneration Active => _generations.Values<DpGeneration>()[(int)Control.ActiveSlot];

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

    /// <summary>Refuses an image that there is no room for beside the active one.</summary>
    /// <param name="image">The image.</param>
    /// <exception cref="PolicyTooLargeException">It does not fit.</exception>
    public void RequireRoom(PolicyImage image)
    {
        if (image.Bytes > FreeBytes)
        {
            throw new PolicyTooLargeException("kernel memory", image.Bytes, FreeBytes, "bytes");
        }
    }

    /// <summary>
    /// Writes an image beside the active one, reads it back, and makes it the active one with one store. No packet sees a mixture: a program
    /// reads the switch once.
    /// </summary>
    /// <param name="image">An image that there is room for.</param>
    /// <returns>The new generation.</returns>
    /// <exception cref="BackendException">What was read back is not what was written; the old generation stays.</exception>
    public uint Publish(PolicyImage image)
    {
        RequireRoom(image);
        (int slot, uint id) = ChooseSlot();
        (int Base, int Lines) gap = LargestGap();
        ulong checksum = WriteLines(gap.Base, image);
        _generations.Values<DpGeneration>()[slot] = Header(image, id, gap.Base, checksum);
        Volatile.Write(ref Control.ActiveSlot, (uint)slot);
        // Programs that still walk the old image have left it when this returns.
        GracePeriod.Wait();
        return id;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _lines.Dispose();
        _generations.Dispose();
        _control.Dispose();
    }

    /// <summary>Any slot but the active one; ids only ever grow, so that a flow entry never mistakes one generation for another.</summary>
    private (int Slot, uint Id) ChooseSlot()
    {
        int active = (int)Control.ActiveSlot;
        return (ActiveGeneration == 0 ? active : (active + 1) % Abi.GenerationSlots, NextGeneration);
    }

    private uint HighestGeneration()
    {
        uint highest = 0;
        foreach (DpGeneration generation in _generations.Values<DpGeneration>())
        {
            highest = Math.Max(highest, generation.Id);
        }

        return highest;
    }

    /// <summary>The lines before or after the active image, whichever are more.</summary>
    private (int Base, int Lines) LargestGap()
    {
        DpGeneration active = Active;
        int before = (int)active.Base;
        int after = _lines.Count - before - (int)active.Lines;
        return before > after ? (0, before) : (before + (int)active.Lines, after);
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
            Checksum = checksum,
        };
        for (int table = 0; table < layout.Ports.Count; table++)
        {
            header.Ports[table] = (uint)layout.Ports[table];
        }

        return header;
    }
}
