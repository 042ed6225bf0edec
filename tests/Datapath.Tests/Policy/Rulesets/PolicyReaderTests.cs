using System.Net;
using Datapath.Policy.Compilation;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Inventory;
using Datapath.Policy.Rulesets;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Policy.Rulesets;

public sealed class PolicyReaderTests
{
    private static readonly WrittenPolicy Everything = PolicyReader.ReadAll(Corpus.PolicyFiles("ok", "every-field")).Policy;

    [Fact]
    public void Reads_every_field_of_a_namespace()
    {
        NamespaceDefinition shop = Everything.Namespaces[0];
        Assert.Equal("/shop", shop.Name);
        Assert.Equal("", shop.Namespace);
        Assert.Equal("all of it", shop.Description);
        Assert.Equal(DefaultAction.Reject, shop.DefaultIncoming);
        Assert.Equal(DefaultAction.Allow, shop.DefaultOutgoing);
        Assert.Equal(["role=", "cloud:gcp:instance:app="], shop.TagPrefixes);
        Assert.Equal(["@org:tenant=shop"], shop.OrganizationalMetadata);
        Assert.Equal(("web", "/shop"), (Everything.Namespaces[1].Name, Everything.Namespaces[1].Namespace));
        Assert.Equal(DefaultAction.Inherit, Everything.Namespaces[1].DefaultOutgoing);
    }

    [Fact]
    public void Reads_every_field_of_an_external_network()
    {
        ExternalNetwork office = Everything.ExternalNetworks.Single();
        Assert.Equal("office", office.Name);
        Assert.Equal("/shop", office.Namespace);
        Assert.Equal(["externalnetwork:name=office", "externalnetwork:name=everything"], office.AssociatedTags);
        Assert.Equal(["@app:origin=file"], office.Metadata);
        Assert.True(office.Propagate);
        Assert.False(office.Archived);
        Assert.Equal(
            "Network Exclusion Network Network HostName HostName",
            string.Join(' ', office.Entries.Select(static entry => entry.Kind))
        );
        Assert.Equal(new IpPrefix(IsIPv6: false, 0x0A01_0000, 16), office.Entries[1].Network);
        Assert.Equal(new IpPrefix(IsIPv6: true, (UInt128)0xFD00 << 112, 8), office.Entries[3].Network);
    }

    [Fact]
    public void Reads_every_field_of_a_ruleset()
    {
        NetworkRuleset web = Everything.Rulesets.Single();
        Assert.Equal("/shop/web", web.Namespace);
        Assert.Equal("who may use the shop, and whom it may use", web.Description);
        Assert.Equal(["app=web", "role=front"], web.Subject.Clauses[0]);
        Assert.Equal(["app=portal"], web.Subject.Clauses[1]);
        Assert.Equal((true, true, false), (web.Propagate, web.Fallback, web.Disabled));
        Assert.Equal((2, 1), (web.IncomingRules.Length, web.OutgoingRules.Length));
    }

    [Fact]
    public void Reads_every_field_of_a_rule()
    {
        NetworkRule customers = Everything.Rulesets[0].IncomingRules[0];
        Assert.Equal(Verdict.Allow, customers.Action);
        Assert.Equal("customers", customers.Name);
        Assert.Equal((true, false), (customers.LogsDisabled, customers.ObservationEnabled));
        Assert.Equal(["tcp/80", "tcp/8000:8080", "icmp/8/0", "icmp/3/0,1,4:6"], customers.ProtocolPorts.Select(static port => port.Text));
        Assert.Equal("externalnetwork:name=office", customers.Object.Clauses.Single().Single());

        NetworkRule rejected = Everything.Rulesets[0].IncomingRules[1];
        Assert.Equal(Verdict.Reject, rejected.Action);
        Assert.True(rejected.ObservationEnabled);
        Assert.Equal(2, rejected.Object.Clauses.Length);
        Assert.Empty(Everything.Rulesets[0].OutgoingRules[0].ProtocolPorts);
    }

    [Fact]
    public void Reads_every_field_of_a_processing_unit()
    {
        ProcessingUnit web = Everything.ProcessingUnits[0];
        Assert.Equal(new Attachment(AttachmentKind.Interface, "veth-web"), web.Attach);
        Assert.Equal([IPAddress.Parse("10.200.1.2"), IPAddress.Parse("fd00:200:1::2")], web.Addresses);
        Assert.Equal(["app=web", "role=front"], web.AssociatedTags);
        Assert.Equal(["@app:k8s:name=web"], web.Metadata);
        Assert.Equal(new Attachment(AttachmentKind.Host, ""), Everything.ProcessingUnits[1].Attach);
        Assert.Equal(new Attachment(AttachmentKind.Cgroup, "/system.slice/worker.service"), Everything.ProcessingUnits[2].Attach);
        Assert.Equal(new Attachment(AttachmentKind.None, ""), Everything.ProcessingUnits[3].Attach);
        Assert.True(Everything.ProcessingUnits[3].Archived);
    }

