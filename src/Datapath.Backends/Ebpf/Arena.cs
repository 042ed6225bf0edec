using System.Runtime.InteropServices;
using System.Text;
using Datapath.Backends.Ebpf.Image;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;

namespace Datapath.Backends.Ebpf;

/// <summary>The images of the live generations in kernel memory, and the switch between them.</summary>
internal sealed class Arena : IDisposable
{
    private readonly BpfMap _lines;
    private readonly int _lineCount;
    private MappedArray? _mapped;
    private readonly MappedArray _generations;
    private readonly MappedArray _control;
    private uint _highest;
    private readonly TimeProvider _time;

    // What this process has written. Of a generation that an earlier agent wrote only the span of all its parts is known.
    private readonly Written?[] _written = new Written?[Abi.GenerationSlots];

    /// <summary>Maps the arena into this process.</summary>
    /// <param name="loaded">The loaded object.</param>
    /// <param name="time">Times the grace periods.</param>
    public Arena(BpfObject loaded, TimeProvider time)
    {
        _time = time;
        _lines = loaded.Map(DpMaps.Arena).Map;
        _lineCount = (int)_lines.MaxEntries;
        _generations = loaded.Map(DpMaps.Generations).Map.MapMemory();
        _control = loaded.Map(DpMaps.Control).Map.MapMemory();
    }

    /// <summary>
    /// Takes the images out of this process's memory until they are next read or written: all of the arena counts as resident while it is mapped.
    /// </summary>
    public void Unmap()
    {
        _mapped?.Dispose();
        _mapped = null;
    }

    /// <summary>The generation that packets are judged by at this moment; its id is 0 when there is none.</summary>
    public DpGeneration Judging => Generations[Switch.Judging];

    /// <summary>The generation that was put in force last, whether or not a lease on it is over.</summary>
    public DpGeneration Active => Generations[Switch.Slot];

    /// <summary>The generation that judges when a lease is over; without one the active generation.</summary>
    public DpGeneration After => Generations[Switch.Lease == DpLease.None ? Switch.Slot : Switch.After];

    /// <summary>Room for one more generation beside those that are live, in bytes.</summary>
    public long FreeBytes => (long)Free.Largest.Lines * PolicyImage.LineBytes;

    /// <summary>How long this process has waited for grace periods.</summary>
    public TimeSpan WaitedForGrace { get; private set; }

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

    /// <summary>The image that was put in force last, if this process wrote it: another one may take over what they have in common.</summary>
    public LiveImage? Live =>
        Switch.Slot is var slot && IsLive(Switch, slot) && WrittenIn(slot) is { } written
            ? new LiveImage(written.Image, lines => PlaceBeside(written.Image, (int)Generations[slot].Base, lines))
            : null;

    /// <summary>Whether there is room for an image beside the live ones.</summary>
    /// <param name="image">The image; one that takes over what a live one has needs room only for the rest, in its place.</param>
    public bool HasRoom(PolicyImage image) =>
        !image.IsShared ? image.Lines <= Free.Largest.Lines
        : BaseBeside(image) is { } first && Free is var free && image.Written.All(part => free.Holds(ExtentOf(part, first)));

