using Datapath.Interop.Libbpf;

namespace Datapath.KernelTests.Support;

/// <summary>The object of tests/bpf, as it was compiled into this assembly.</summary>
internal static class TestObject
{
    internal const string ObjectName = "dp_it";

    /// <summary>Opens it; nothing is in the kernel yet.</summary>
    internal static BpfObject Open() => BpfObject.Open(Bytes("interop_test.bpf.o"), ObjectName);

    /// <summary>Opens and loads it.</summary>
    internal static BpfObject Load()
    {
        BpfObject loaded = Open();
        try
        {
            loaded.Load();
            return loaded;
        }
        catch
        {
            loaded.Dispose();
            throw;
        }
    }

    /// <summary>The bytes of a compiled object.</summary>
    internal static byte[] Bytes(string name)
    {
        using Stream stream = typeof(TestObject).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"{name} is not in this assembly");
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }
}