    [Fact]
    public void Reads_every_field_of_a_profile_and_its_mapping()
    {
        EnforcerProfile profile = Everything.EnforcerProfiles.Single();
        Assert.Equal(["10.9.0.0/16", "!10.9.1.0/24"], profile.ExcludedNetworks.Select(static entry => entry.Text));
        Assert.Equal(["docker0"], profile.ExcludedInterfaces);
        Assert.Equal("app=ignored", profile.IgnoreExpression?.Clauses.Single().Single());
        Assert.Equal("10.0.0.0/8", profile.TargetNetworks.Single().Text);
        Assert.True(profile.Propagate);

        EnforcerProfileMapping mapping = Everything.EnforcerProfileMappings.Single();
        Assert.Equal("$identity=enforcer", mapping.Subject.Clauses.Single().Single());
        Assert.Equal("profile=default", mapping.Object.Clauses.Single().Single());
        Assert.Equal((true, true, false), (mapping.Propagate, mapping.Fallback, mapping.Disabled));
    }

    [Fact]
    public void Tells_bare_objects_by_their_fields()
    {
        WrittenPolicy policy = PolicyReader.ReadAll(Corpus.PolicyFiles("ok", "bare-objects")).Policy;
        Assert.Equal(["office"], policy.ExternalNetworks.Select(static o => o.Name));
        Assert.Equal(["web", "closed"], policy.Rulesets.Select(static o => o.Name));
        Assert.Equal(["web", "db"], policy.ProcessingUnits.Select(static o => o.Name));
        Assert.Equal(["/shop"], policy.Namespaces.Select(static o => o.Name));
        Assert.Equal(["profile"], policy.EnforcerProfiles.Select(static o => o.Name));
        Assert.Equal(["mapping"], policy.EnforcerProfileMappings.Select(static o => o.Name));
    }

    [Fact]
    public void Merged_and_aliased_objects_are_objects_like_others()
    {
        WrittenPolicy policy = PolicyReader.ReadAll(Corpus.PolicyFiles("ok", "aliases")).Policy;
        Assert.Equal(["web", "web-too", "third"], policy.Rulesets.Select(static o => o.Name));
        Assert.All(policy.Rulesets, static ruleset => Assert.Single(ruleset.IncomingRules));
        Assert.Equal("123", policy.ProcessingUnits.Single().Name);
    }

    [Fact]
    public void Json_escapes_are_read_as_json_means_them() =>
        Assert.Equal("café 😀 /", PolicyReader.ReadAll(Corpus.PolicyFiles("ok", "json")).Policy.ExternalNetworks.Single().Name);

    [Fact]
    public void Objects_and_rules_know_their_place()
    {
        WrittenPolicy policy = PolicyReader.Read("dir/a.yaml", "---\n---\nname: web\nsubject: [[a=b]]\nincomingRules:\n  - action: Allow\n    object: [[c=d]]\n").Policy;
        Assert.Equal(new SourceSpan("dir/a.yaml", 3, 1), policy.Rulesets[0].At);
        Assert.Equal(new SourceSpan("dir/a.yaml", 6, 5), policy.Rulesets[0].IncomingRules[0].At);
    }

    [Fact]
    public void Files_make_up_one_policy_in_their_order()
    {
        PolicyReading reading = PolicyReader.ReadAll([("b.yaml", "{name: b, entries: [10.0.0.0/8]}"), ("a.yaml", "{name: a, entries: [10.0.0.0/8]}")]);
        Assert.Equal(["b", "a"], Read.Clean(reading).ExternalNetworks.Select(static o => o.Name));
    }

    [Fact]
    public void A_later_file_replaces_the_import_of_its_label()
    {
        PolicyReading reading = PolicyReader.ReadAll(Corpus.PolicyFiles("fail", "label-replaced"));
        Assert.Equal("11.0.0.0/8", reading.Policy.ExternalNetworks.Single().Entries.Single().Text);
        Assert.False(reading.HasErrors);
    }

    [Fact]
    public void Documents_of_one_file_add_up_under_one_label()
    {
        const string Import = "APIVersion: 1\nlabel: x\ndata: {externalnetworks: [{name: n, entries: [10.0.0.0/8]}]}\n";
        Assert.Equal(2, Read.Clean(PolicyReader.Read("a.yaml", $"{Import}---\n{Import}")).ExternalNetworks.Length);
    }

    [Theory]
    [InlineData("")]
    [InlineData("# nothing\n")]
    [InlineData("---\n---\n")]
    [InlineData("APIVersion: 1\nlabel: x\ndata: {}\n")]
    [InlineData("APIVersion: 1\ndata:\n  externalnetworks:\n")]
    public void Nothing_is_a_policy_too(string text) => Assert.Empty(Read.Clean(PolicyReader.Read("empty.yaml", text)).ExternalNetworks);

    [Fact]
    public void Diagnostics_come_by_file_and_place_whatever_the_order_of_reading()
    {
        PolicyReading reading = PolicyReader.ReadAll([("b.yaml", "{name: b, entries: []}"), ("a.yaml", "{entries: [], namespace: ' '}")]);
        Assert.Equal(
            "a.yaml:1:1 DP1202, a.yaml:1:11 DP1404, a.yaml:1:26 DP1701, b.yaml:1:20 DP1404",
            string.Join(", ", reading.Diagnostics.Select(static d => $"{d.At} {d.Code}"))
        );
        Assert.True(reading.HasErrors);
    }

    [Fact]
    public void Values_in_messages_are_one_short_line()
    {
        string message = Assert.Single(Read.Entries("a\n\u001b[31m" + new string('x', 5000)).Diagnostics).Message;
        Assert.True(message.Length < 200, message);
        Assert.False(message.Any(char.IsControl), message);
    }
}
