using Datapath.Interop.Libc;

namespace Datapath.Interop.Libbpf;

/// <summary>A program in the kernel, held by a descriptor of its own.</summary>
public sealed partial class BpfProgram : IDisposable
{
    private BpfProgram(FileDescriptor descriptor, string? fullName)
    {
        Descriptor = descriptor;
        ProgramDescription info = KernelObjects.ProgramInfo(descriptor, fullName ?? "program");
        Id = info.Id;
        Name = fullName ?? info.Name;
        Tag = info.Tag;
    }

    /// <summary>The kernel's id of the program.</summary>
    public uint Id { get; }

    /// <summary>The function's name, or its first 15 bytes when opened by id or pin.</summary>
    public string Name { get; }

    /// <summary>Hash of the instructions, 16 hexadecimal digits: equal tags, equal programs (map contents aside).</summary>
    public string Tag { get; }

    /// <summary>The descriptor, for callers inside this assembly.</summary>
    internal FileDescriptor Descriptor { get; }

    /// <summary>Opens a pinned program.</summary>
    /// <param name="path">In a bpf file system.</param>
    /// <exception cref="KernelException">Nothing there (ENOENT), or not a program.</exception>
    public static BpfProgram OpenPinned(string path) => Own(BpfFs.OpenPin(path), fullName: null);

    /// <summary>Opens a program by its kernel id.</summary>
    /// <param name="id">From <see cref="KernelObjects"/> or a query.</param>
    /// <exception cref="KernelException">Gone meanwhile (ENOENT).</exception>
    public static BpfProgram OpenById(uint id)
    {
        int result = LibbpfApi.bpf_prog_get_fd_by_id(id);
        return Own(new FileDescriptor(KernelException.Check(result, "open program", $"id {id}")), fullName: null);
    }

    /// <summary>What the kernel tells about the program now.</summary>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public ProgramDescription Describe() => KernelObjects.ProgramInfo(Descriptor, Name);

    /// <summary>Pins the program, which then outlives every process.</summary>
    /// <param name="path">In a bpf file system; must not exist.</param>
    /// <exception cref="KernelException">The kernel refused; EEXIST when the path is taken.</exception>
    public void Pin(string path) => BpfFs.Pin(Descriptor, path);

    /// <inheritdoc/>
    public void Dispose() => Descriptor.Dispose();

    /// <inheritdoc/>
    public override string ToString() => $"program {Name} (id {Id})";

    /// <summary>Takes over a descriptor.</summary>
    internal static BpfProgram Own(FileDescriptor descriptor, string? fullName)
    {
        try
        {
            return new BpfProgram(descriptor, fullName);
        }
        catch
        {
            descriptor.Dispose();
            throw;
        }
    }
}
