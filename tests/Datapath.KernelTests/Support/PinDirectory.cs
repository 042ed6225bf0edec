using Datapath.Interop.Libbpf;

namespace Datapath.KernelTests.Support;

/// <summary>A bpf file system of the test's own, unmounted at the end, its pins with it.</summary>
internal sealed class PinDirectory : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("dpi-").FullName;

    internal PinDirectory() => BpfFs.Mount(_path);

    internal string PathOf(string name) => Path.Combine(_path, name);

    public void Dispose()
    {
        BpfFs.Unmount(_path);
        Directory.Delete(_path);
    }
}
