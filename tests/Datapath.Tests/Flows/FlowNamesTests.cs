using System.Net;
using Datapath.Flows;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;
using Xunit;

namespace Datapath.Tests.Flows;

public sealed class FlowNamesTests
{
    private const string Policy = """
        APIVersion: 1
        label: shop
        data:
          externalnetworks:
            - name: office
              namespace: /
              propagate: true
              associatedTags: ["externalnetwork:name=office"]
              entries: ["192.0.2.0/24", "!192.0.2.128/25", "2001:db8::/32"]
            - name: guests
              namespace: /
              propagate: true
              associatedTags: ["externalnetwork:name=guests"]
              entries: ["192.0.2.64/26", "0.0.0.0/0"]
          processingunits:
            - name: web
              namespace: /shop
              attach: {interface: web0}
              addresses: ["192.0.2.10", "2001:db8::10"]
              associatedTags: ["app=web"]
        """;

    private readonly FlowNames _names = Names();

    [Theory]
    [InlineData("192.0.2.10", "/shop/web")]
    [InlineData("2001:db8::10", "/shop/web")]
    [InlineData("192.0.2.11", "/office")]
    [InlineData("192.0.2.65", "/guests")]
    [InlineData("192.0.2.200", "/guests")]
    [InlineData("203.0.113.1", "/guests")]
    [InlineData("2001:db8:1::1", "/office")]
    [InlineData("2001:db9::1", "default")]
    [InlineData("::ffff:192.0.2.11", "/office")]
    public void An_address_is_the_units_else_of_the_longest_prefix_that_is_no_hole(string address, string id) =>
        Assert.Equal(id, _names.Peer(IPAddress.Parse(address)).Id);

    [Fact]
    public void Ends_carry_type_name_and_tags()
    {
        FlowEndpoint web = _names.Peer(IPAddress.Parse("192.0.2.10"));
        Assert.Equal((FlowEndpointType.ProcessingUnit, "web", "/shop"), (web.Type, web.Name, web.Namespace));
        Assert.Contains("app=web", web.Tags);
        FlowEndpoint office = _names.Peer(IPAddress.Parse("192.0.2.11"));
        Assert.Equal((FlowEndpointType.ExternalNetwork, "office", "/"), (office.Type, office.Name, office.Namespace));
        Assert.Contains("externalnetwork:name=office", office.Tags);
        Assert.Equal(FlowEndpointType.ExternalNetwork, FlowEndpoint.Unknown.Type);
    }

    [Fact]
    public void The_judged_unit_is_known_by_its_number_and_stands_on_its_side()
    {
        int number = Compiled().Indexes.Units.Single().Number;
        FlowEvent incoming = Support.FlowEvents.Of(source: "192.0.2.11", destination: "198.51.100.1") with { Unit = number };
        FlowRecord record = Support.FlowEvents.Record(incoming, _names);
        Assert.Equal(("/office", "/shop/web", "/shop/web"), (record.Source.Id, record.Destination.Id, record.Unit.Id));
        FlowRecord back = Support.FlowEvents.Record(incoming with { Direction = Direction.Outgoing }, _names);
        Assert.Equal(("/shop/web", "/guests"), (back.Source.Id, back.Destination.Id));
        Assert.Contains("app=web", back.Source.Tags);
    }

    [Fact]
    public void A_unit_that_is_gone_keeps_its_name_as_long_as_its_number()
    {
        FlowNames later = FlowNames.Of(Compiled().Indexes, compiled: null, resolved: null);
        FlowEndpoint web = later.Unit(Compiled().Indexes.Units.Single().Number)!;
        Assert.Equal(("/shop/web", 0), (web.Id, web.Tags.Length));
        Assert.Null(later.Unit(999));
        Assert.Null(later.Rule(999));
    }

    private static ResolvedPolicy Resolved()
    {
        PolicyReading reading = PolicyReader.ReadAll([("shop.yaml", Policy)]);
        Assert.Empty(reading.Diagnostics);
        return PolicyResolver.Resolve(reading.Policy, HostInventory.Unknown, new PolicyOptions()).Policy;
    }

    private static PolicyCompilation Compiled() => PolicyCompiler.Compile(Resolved(), RuleIndexes.Empty);

    private static FlowNames Names() => FlowNames.Of(Compiled().Indexes, Compiled().Policy, Resolved());
}
