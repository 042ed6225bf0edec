using System.Runtime.CompilerServices;
using Datapath.Interop.Btf;
using Datapath.Interop.Libc;

namespace Datapath.Interop.Libbpf;

/// <content>What may be changed between opening and loading.</content>
public sealed unsafe partial class BpfObject
{
    private const string ReadOnlyData = ".rodata";

    /// <summary>Sets a <c>const volatile</c> of the programs; the verifier then knows its value.</summary>
    /// <typeparam name="T">As large as the variable.</typeparam>
    /// <param name="name">The variable's name in the source.</param>
    /// <param name="value">In host byte order.</param>
    /// <exception cref="InvalidOperationException">No such variable, or of another size.</exception>
    public void SetKnob<T>(string name, T value)
        where T : unmanaged
    {
        RequireLoaded(false);
        BtfVariable knob = FindKnob(name);
        if (knob.SizeBytes != Unsafe.SizeOf<T>())
        {
            throw new InvalidOperationException(
                $"knob {name} of object {Name} has {knob.SizeBytes} bytes, but {typeof(T).Name} has {Unsafe.SizeOf<T>()}");
        }

        Unsafe.WriteUnaligned(ref KnobBytes()[knob.OffsetBytes], value);
    }

    /// <summary>Reads a knob before loading: its default, or what was set.</summary>
    /// <typeparam name="T">As large as the variable.</typeparam>
    /// <param name="name">The variable's name in the source.</param>
    /// <exception cref="InvalidOperationException">No such variable, or of another size.</exception>
    public T Knob<T>(string name)
        where T : unmanaged
    {
        RequireLoaded(false);
        BtfVariable knob = FindKnob(name);
        return knob.SizeBytes == Unsafe.SizeOf<T>()
            ? Unsafe.ReadUnaligned<T>(in KnobBytes()[knob.OffsetBytes])
            : throw new InvalidOperationException($"knob {name} of object {Name} has {knob.SizeBytes} bytes");
    }

    /// <summary>Changes the capacity of a map.</summary>
    /// <param name="map">The map's name.</param>
    /// <param name="entries">At least 1; bytes for a ring buffer, a power of two and whole pages.</param>
    /// <exception cref="InvalidOperationException">No such map.</exception>
    public void SetMaxEntries(string map, uint entries) =>
        Check(LibbpfApi.bpf_map__set_max_entries(FindMap(map), entries), "set capacity of map", map);

    /// <summary>Changes the size of a map's value, for arenas whose block size is chosen at run time.</summary>
    /// <param name="map">The map's name.</param>
    /// <param name="bytes">At least 1.</param>
    /// <exception cref="InvalidOperationException">No such map.</exception>
    public void SetValueBytes(string map, uint bytes) =>
        Check(LibbpfApi.bpf_map__set_value_size(FindMap(map), bytes), "set value size of map", map);

    /// <summary>Changes the BPF_F_* flags of a map, as when a kernel does not know one of them.</summary>
    /// <param name="map">The map's name.</param>
    /// <param name="flags">Of linux/bpf.h.</param>
    /// <exception cref="InvalidOperationException">No such map.</exception>
    public void SetMapFlags(string map, uint flags) =>
        Check(LibbpfApi.bpf_map__set_map_flags(FindMap(map), flags), "set flags of map", map);

    /// <summary>Leaves a map out, for kernels that do not know its kind.</summary>
    /// <param name="map">The map's name.</param>
    /// <param name="create">Whether loading makes it.</param>
    /// <exception cref="InvalidOperationException">No such map.</exception>
    public void SetAutocreate(string map, bool create) =>
        Check(LibbpfApi.bpf_map__set_autocreate(FindMap(map), create ? (byte)1 : (byte)0), "leave out map", map);

    /// <summary>Leaves a program out.</summary>
    /// <param name="program">The function's name.</param>
    /// <param name="load">Whether loading loads it.</param>
    /// <exception cref="InvalidOperationException">No such program.</exception>
    public void SetAutoload(string program, bool load) =>
        Check(LibbpfApi.bpf_program__set_autoload(FindProgram(program), load ? (byte)1 : (byte)0), "leave out program", program);

    /// <summary>Uses a map that exists already in place of a new one.</summary>
    /// <param name="map">The map's name in the object.</param>
    /// <param name="existing">Of the same type, sizes, capacity and flags; stays the caller's.</param>
    /// <exception cref="KernelException">The existing map differs (EINVAL).</exception>
    public void Reuse(string map, BpfMap existing)
    {
        using FileDescriptor.Lease fd = existing.Descriptor.Borrow();
        Check(LibbpfApi.bpf_map__reuse_fd(FindMap(map), fd.Number), $"reuse {existing} as", map);
    }

    /// <summary>Pins a map at load, or uses the compatible one that is pinned there.</summary>
    /// <param name="map">The map's name.</param>
    /// <param name="path">In a bpf file system.</param>
    /// <exception cref="InvalidOperationException">No such map.</exception>
    public void SetPinPath(string map, string path)
    {
        fixed (byte* cPath = Utf8Text.ZeroTerminated(path))
        {
            Check(LibbpfApi.bpf_map__set_pin_path(FindMap(map), cPath), "set pin path of map", map);
        }
    }

    /// <summary>Names of all maps of the file, loaded or not, the data maps included.</summary>
    public IReadOnlyList<string> MapNames
    {
        get
        {
            var names = new List<string>();
            for (bpf_map* map = Next(null); map != null; map = Next(map))
            {
                names.Add(Utf8Text.FromPointer(LibbpfApi.bpf_map__name(map)));
            }

            return names;
        }
    }

    private BtfVariable FindKnob(string name) =>
        Types.Section(ReadOnlyData).FirstOrDefault(variable => variable.Name == name) ?? throw Unknown("knob", name);

    private Span<byte> KnobBytes()
    {
        nuint size = 0;
        void* start = LibbpfApi.bpf_map__initial_value(FindMap(ReadOnlyData), &size);
        return new Span<byte>(start, (int)size);
    }

    private bpf_map* FindMap(string name)
    {
        RequireLoaded(false);
        fixed (byte* cName = Utf8Text.ZeroTerminated(name))
        {
            bpf_map* map = LibbpfApi.bpf_object__find_map_by_name(_handle.Object, cName);
            return map != null ? map : throw Unknown("map", name);
        }
    }

    private bpf_program* FindProgram(string name)
    {
        RequireLoaded(false);
        fixed (byte* cName = Utf8Text.ZeroTerminated(name))
        {
            bpf_program* program = LibbpfApi.bpf_object__find_program_by_name(_handle.Object, cName);
            return program != null ? program : throw Unknown("program", name);
        }
    }

    private static void Check(int result, string operation, string subject) => KernelException.Check(result, operation, subject);
}
