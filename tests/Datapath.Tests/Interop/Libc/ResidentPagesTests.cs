using System.Globalization;
using Datapath.Interop.Libc;
using Xunit;

namespace Datapath.Tests.Interop.Libc;

public sealed class ResidentPagesTests
{
    private static readonly byte[] Text = "kept"u8.ToArray();

    [Fact]
    public void Code_that_is_not_in_use_counts_no_longer_and_what_was_written_stays()
    {
        // A private mapping that was written to: what is in it is nowhere else.
        byte[] written = [.. Text];
        long before = ResidentFileKilobytes();
        Assert.InRange(ResidentPages.Release(), 1, long.MaxValue);
        Assert.InRange(ResidentFileKilobytes(), 0, before - 1);
        Assert.Equal(Text, written);

        // What was let go of still runs.
        Assert.Equal("12,5", string.Create(CultureInfo.GetCultureInfo(""), $"{12},{5}"));
    }

    // proc_pid_status(5).
    private static long ResidentFileKilobytes() =>
        long.Parse(
            File.ReadLines("/proc/self/status").First(line => line.StartsWith("RssFile:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
            CultureInfo.InvariantCulture
        );
}
