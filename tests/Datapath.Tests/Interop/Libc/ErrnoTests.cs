using Datapath.Interop;
using Datapath.Interop.Libc;
using Xunit;

namespace Datapath.Tests.Interop.Libc;

/// <summary>Numbers to names.</summary>
public sealed class ErrnoTests
{
    [Theory]
    [InlineData(1, "EPERM")]
    [InlineData(2, "ENOENT")]
    [InlineData(7, "E2BIG")]
    [InlineData(11, "EAGAIN")]
    [InlineData(13, "EACCES")]
    [InlineData(22, "EINVAL")]
    [InlineData(38, "ENOSYS")]
    [InlineData(95, "EOPNOTSUPP")]
    [InlineData(105, "ENOBUFS")]
    [InlineData(524, "ENOTSUPP")]
    [InlineData(9999, "9999")]
    public void A_number_has_its_symbol(int errno, string symbol) => Assert.Equal(symbol, Errno.Symbol(errno));

    [Fact]
    public void A_refusal_says_operation_subject_number_and_text()
    {
        var refusal = new KernelException("update map", "dp_flows", Errno.NoEntry, "  more");
        Assert.Equal($"cannot update map dp_flows: ENOENT (No such file or directory){Environment.NewLine}  more", refusal.Message);
        Assert.Equal(("update map", "dp_flows", 2, "ENOENT"), (refusal.Operation, refusal.Subject, refusal.Number, refusal.Symbol));
    }

    [Fact]
    public void A_verifier_refusal_keeps_the_end_of_a_long_log()
    {
        string log = string.Join('\n', Enumerable.Range(1, 1000).Select(line => $"line {line}"));
        var refusal = new VerifierException("dp_segment/dp_tc_ingress", 13, log);
        Assert.EndsWith("  line 1000", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("  line 971", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("  line 970", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(log, refusal.Log);
    }
}
