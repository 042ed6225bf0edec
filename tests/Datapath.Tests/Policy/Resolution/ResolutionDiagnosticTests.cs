using System.Collections.Immutable;
using System.Net;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;
using Datapath.Tests.Support;
using Xunit;
using static Datapath.Tests.Support.Written;

namespace Datapath.Tests.Policy.Resolution;

/// <summary>Objects that do not go together are said to be so, with both names and both places.</summary>
public sealed class ResolutionDiagnosticTests
{
    private static readonly Attachment Host = new(AttachmentKind.Host, "");

    [Fact]
    public void An_address_of_two_units_names_both()
    {
        ProcessingUnit first = Unit("web", "", "10.0.0.1");
        ProcessingUnit second = Unit("db", "", "10.0.0.1", "10.0.0.2");
        Diagnostic only = Only(Scenario.Of(first, second));
        Assert.Equal(("DP2004", second.At), (only.Code, only.At));
        Assert.Contains("10.0.0.1", only.Message, StringComparison.Ordinal);
        Assert.Contains("'db'", only.Message, StringComparison.Ordinal);
        Assert.Contains($"'web' already ({first.At})", only.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_address_of_the_host_is_no_address_of_a_unit_that_is_attached()
    {
        Scenario scenario = Scenario.Of(Unit("web", "", "192.0.2.1").On("veth0"));
        Assert.Equal("DP2004", Only(scenario).Code);
        Assert.Contains("'box'", Only(scenario).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_IPv4_address_inside_IPv6_is_the_same_address() =>
        Assert.Equal("DP2004", Only(Scenario.Of(Unit("web", "", "10.0.0.1"), Unit("db", "", "::ffff:10.0.0.1"))).Code);

    [Fact]
    public void Two_hosts_are_an_error_that_names_both()
    {
        ProcessingUnit first = Unit("one", "") with { Attach = Host };
        ProcessingUnit second = Unit("two", "") with { Attach = Host };
        Diagnostic only = Only(Scenario.Of(first, second));
        Assert.Equal(("DP2003", second.At), (only.Code, only.At));
        Assert.Contains($"'one' by 'attach: host' at {first.At}", only.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_unit_with_an_address_of_this_host_is_this_host()
    {
        ProcessingUnit[] fleet = [Unit("alpha", "app=web", "192.0.2.9"), Unit("beta", "app=db", "192.0.2.1", "2001:db8::1") with { Namespace = "/fleet" }];
        ImmutableArray<ResolvedUnit> units = Scenario.Of(fleet).Resolve().Policy.Units;
        Assert.Equal(["beta", "alpha"], units.Select(unit => unit.Name));
        Assert.Equal((true, "/fleet", false), (units[0].IsHost, units[0].Namespace, units[1].IsJudged));
        Assert.Equal(
            ["$identity=processingunit", "$image=linux", "$name=beta", "$namespace=/fleet", "$type=Host", "@os:host=linux", "@os:hostname=box", "app=db"],
            units[0].Tags
        );
        Assert.Equal(["192.0.2.1", "2001:db8::1"], units[0].Addresses.Select(address => address.Key.ToString()));
    }

    [Fact]
    public void Two_units_with_addresses_of_this_host_are_an_error_that_names_both()
    {
        ProcessingUnit first = Unit("one", "", "192.0.2.1");
        ProcessingUnit second = Unit("two", "", "192.0.2.2");
        Scenario scenario = Scenario.Of(first, second) with { Inventory = new("box", [IPAddress.Parse("192.0.2.1"), IPAddress.Parse("192.0.2.2")], []) };
        Diagnostic only = Only(scenario);
        Assert.Equal(("DP2003", second.At), (only.Code, only.At));
        Assert.Equal($"processing unit 'two' is this host by its address 192.0.2.2, and so is 'one' by its address 192.0.2.1 at {first.At}", only.Message);
    }

    [Fact]
    public void A_written_host_beside_a_unit_with_an_address_of_this_host_is_an_error_that_names_both()
    {
        ProcessingUnit first = Unit("one", "") with { Attach = Host };
        ProcessingUnit second = Unit("two", "", "192.0.2.1");
        Diagnostic only = Only(Scenario.Of(first, second));
        Assert.Equal(("DP2003", second.At), (only.Code, only.At));
        Assert.Equal($"processing unit 'two' is this host by its address 192.0.2.1, and so is 'one' by 'attach: host' at {first.At}", only.Message);
    }

    [Fact]
    public void An_archived_unit_with_an_address_of_this_host_is_not_there() =>
        Assert.Equal("box", Assert.Single(Scenario.Of(Unit("old", "", "192.0.2.1") with { Archived = true }).Resolve().Policy.Units).Name);

    [Fact]
    public void A_written_host_is_the_host_with_the_tags_and_addresses_of_both()
    {
        ProcessingUnit written = Unit("server", "app=web", "10.0.0.1") with { Attach = Host, Namespace = "/a" };
        ResolvedUnit host = (Scenario.Of(Unit("far", ""), written) with { Inventory = new("box", [IPAddress.Parse("10.0.0.2")], ["os:kernel=6.1"]) })
            .Resolve()
            .Policy.Units[0];
        Assert.Equal(("server", "/a"), (host.Name, host.Namespace));
        Assert.Equal(["10.0.0.1", "10.0.0.2"], host.Addresses.Select(address => address.Key.ToString()));
        Assert.Equal(
            [
                "$identity=processingunit", "$image=linux", "$name=server", "$namespace=/a", "$type=Host", "@os:host=linux", "@os:hostname=box",
                "app=web", "os:kernel=6.1",
            ],
            host.Tags
        );
    }

    [Fact]
    public void Two_profiles_of_one_host_are_an_error_that_names_both()
    {
        EnforcerProfile[] profiles = [new() { At = At(), Name = "one" }, new() { At = At(), Name = "two" }];
        EnforcerProfileMapping mapping = new() { At = At(), Name = "m", Subject = Tags("$identity=enforcer"), Object = Tags("$identity=enforcerprofile") };
        Diagnostic only = Only(Scenario.Of(profiles[0], profiles[1], mapping));
        Assert.Equal(("DP2007", profiles[1].At), (only.Code, only.At));
        Assert.Contains($"'one' at {profiles[0].At}", only.Message, StringComparison.Ordinal);
        Assert.Empty(Scenario.Of(profiles[0], profiles[1], mapping with { Object = Tags("$name=two") }).Resolve().Diagnostics);
    }

    [Fact]
    public void A_fallback_mapping_counts_only_when_no_other_gives_a_profile()
    {
        EnforcerProfile[] profiles = [new() { At = At(), Name = "one" }, new() { At = At(), Name = "two" }];
        EnforcerProfileMapping any = new() { At = At(), Name = "m", Subject = Tags("$identity=enforcer"), Object = Tags("$name=one"), Fallback = true };
        EnforcerProfileMapping own = any with { Object = Tags("$name=two"), Fallback = false };
        Assert.Equal("one", Profile(any));
        Assert.Equal("two", Profile(any, own));
        Assert.Equal("one", Profile(any, own with { Disabled = true }));
        Assert.Equal("one", Profile(any, own with { Subject = Tags("$name=other") }));

        string? Profile(params EnforcerProfileMapping[] mappings)
        {
            PolicyResolution resolution = Scenario.Of([.. profiles, .. mappings]).Resolve();
            Assert.Empty(resolution.Diagnostics);
            return resolution.Policy.Profile?.Name;
        }
    }

    [Fact]
    public void Two_units_on_one_interface_are_an_error() =>
        Assert.Equal("DP2005", Only(Scenario.Of(Unit("web", "").On("veth0"), Unit("db", "").On("veth0"))).Code);

    [Fact]
    public void A_namespace_that_is_declared_twice_is_an_error_however_it_is_written()
    {
        var first = new NamespaceDefinition { At = At(), Name = "/a/b" };
        var second = new NamespaceDefinition { At = At(), Name = "b/", Namespace = "a" };
        Assert.Equal(("DP2001", second.At), (Only(Scenario.Of(first, second)).Code, Only(Scenario.Of(first, second)).At));
    }

    [Theory]
    [InlineData(16, false)]
    [InlineData(17, true)]
    public void A_namespace_has_sixteen_levels_at_most(int depth, bool isRefused)
    {
        ProcessingUnit deep = Unit("web", "") with { Namespace = string.Concat(Enumerable.Repeat("/n", depth)) };
        Assert.Equal(isRefused, Scenario.Of(deep).Resolve().Diagnostics.Any(one => one.Code == "DP2002"));
    }

    [Fact]
    public void Relative_names_start_at_the_namespace_of_the_command()
    {
        Scenario scenario = Scenario.Of(Unit("web", "") with { Namespace = "b" }, new NamespaceDefinition { At = At(), Name = "c", Namespace = "b" });
        scenario = scenario with { Options = new PolicyOptions { Namespace = "/a" } };
        Assert.Equal(["/", "/a", "/a/b", "/a/b/c"], scenario.Resolve().Policy.Namespaces.Select(one => one.Path));
    }

    private static Diagnostic Only(Scenario scenario) => Assert.Single(scenario.Resolve().Diagnostics);
}
