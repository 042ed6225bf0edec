using Datapath.Interop;
using Datapath.Interop.Libc;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace Datapath.Tests.Interop.Libc;

/// <summary>Descriptors that a library leaves open.</summary>
public sealed class OwnDescriptorsTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void What_is_left_open_is_closed_with_the_thread()
    {
        Assert.Equal(
            1,
            OwnDescriptors.Run(() =>
            {
                SafeFileHandle left = File.OpenHandle(_file);
                left.SetHandleAsInvalid();
                return OpenBy("thread-self");
            })
        );
        Assert.Equal(0, OpenBy("self"));
    }

    [Fact]
    public void What_fails_fails_for_the_caller()
    {
        KernelException failure = Assert.Throws<KernelException>(() => OwnDescriptors.Run<int>(() => throw new KernelException("try", "it", 1)));
        Assert.StartsWith("cannot try it: EPERM", failure.Message, StringComparison.Ordinal);
    }

    private int OpenBy(string thread) => Directory.EnumerateFileSystemEntries($"/proc/{thread}/fd").Count(entry => new FileInfo(entry).LinkTarget == _file);
}
