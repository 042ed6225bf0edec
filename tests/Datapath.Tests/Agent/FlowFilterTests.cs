using Datapath.Agent.Documents;
using Datapath.Agent.Records;
using Xunit;

namespace Datapath.Tests.Agent;

public sealed class FlowFilterTests
{
    private static readonly FlowRecordDocument Record = new()
    {
        Action = "Reject",
        SourceId = "/office",
        SourceName = "office",
        SourceIp = "192.0.2.10",
        DestinationId = "/shop/web",
        DestinationName = "web",
        DestinationIp = "2001:db8::10",
        DestinationPort = 443,
        Protocol = 6,
        PolicyId = "web-serves",
        PolicyNamespace = "/shop",
        ObservedPolicyId = "later",
        ObservedPolicyNamespace = "/",
    };

    [Theory]
    [InlineData("unit", "web", true)]
    [InlineData("unit", "/shop/web", true)]
    [InlineData("unit", "office", true)]
    [InlineData("unit", "we", false)]
    [InlineData("unit", "/other/web", false)]
    [InlineData("address", "192.0.2.10", true)]
    [InlineData("address", "192.0.2.99/24", true)]
    [InlineData("address", "192.0.3.0/24", false)]
    [InlineData("address", "2001:db8::/32", true)]
    [InlineData("address", "::/0", true)]
    [InlineData("port", "443", true)]
    [InlineData("port", "tcp/443", true)]
    [InlineData("port", "udp/443", false)]
    [InlineData("port", "400-500", true)]
    [InlineData("port", "444-500", false)]
    [InlineData("port", "tcp", true)]
    [InlineData("port", "icmp", false)]
    [InlineData("action", "reject", true)]
    [InlineData("action", "Accept", false)]
    [InlineData("ruleset", "web-serves", true)]
    [InlineData("ruleset", "/shop/web-serves", true)]
    [InlineData("ruleset", "/web-serves", false)]
    [InlineData("ruleset", "later", true)]
    [InlineData("ruleset", "/later", true)]
    public void A_filter_takes_what_it_names_and_nothing_else(string what, string text, bool isWanted)
    {
        FlowFilter filter = FlowFilter.Parse(Question(what, text), out string? problem);
        Assert.Null(problem);
        Assert.Equal(isWanted, filter.Matches(Record));
    }

    [Theory]
    [InlineData("address", "web")]
    [InlineData("address", "10.0.0.0/33")]
    [InlineData("address", "10.0.0.0/")]
    [InlineData("port", "http")]
    [InlineData("port", "tcp/")]
    [InlineData("port", "70000")]
    [InlineData("port", "20-10")]
    [InlineData("port", "icmp/")]
    [InlineData("action", "drop")]
    public void What_is_no_filter_is_refused_and_not_ignored(string what, string text)
    {
        FlowFilter.Parse(Question(what, text), out string? problem);
        Assert.Contains($"'{text}'", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void All_of_several_filters_must_match()
    {
        Assert.True(FlowFilter.Parse(new FlowQuestion { Unit = "web", Port = "443" }, out _).Matches(Record));
        Assert.False(FlowFilter.Parse(new FlowQuestion { Unit = "web", Port = "80" }, out _).Matches(Record));
        Assert.False(FlowFilter.Parse(new FlowQuestion { Unit = "db", Port = "443" }, out _).Matches(Record));
    }

    private static FlowQuestion Question(string what, string text) =>
        what switch
        {
            "unit" => new FlowQuestion { Unit = text },
            "address" => new FlowQuestion { Address = text },
            "port" => new FlowQuestion { Port = text },
            "action" => new FlowQuestion { Action = text },
            _ => new FlowQuestion { Ruleset = text },
        };
}
