using Datapath.Policy.Compilation;
using Datapath.Policy.Options;
using Xunit;

namespace Datapath.Tests.Policy.Options;

public sealed class FailsafePortTests
{
    [Theory]
    [InlineData("tcp/22", "tcp/22")]
    [InlineData("UDP/0", "udp/0")]
    [InlineData("tcp/65535@10.1.2.3/8", "tcp/65535@10.0.0.0/8")]
    [InlineData("udp/53@10.1.2.3", "udp/53@10.1.2.3/32")]
    [InlineData("udp/53@fd00::1/0", "udp/53@::/0")]
    public void A_port_is_read_and_written_back(string text, string expected)
    {
        FailsafePortReading reading = FailsafePort.Parse(Direction.Outgoing, text);
        Assert.Null(reading.Problem);
        Assert.Equal((Direction.Outgoing, expected), (reading.Port!.Direction, reading.Port.ToString()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("22")]
    [InlineData("icmp/8")]
    [InlineData("tcp")]
    [InlineData("tcp/")]
    [InlineData("tcp/65536")]
    [InlineData("tcp/-1")]
    [InlineData("tcp/22@")]
    [InlineData("tcp/22@10.0.0.0/33")]
    [InlineData("tcp/22@10.0.0.0/")]
    [InlineData("tcp/22@example.com")]
    public void What_is_no_port_is_refused_with_the_text(string text)
    {
        FailsafePortReading reading = FailsafePort.Parse(Direction.Incoming, text);
        Assert.Null(reading.Port);
        Assert.Contains($"'{text}'", reading.Problem, StringComparison.Ordinal);
    }
}
