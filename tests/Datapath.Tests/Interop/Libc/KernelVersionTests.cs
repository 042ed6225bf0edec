using Datapath.Interop.Libc;
using Xunit;

namespace Datapath.Tests.Interop.Libc;

/// <summary>Releases as distributions write them.</summary>
public sealed class KernelVersionTests
{
    [Theory]
    [InlineData("6.1.0-18-amd64\n", 6, 1, 0)]
    [InlineData("5.15.167.4-microsoft-standard-WSL2", 5, 15, 167)]
    [InlineData("4.18.0-553.el8_10.x86_64", 4, 18, 0)]
    [InlineData("6.18-rc1", 6, 18, 0)]
    [InlineData("6", 6, 0, 0)]
    [InlineData("", 0, 0, 0)]
    [InlineData("next-20240101", 0, 0, 0)]
    [InlineData("6.99999999999.1", 6, 0, 0)]
    public void A_release_is_read_as_far_as_it_is_numbers(string release, int major, int minor, int patch) =>
        Assert.Equal(new KernelVersion(major, minor, patch), KernelVersion.Parse(release));

    [Fact]
    public void Versions_are_ordered_by_number_and_not_by_text()
    {
        Assert.True(new KernelVersion(5, 10, 0) > new KernelVersion(5, 9, 99));
        Assert.True(new KernelVersion(6, 0, 0) >= new KernelVersion(6, 0, 0));
        Assert.True(new KernelVersion(4, 18, 0) < new KernelVersion(5, 0, 0));
    }

    [Fact]
    public void The_running_kernel_has_a_version() => Assert.InRange(KernelVersion.Running.Major, 3, 99);
}
