using Datapath.Interop.Libc;

namespace Datapath.Interop.Libbpf;

/// <summary>An attachment of a program; without a pin it ends with its last descriptor.</summary>
public sealed unsafe class BpfLink : IDisposable
{
    private readonly FileDescriptor _descriptor;

    private BpfLink(FileDescriptor descriptor)
    {
        _descriptor = descriptor;
        Id = Describe().Id;
    }

    /// <summary>The kernel's id of the link.</summary>
    public uint Id { get; }

    /// <summary>Attaches a program.</summary>
    /// <param name="program">Of a type that fits the place.</param>
    /// <param name="target">An interface index, or the descriptor of a cgroup or namespace, as the type wants.</param>
    /// <param name="type">The place.</param>
    /// <param name="flags">As the place has them.</param>
    /// <exception cref="KernelException">The kernel refused; EINVAL when it does not know the place.</exception>
    public static BpfLink Create(BpfProgram program, int target, AttachType type, uint flags = 0)
    {
        var options = new bpf_link_create_opts { sz = (nuint)sizeof(bpf_link_create_opts), flags = flags };
        using FileDescriptor.Lease fd = program.Descriptor.Borrow();
        int result = LibbpfApi.bpf_link_create(fd.Number, target, (bpf_attach_type)type, &options);
        return Own(new FileDescriptor(KernelException.Check(result, $"attach {program} at {type} of", $"target {target}")));
    }

    /// <summary>Attaches a program to a cgroup, beside those that others attached, for it and all its children.</summary>
    /// <param name="program">Of a type that fits the place.</param>
    /// <param name="cgroup">The cgroup.</param>
    /// <param name="type">The place.</param>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public static BpfLink Create(BpfProgram program, Cgroup cgroup, AttachType type)
    {
        using FileDescriptor.Lease fd = cgroup.Descriptor.Borrow();
        return Create(program, fd.Number, type);
    }

    /// <summary>Opens a pinned link.</summary>
    /// <param name="path">In a bpf file system.</param>
    /// <exception cref="KernelException">Nothing there (ENOENT), or not a link.</exception>
    public static BpfLink OpenPinned(string path) => Own(BpfFs.OpenPin(path));

    /// <summary>Opens a link by its kernel id.</summary>
    /// <param name="id">From <see cref="KernelObjects"/>.</param>
    /// <exception cref="KernelException">Gone meanwhile (ENOENT).</exception>
    public static BpfLink OpenById(uint id)
    {
        int result = LibbpfApi.bpf_link_get_fd_by_id(id);
        return Own(new FileDescriptor(KernelException.Check(result, "open link", $"id {id}")));
    }

    /// <summary>What the kernel tells about the link now.</summary>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public LinkDescription Describe() => KernelObjects.LinkInfo(_descriptor, "link");

    /// <summary>Puts another program in the place of the attached one; no packet passes between the two.</summary>
    /// <param name="program">Of the same type.</param>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public void Update(BpfProgram program)
    {
        using FileDescriptor.Lease link = _descriptor.Borrow();
        using FileDescriptor.Lease fd = program.Descriptor.Borrow();
        KernelException.Check(LibbpfApi.bpf_link_update(link.Number, fd.Number, null), $"update to {program}", $"link {Id}");
    }

    /// <summary>Detaches, even where a pin or another process still holds the link.</summary>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public void Detach()
    {
        using FileDescriptor.Lease link = _descriptor.Borrow();
        KernelException.Check(LibbpfApi.bpf_link_detach(link.Number), "detach", $"link {Id}");
    }

    /// <summary>Pins the link, so that the program stays attached when this process ends.</summary>
    /// <param name="path">In a bpf file system; must not exist.</param>
    /// <exception cref="KernelException">The kernel refused; EEXIST when the path is taken.</exception>
    public void Pin(string path) => BpfFs.Pin(_descriptor, path);

    /// <inheritdoc/>
    public void Dispose() => _descriptor.Dispose();

    private static BpfLink Own(FileDescriptor descriptor)
    {
        try
        {
            return new BpfLink(descriptor);
        }
        catch
        {
            descriptor.Dispose();
            throw;
        }
    }
}
