namespace Datapath.Interop.Libbpf;

/// <summary>What the kernel tells about a link.</summary>
public sealed record LinkDescription
{
    // Younger than the headers of Debian 12: BPF_LINK_TYPE_TCX of linux/bpf.h. Its interface and place lie where netns has inode and place.
    private const uint TcxLink = 11;

    /// <summary>The kernel's id.</summary>
    public required uint Id { get; init; }

    /// <summary>A number of <c>enum bpf_link_type</c>.</summary>
    public required uint Type { get; init; }

    /// <summary>The program attached.</summary>
    public required uint ProgramId { get; init; }

    /// <summary>The interface of a tcx or XDP link; 0 for others and for one that is detached.</summary>
    public required int InterfaceIndex { get; init; }

    /// <summary>Id of the cgroup of a cgroup's link; 0 for others and for one whose cgroup is gone.</summary>
    public required ulong CgroupId { get; init; }

    /// <summary>Whether it is attached to anything now, of the kinds of links that are known here.</summary>
    public bool IsAttached => InterfaceIndex != 0 || CgroupId != 0;

    /// <summary>The place, where the kernel tells it.</summary>
    public required AttachType? Place { get; init; }

    /// <summary>Reads the kernel's answer.</summary>
    internal static LinkDescription From(in bpf_link_info info)
    {
        bool isTcx = info.type == TcxLink;
        bool isXdp = info.type == (uint)bpf_link_type.BPF_LINK_TYPE_XDP;
        bool isCgroup = info.type == (uint)bpf_link_type.BPF_LINK_TYPE_CGROUP;
        return new LinkDescription
        {
            Id = info.id,
            Type = info.type,
            ProgramId = info.prog_id,
            InterfaceIndex = isTcx ? (int)info.netns.netns_ino : isXdp ? (int)info.xdp.ifindex : 0,
            CgroupId = isCgroup ? info.cgroup.cgroup_id : 0,
            Place = isTcx ? (AttachType)info.netns.attach_type
                : isXdp ? AttachType.Xdp
                : isCgroup ? (AttachType)info.cgroup.attach_type
                : null,
        };
    }
}
