using System.Net.Sockets;
using Datapath.Lab.Demo;
using Datapath.Lab.Networks;
using Xunit;

namespace Datapath.Tests.Tools.Lab;

public sealed class ExpectedTableTests
{
    [Fact]
    public void Adjoining_lines_of_one_attempt_are_its_judgements()
    {
        var attempt = Assert.Single(
            ExpectedTable.Read(
                "t.txt",
                """
                # a comment
                web db 6 tcp/5432 allow web outgoing web-serves 1 database

                web db 6 tcp/5432 allow db incoming default /shop
                """
            )
        );
        Assert.Equal(("web", "db", AddressFamily.InterNetworkV6, true), (attempt.From, attempt.To, attempt.Family, attempt.IsAllowed));
        Assert.Equal((ProtocolType.Tcp, 5432), (attempt.What.Protocol, attempt.What.Port));
        Assert.Equal(
            [new Judgement("web", "outgoing", "web-serves", "1 database"), new Judgement("db", "incoming", "default", "/shop")],
            attempt.Judgements
        );
    }

    [Fact]
    public void Another_verdict_or_family_is_another_attempt() =>
        Assert.Equal(
            3,
            ExpectedTable
                .Read(
                    "t.txt",
                    "a b 4 udp/9 allow b incoming r 1\na b 6 udp/9 allow b incoming r 1\na b 6 udp/9 reject b incoming default /\n"
                )
                .Length
        );

    [Theory]
    [InlineData("a b 5 tcp/1 allow b incoming r 1", "t.txt:2: '5' is neither 4 nor 6")]
    [InlineData("a b 4 tcp/1 maybe b incoming r 1", "t.txt:2: 'maybe' is neither allow nor reject")]
    [InlineData("a b 4 icmp/3/1 allow b incoming r 1", "t.txt:2: 'icmp/3/1' is none of tcp/N, udp/N, icmp/8/0, icmp/128/0")]
    [InlineData("a b 4 tcp/1 allow b incoming", "t.txt:2: 7 columns instead of 9")]
    public void A_line_that_does_not_read_is_named(string line, string message) =>
        Assert.Equal(message, Assert.Throws<LabException>(() => ExpectedTable.Read("t.txt", $"# title\n{line}\n")).Message);
}
