using Datapath.Interop.Libc;

namespace Datapath.Interop.Libbpf;

/// <summary>Everything of BPF that is in the kernel, whoever put it there.</summary>
public static unsafe class KernelObjects
{
    private delegate int NextId(uint after, uint* next);

    /// <summary>All programs, by rising id. One that goes meanwhile is left out.</summary>
    /// <exception cref="KernelException">Not permitted.</exception>
    public static IReadOnlyList<ProgramDescription> Programs() =>
        Walk(LibbpfApi.bpf_prog_get_next_id, LibbpfApi.bpf_prog_get_fd_by_id, ProgramInfo, "program");

    /// <summary>All maps, by rising id. One that goes meanwhile is left out.</summary>
    /// <exception cref="KernelException">Not permitted.</exception>
    public static IReadOnlyList<MapDescription> Maps() =>
        Walk(LibbpfApi.bpf_map_get_next_id, LibbpfApi.bpf_map_get_fd_by_id, DescribeMap, "map");

    /// <summary>All links, by rising id. One that goes meanwhile is left out.</summary>
    /// <exception cref="KernelException">Not permitted.</exception>
    public static IReadOnlyList<LinkDescription> Links() =>
        Walk(LibbpfApi.bpf_link_get_next_id, LibbpfApi.bpf_link_get_fd_by_id, LinkInfo, "link");

    /// <summary>Asks about a program.</summary>
    internal static ProgramDescription ProgramInfo(FileDescriptor descriptor, string subject)
    {
        bpf_prog_info info = default;
        Ask(descriptor, &info, sizeof(bpf_prog_info), subject);
        // A program that is attached keeps its maps: the second call only lacks room if our first answer was wrong.
        var mapIds = new uint[info.nr_map_ids];
        fixed (uint* ids = mapIds)
        {
            info = new bpf_prog_info { nr_map_ids = (uint)mapIds.Length, map_ids = (ulong)ids };
            Ask(descriptor, &info, sizeof(bpf_prog_info), subject);
        }

        return new ProgramDescription
        {
            Id = info.id,
            Type = info.type,
            Name = Utf8Text.FromField(info.name),
            Tag = Convert.ToHexStringLower(info.tag),
            MapIds = [.. mapIds],
            VerifiedInstructions = info.verified_insns,
            TranslatedBytes = info.xlated_prog_len,
            RunCount = info.run_cnt,
            RunTimeNanoseconds = info.run_time_ns,
            LoadedAfterBoot = TimeSpan.FromTicks((long)(info.load_time / 100)),
        };
    }

    /// <summary>Asks about a map, raw.</summary>
    internal static bpf_map_info MapInfo(FileDescriptor descriptor, string subject)
    {
        bpf_map_info info = default;
        Ask(descriptor, &info, sizeof(bpf_map_info), subject);
        return info;
    }

    /// <summary>Asks for types, as they were loaded.</summary>
    internal static byte[] TypeBytes(FileDescriptor descriptor, string subject)
    {
        bpf_btf_info info = default;
        Ask(descriptor, &info, sizeof(bpf_btf_info), subject);
        var bytes = new byte[info.btf_size];
        fixed (byte* start = bytes)
        {
            info = new bpf_btf_info { btf = (ulong)start, btf_size = (uint)bytes.Length };
            Ask(descriptor, &info, sizeof(bpf_btf_info), subject);
        }

        return bytes;
    }

    /// <summary>Asks about a link.</summary>
    internal static LinkDescription LinkInfo(FileDescriptor descriptor, string subject)
    {
        bpf_link_info info = default;
        Ask(descriptor, &info, sizeof(bpf_link_info), subject);
        return LinkDescription.From(info);
    }

    private static MapDescription DescribeMap(FileDescriptor descriptor, string subject)
    {
        bpf_map_info info = MapInfo(descriptor, subject);
        return new MapDescription
        {
            Id = info.id,
            Type = (BpfMapType)info.type,
            Name = Utf8Text.FromField(info.name),
            KeyBytes = (int)info.key_size,
            ValueBytes = (int)info.value_size,
            MaxEntries = info.max_entries,
            Flags = info.map_flags,
        };
    }

    private static List<T> Walk<T>(NextId nextId, Func<uint, int> open, Func<FileDescriptor, string, T> describe, string kind)
    {
        var found = new List<T>();
        uint id = 0;
        while (true)
        {
            int result = nextId(id, &id);
            if (result == -Errno.NoEntry)
            {
                return found;
            }

            KernelException.Check(result, "list", kind + "s");
            int descriptor = open(id);
            // EAGAIN: a link whose making is not finished, which may still come to nothing (bpf_link_by_id).
            if (descriptor is -Errno.NoEntry or -Errno.TryAgain)
            {
                continue;
            }

            using var owned = new FileDescriptor(KernelException.Check(descriptor, $"open {kind}", $"id {id}"));
            found.Add(describe(owned, $"{kind} {id}"));
        }
    }

    private static void Ask(FileDescriptor descriptor, void* info, int size, string subject)
    {
        uint length = (uint)size;
        using FileDescriptor.Lease fd = descriptor.Borrow();
        KernelException.Check(LibbpfApi.bpf_obj_get_info_by_fd(fd.Number, info, &length), "ask about", subject);
    }
}
