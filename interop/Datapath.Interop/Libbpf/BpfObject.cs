using Datapath.Interop.Btf;
using Datapath.Interop.Libc;

namespace Datapath.Interop.Libbpf;

/// <summary>An object file of programs and maps: opened, adjusted, loaded; disposing closes what nothing else holds.</summary>
/// <remarks>Adjusting after loading is a bug and throws <see cref="InvalidOperationException"/>; so does using before.</remarks>
public sealed unsafe partial class BpfObject : IDisposable
{
    private readonly BpfObjectHandle _handle;
    private readonly Dictionary<string, BpfMap> _maps = new(StringComparer.Ordinal);
    private readonly Dictionary<string, BpfProgram> _programs = new(StringComparer.Ordinal);
    private bool _loaded;

    private BpfObject(BpfObjectHandle handle, string name)
    {
        _handle = handle;
        Name = name;
        Types = ReadTypes();
    }

    /// <summary>The object's name; the kernel prefixes the names of its data maps with it.</summary>
    public string Name { get; }

    /// <summary>The types of the object, as its BTF says.</summary>
    public BtfTypes Types { get; }

    /// <summary>The loaded maps by name.</summary>
    public IReadOnlyDictionary<string, BpfMap> Maps => _maps;

    /// <summary>The loaded programs by name.</summary>
    public IReadOnlyDictionary<string, BpfProgram> Programs => _programs;

    /// <summary>libbpf's pointer, for a library that loads the object itself.</summary>
    internal bpf_object* Unloaded
    {
        get
        {
            RequireLoaded(false);
            return _handle.Object;
        }
    }

    /// <summary>Reads an object file from memory; nothing is in the kernel yet.</summary>
    /// <param name="elf">The whole file.</param>
    /// <param name="name">Letters, digits and underscores.</param>
    /// <exception cref="KernelException">Not an object that libbpf understands.</exception>
    public static BpfObject Open(ReadOnlySpan<byte> elf, string name)
    {
        LibbpfMessages.Clear();
        var handle = new BpfObjectHandle();
        try
        {
            handle.Open(elf, name);
            return new BpfObject(handle, name);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Puts maps and programs into the kernel.</summary>
    /// <exception cref="VerifierException">The verifier refused a program.</exception>
    /// <exception cref="KernelException">Refused for another reason, such as too little memory.</exception>
    public void Load()
    {
        RequireLoaded(false);
        LibbpfMessages.Clear();
        int result = LibbpfApi.bpf_object__load(_handle.Object);
        if (result < 0)
        {
            throw LoadFailure(-result);
        }

        _loaded = true;
        TakeMaps();
        TakePrograms();
    }

    /// <summary>A loaded map.</summary>
    /// <param name="name">As in the source.</param>
    /// <exception cref="InvalidOperationException">The object has no such map.</exception>
    public BpfMap Map(string name)
    {
        RequireLoaded(true);
        return _maps.GetValueOrDefault(name) ?? throw Unknown("map", name);
    }

    /// <summary>A loaded map with the types of its keys and values.</summary>
    /// <typeparam name="TKey">Its keys.</typeparam>
    /// <typeparam name="TValue">Its values.</typeparam>
    /// <param name="name">Generated.</param>
    /// <exception cref="InvalidOperationException">The object has no such map, or one of other sizes.</exception>
    public BpfMap<TKey, TValue> Map<TKey, TValue>(MapName<TKey, TValue> name)
        where TKey : unmanaged
        where TValue : unmanaged => new(Map(name.Name));

    /// <summary>A loaded program.</summary>
    /// <param name="name">The function's name in the source.</param>
    /// <exception cref="InvalidOperationException">The object has no such program.</exception>
    public BpfProgram Program(string name)
    {
        RequireLoaded(true);
        return _programs.GetValueOrDefault(name) ?? throw Unknown("program", name);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (BpfMap map in _maps.Values)
        {
            map.Dispose();
        }

        foreach (BpfProgram program in _programs.Values)
        {
            program.Dispose();
        }

        _handle.Dispose();
    }

    private BtfTypes ReadTypes()
    {
        uint size = 0;
        btf* btf = LibbpfApi.bpf_object__btf(_handle.Object);
        byte* data = btf == null ? null : (byte*)LibbpfApi.btf__raw_data(btf, &size);
        return BtfReader.Read(new ReadOnlySpan<byte>(data, (int)size));
    }

    private void TakeMaps()
    {
        for (bpf_map* map = Next(null); map != null; map = Next(map))
        {
            if (LibbpfApi.bpf_map__autocreate(map) != 0)
            {
                string name = Utf8Text.FromPointer(LibbpfApi.bpf_map__name(map));
                _maps.Add(name, BpfMap.Own(FileDescriptor.DuplicateOf(LibbpfApi.bpf_map__fd(map), name), name));
            }
        }
    }

    private void TakePrograms()
    {
        bpf_program* program = LibbpfApi.bpf_object__next_program(_handle.Object, null);
        for (; program != null; program = LibbpfApi.bpf_object__next_program(_handle.Object, program))
        {
            if (LibbpfApi.bpf_program__autoload(program) != 0)
            {
                string name = Utf8Text.FromPointer(LibbpfApi.bpf_program__name(program));
                _programs.Add(name, BpfProgram.Own(FileDescriptor.DuplicateOf(LibbpfApi.bpf_program__fd(program), name), name));
            }
        }
    }

    private bpf_map* Next(bpf_map* map) => LibbpfApi.bpf_object__next_map(_handle.Object, map);

    private KernelException LoadFailure(int errno)
    {
        string messages = LibbpfMessages.Collected();
        string log = _handle.VerifierLog;
        // The log also holds what loading the BTF said; only libbpf's own words tell which program it stopped at.
        return messages.Contains("BPF program load failed", StringComparison.Ordinal) && log.Length > 0
            ? new VerifierException(RefusedProgram(messages), errno, log)
            : new KernelException("load", Name, errno, messages);
    }

    private string RefusedProgram(string messages)
    {
        const string Before = "prog '";
        int start = messages.IndexOf(Before, StringComparison.Ordinal);
        int end = start < 0 ? -1 : messages.IndexOf('\'', start + Before.Length);
        return end < 0 ? Name : $"{Name}/{messages[(start + Before.Length)..end]}";
    }

    private void RequireLoaded(bool loaded)
    {
        if (_loaded != loaded)
        {
            throw new InvalidOperationException($"object {Name} is {(_loaded ? "loaded already" : "not loaded yet")}");
        }
    }

    private InvalidOperationException Unknown(string kind, string name) => new($"object {Name} has no {kind} {name}");
}