    /// <summary>Refuses an image that there is no room for beside the live ones.</summary>
    /// <param name="image">The image.</param>
    /// <exception cref="PolicyTooLargeException">It does not fit.</exception>
    public void RequireRoom(PolicyImage image)
    {
        if (!HasRoom(image))
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

    /// <summary>Where an image of its own leaves enough lines in one piece once it is the only one that is live.</summary>
    /// <param name="image">The image.</param>
    /// <param name="lines">How many must be left.</param>
    /// <returns>The line to begin at; null when there is no such place.</returns>
    public int? FindPlaceApart(PolicyImage image, int lines)
    {
        IEnumerable<int> places = Free.Gaps.Where(gap => gap.Lines >= image.Lines).SelectMany(gap => (int[])[gap.First, gap.End - image.Lines]);
        int best = places.DefaultIfEmpty(-1).MaxBy(Left);
        return best >= 0 && Left(best) >= lines ? best : null;

        int Left(int place) => Math.Max(place, _lineCount - place - image.Lines);
    }

    /// <summary>Writes an image where no live generation is, and reads it back. Nothing judges by it yet.</summary>
    /// <param name="image">An image that there is room for.</param>
    /// <param name="place">The first of its lines; null for the largest gap, or for where the image lies that it takes lines over from.</param>
    /// <returns>The slot that it has.</returns>
    /// <exception cref="BackendException">What was read back is not what was written.</exception>
    /// <remarks>What it takes over from a live generation was read back when it was written.</remarks>
    public int Write(PolicyImage image, int? place = null)
    {
        RequireRoom(image);
        (int slot, uint id) = ChooseSlot();
        int first = place ?? BaseBeside(image) ?? Free.Largest.First;
        if (!image.IsShared)
        {
            WriteAndRead(new LineExtent(first, image.Addresses.Lines), image.Addresses.Words.Span);
        }

        foreach (ImagePart part in image.Written)
        {
            WriteAndRead(ExtentOf(part, first), part.Words.Span);
        }

        Generations[slot] = Header(image, id, first);
        _written[slot] = new Written(id, image);
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
        long start = _time.GetTimestamp();
        // Programs that still walk an image that is not live any more have left it when this returns.
        GracePeriod.Wait();
        WaitedForGrace += _time.GetElapsedTime(start);
        ForgetOthers();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _mapped?.Dispose();
        _generations.Dispose();
        _control.Dispose();
    }

    /// <summary>Lets go what is remembered of generations that nothing will judge by any more: megabytes each.</summary>
    private void ForgetOthers()
    {
        Switch now = Switch;
        foreach (int slot in Enumerable.Range(0, Abi.GenerationSlots))
        {
            _written[slot] = IsLive(now, slot) ? _written[slot] : null;
        }
    }

    /// <summary>A slot that is not live; ids only ever grow, so that a flow entry never mistakes one generation for another.</summary>
    private (int Slot, uint Id) ChooseSlot()
    {
        Switch now = Switch;
        // Nor the one that is in force while nothing is: what is written there would be in force before anybody has tried it.
        return (Enumerable.Range(0, Abi.GenerationSlots).First(slot => slot != now.Slot && !IsLive(now, slot)), HighestGeneration() + 1);
    }

    // Never one that was in force before, even if its slot was emptied since: what programs remember holds for a number.
    private uint HighestGeneration()
    {
        foreach (DpGeneration generation in Generations)
        {
            _highest = Math.Max(_highest, generation.Id);
        }

        return _highest;
    }

    /// <summary>Whether packets are, or may yet be, judged by a slot.</summary>
    private bool IsLive(Switch now, int slot) =>
        Generations[slot].Id != 0 && (slot == now.Slot || (now.Lease != DpLease.None && slot == now.After));

    private FreeLines Free
    {
        get
        {
            Switch now = Switch;
            return new FreeLines(Enumerable.Range(0, Abi.GenerationSlots).Where(slot => IsLive(now, slot)).SelectMany(ExtentsOf), _lineCount);
        }
    }

    private IEnumerable<LineExtent> ExtentsOf(int slot)
    {
        DpGeneration generation = Generations[slot];
        int first = (int)generation.Base;
        return WrittenIn(slot) is { Image: var image }
            ? image.Parts.Select(part => ExtentOf(part, first)).Prepend(new LineExtent(first, image.Addresses.Lines))
            : [new LineExtent(first, (int)generation.Lines)];
    }

    private static LineExtent ExtentOf(ImagePart part, int first) => new(first + part.Line, part.Lines);

    private Written? WrittenIn(int slot) => _written[slot] is { } written && written.Id == Generations[slot].Id ? written : null;

    /// <summary>The first line of the live image that an image takes lines over from; null for an image of its own, and when that one is gone.</summary>
    private int? BaseBeside(PolicyImage image)
    {
        Switch now = Switch;
        foreach (int slot in Enumerable.Range(0, Abi.GenerationSlots))
        {
            if (image.IsShared && IsLive(now, slot) && ReferenceEquals(WrittenIn(slot)?.Image.Token, image.Beside))
            {
                return (int)Generations[slot].Base;
            }
        }

        return null;
    }

    /// <summary>
    /// Where what differs from a live image may begin: behind its tries, because references to lines before an image cannot be written. The hole
    /// that will be left cannot be used by a whole image: a policy that is a quarter larger must still find its place.
    /// </summary>
    private int? PlaceBeside(PolicyImage image, int first, int expectedLines)
    {
        int lines = expectedLines + (expectedLines / 8);
        int whole = image.Lines * 5 / 4;
        return Free.FirstFit(first, lines, whole) is { } place ? place - first : null;
    }

    private Span<uint> WordsAt(int line, int lines) =>
        MemoryMarshal.Cast<byte, uint>((_mapped ??= _lines.MapMemory()).Bytes).Slice(line * PolicyImage.LineWords, lines * PolicyImage.LineWords);

    private void WriteAndRead(LineExtent place, ReadOnlySpan<uint> words)
    {
        Span<uint> target = WordsAt(place.First, place.Lines);
        words.CopyTo(target);
        if (!target.SequenceEqual(words))
        {
            throw new BackendException("the policy read back from kernel memory is not what was written");
        }
    }

    /// <summary>A generation that this process has written.</summary>
    private sealed record Written(uint Id, PolicyImage Image);

    private static DpGeneration Header(PolicyImage image, uint id, int first)
    {
        ImageLayout layout = image.Layout;
        var header = new DpGeneration
        {
            Id = id,
            Base = (uint)first,
            Lines = (uint)image.Span,
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
