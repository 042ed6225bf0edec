using System.Collections.Immutable;
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

    // What this process has written: where the parts of a generation are, and which address tries it has. Of a generation that an earlier
    // agent wrote only the span of all its parts is known.
    private readonly Written?[] _written = new Written?[Abi.GenerationSlots];

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

    /// <summary>Until when, in nanoseconds since boot, answers of flows that are older than enforcement need no proof; 0 for no time at all.</summary>
    public ulong DoubtUntil
    {
        get => Volatile.Read(ref Control.DoubtUntilNanoseconds);
        set => Volatile.Write(ref Control.DoubtUntilNanoseconds, value);
    }

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

    /// <summary>
    /// Where the rest of an image may begin, when its address tries are those of a live generation: behind them, in the first gap that is
    /// large enough and leaves room for a whole image.
    /// </summary>
    /// <param name="addresses">The tries.</param>
    /// <param name="expectedLines">About how many lines the rest will take.</param>
    /// <returns>A line relative to the first of the tries; null when no live generation has them, or there is no such gap.</returns>
    public int? PlaceRules(AddressLines addresses, int expectedLines)
    {
        if (SlotWith(addresses) is not { } slot)
        {
            return null;
        }

        int lines = expectedLines + (expectedLines / 8);
        // The hole that is left cannot be used by a whole image: a policy that is a quarter larger must still find its place.
        int whole = (addresses.Lines + lines) * 5 / 4;
        List<Extent> gaps = Gaps();
        Extent place = gaps.FirstOrDefault(gap =>
            gap.First >= (int)Generations[slot].Base && gap.Lines >= lines && gaps.Max(other => other == gap ? gap.Lines - lines : other.Lines) >= whole
        );
        return place.Lines == 0 ? null : place.First - (int)Generations[slot].Base;
    }

    /// <summary>Whether the place of an image that shares address tries is large enough for it.</summary>
    /// <param name="image">The image.</param>
    public bool HasRoomShared(PolicyImage image) =>
        SlotWith(image.Addresses) is { } slot
        && Gaps().Any(gap => gap.First <= RulesOf(image, slot).First && gap.End >= RulesOf(image, slot).End);

    /// <summary>Refuses an image that there is no room for beside the live ones.</summary>
    /// <param name="image">The image.</param>
    /// <exception cref="PolicyTooLargeException">It does not fit.</exception>
    public void RequireRoom(PolicyImage image)
    {
        if (image.IsShared ? !HasRoomShared(image) : image.Bytes > FreeBytes)
        {
            throw new PolicyTooLargeException("kernel memory", image.Bytes, FreeBytes, "bytes", Remedy(image.Bytes));
        }
    }

    /// <summary>Room for three of the kind: the one that judges, the one to fall back to, and the one that is written.</summary>
    private static string Remedy(long bytes)
    {
        long mebibytes = ((3 * bytes) + (1 << 20) - 1) >> 20;
        return mebibytes > EbpfOptions.MostArenaMebibytes
            ? $"three of its kind would need more than the {EbpfOptions.MostArenaMebibytes} MiB that an agent can set aside"
            : $"an agent that begins after `datapath purge` with {EbpfOptions.ArenaOption} {mebibytes} has room for it";
    }

    /// <summary>Writes an image where no live generation is, and reads it back. Nothing judges by it yet.</summary>
    /// <param name="image">An image that there is room for.</param>
    /// <returns>The slot that it has.</returns>
    /// <exception cref="BackendException">What was read back is not what was written.</exception>
    /// <remarks>Address tries that a live generation has were read back when they were written.</remarks>
    public int Write(PolicyImage image)
    {
        RequireRoom(image);
        (int slot, uint id) = ChooseSlot();
        int first = image.IsShared ? (int)Generations[SlotWith(image.Addresses)!.Value].Base : LargestGap().First;
        var addresses = new Extent(first, image.Addresses.Lines);
        var rules = new Extent(first + image.RulesLine, image.RuleLines);
        if (!image.IsShared)
        {
            WriteAndRead(addresses, image.Addresses.Words.Span);
        }

        WriteAndRead(rules, image.Rules.Span);
        Generations[slot] = Header(image, id, first);
        _written[slot] = new Written(id, image.Addresses, [addresses, rules]);
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
    private Extent LargestGap() => Gaps().DefaultIfEmpty().MaxBy(gap => gap.Lines);

    /// <summary>The runs of lines that no live image has, ascending.</summary>
    private List<Extent> Gaps()
    {
        Switch now = Switch;
        IEnumerable<Extent> live = Enumerable.Range(0, Abi.GenerationSlots).Where(slot => IsLive(now, slot)).SelectMany(slot => ExtentsOf(slot));
        var gaps = new List<Extent>();
        int free = 0;
        foreach (Extent one in live.OrderBy(one => one.First).Append(new Extent(_lines.Count, 0)))
        {
            if (one.First > free)
            {
                gaps.Add(new Extent(free, one.First - free));
            }

            free = Math.Max(free, one.End);
        }

        return gaps;
    }

    private ImmutableArray<Extent> ExtentsOf(int slot)
    {
        DpGeneration generation = Generations[slot];
        return WrittenIn(slot)?.Extents ?? [new Extent((int)generation.Base, (int)generation.Lines)];
    }

    private Written? WrittenIn(int slot) => _written[slot] is { } written && written.Id == Generations[slot].Id ? written : null;

    /// <summary>The slot of a live generation with these address tries; null when there is none.</summary>
    private int? SlotWith(AddressLines addresses)
    {
        Switch now = Switch;
        foreach (int slot in Enumerable.Range(0, Abi.GenerationSlots))
        {
            if (IsLive(now, slot) && ReferenceEquals(WrittenIn(slot)?.Addresses, addresses))
            {
                return slot;
            }
        }

        return null;
    }

    private Extent RulesOf(PolicyImage image, int slot) => new((int)Generations[slot].Base + image.RulesLine, image.RuleLines);

    private Span<uint> WordsAt(int line, int lines) =>
        MemoryMarshal.Cast<byte, uint>(_lines.Bytes).Slice(line * PolicyImage.LineWords, lines * PolicyImage.LineWords);

    private void WriteAndRead(Extent place, ReadOnlySpan<uint> words)
    {
        Span<uint> target = WordsAt(place.First, place.Lines);
        words.CopyTo(target);
        if (!target.SequenceEqual(words))
        {
            throw new BackendException("the policy read back from kernel memory is not what was written");
        }
    }

    /// <summary>A run of lines.</summary>
    private readonly record struct Extent(int First, int Lines)
    {
        public int End => First + Lines;
    }

    /// <summary>A generation that this process has written.</summary>
    private sealed record Written(uint Id, AddressLines Addresses, ImmutableArray<Extent> Extents);

    private static DpGeneration Header(PolicyImage image, uint id, int first)
    {
        ImageLayout layout = image.Layout;
        var header = new DpGeneration
        {
            Id = id,
            Base = (uint)first,
            Lines = (uint)(image.RulesLine + image.RuleLines),
            IPv4Root = (uint)layout.IPv4Root,
            IPv6Root = (uint)layout.IPv6Root,
            Units = (uint)layout.Units,
            UnitCount = (uint)layout.UnitCount,
            Descriptors = (uint)layout.Descriptors,
            LocalDescriptor = (uint)layout.LocalDescriptor,
            RowForm = (uint)layout.Form,
            Checksum = image.Checksum(),
        };
        for (int table = 0; table < layout.Ports.Count; table++)
        {
            header.Ports[table] = (uint)layout.Ports[table];
        }

        return header;
    }
}
