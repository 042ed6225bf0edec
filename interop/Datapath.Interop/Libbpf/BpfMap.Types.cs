using Datapath.Interop.Btf;
using Datapath.Interop.Libc;

namespace Datapath.Interop.Libbpf;

/// <content>Maps whose structs are not those of this program.</content>
public sealed unsafe partial class BpfMap
{
    /// <summary>An entry in bytes, which are good until the next one.</summary>
    /// <param name="key">As large as a key.</param>
    /// <param name="value">As large as a value.</param>
    public delegate void RawEntry(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);

    /// <summary>Asks the kernel what the entries are; null when whoever made the map did not tell.</summary>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public MapTypes? ReadTypes()
    {
        bpf_map_info info = KernelObjects.MapInfo(_descriptor, Name);
        if (info.btf_id == 0 || info.btf_key_type_id == 0 || info.btf_value_type_id == 0)
        {
            return null;
        }

        int opened = LibbpfApi.bpf_btf_get_fd_by_id(info.btf_id);
        using var descriptor = new FileDescriptor(KernelException.Check(opened, "open types", Name));
        BtfTypes types = BtfReader.Read(KernelObjects.TypeBytes(descriptor, Name));
        return new MapTypes(types, types.Resolve((int)info.btf_key_type_id), types.Resolve((int)info.btf_value_type_id));
    }

    /// <summary>Walks over the entries. What is made or removed meanwhile may or may not show.</summary>
    /// <param name="onEntry">Told of each.</param>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public void ForEach(RawEntry onEntry)
    {
        var key = new byte[KeyBytes];
        var next = new byte[KeyBytes];
        var value = new byte[ValueBytes];
        // From a key that is gone the kernel begins again: somebody who removes all the time must not keep us here.
        for (long step = 0; step < 2L * MaxEntries && TryNext(step == 0 ? null : key, next); step++)
        {
            (key, next) = (next, key);
            if (TryLookup(key, value))
            {
                onEntry(key, value);
            }
        }
    }

    private bool TryNext(byte[]? key, byte[] next)
    {
        using FileDescriptor.Lease fd = _descriptor.Borrow();
        fixed (byte* before = key)
        fixed (byte* after = next)
        {
            int result = LibbpfApi.bpf_map_get_next_key(fd.Number, before, after);
            return result != -Errno.NoEntry && KernelException.Check(result, "walk map", Name) == 0;
        }
    }
}
