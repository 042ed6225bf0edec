using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Datapath.Policy.Compilation;
using Datapath.Policy.Evaluation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;
using Xunit;

namespace Datapath.Tests.Support;

/// <summary>One policy, asked through one door: evaluator and compiled tables must agree, then their answer is the test's.</summary>
internal sealed record Scenario
{
    public ImmutableArray<WrittenObject> Objects { get; init; } = [];

    public HostInventory Inventory { get; init; } = new("box", [IPAddress.Parse("192.0.2.1")], []);

    /// <summary>Enforcing and without failsafe ports, as the vectors of the specification are meant.</summary>
    public PolicyOptions Options { get; init; } = new() { RootDefault = DefaultAction.Reject, Failsafe = [] };

    public WrittenPolicy Policy =>
        new()
        {
            Namespaces = [.. Objects.OfType<NamespaceDefinition>()],
            ExternalNetworks = [.. Objects.OfType<ExternalNetwork>()],
            Rulesets = [.. Objects.OfType<NetworkRuleset>()],
            ProcessingUnits = [.. Objects.OfType<ProcessingUnit>()],
            EnforcerProfiles = [.. Objects.OfType<EnforcerProfile>()],
            EnforcerProfileMappings = [.. Objects.OfType<EnforcerProfileMapping>()],
        };

    public static Scenario Of(params WrittenObject[] objects) => new() { Objects = [.. objects] };

    public PolicyResolution Resolve() => PolicyResolver.Resolve(Policy, Inventory, Options);

    public CompiledPolicy Compile()
    {
        PolicyResolution resolution = Resolve();
        Assert.False(resolution.HasErrors, string.Join('\n', resolution.Diagnostics));
        PolicyCompilation compilation = PolicyCompiler.Compile(resolution.Policy, RuleIndexes.Empty);
        Assert.Empty(compilation.Diagnostics);
        return compilation.Policy!;
    }

    /// <summary>What the unit's policy says of a connection that it receives.</summary>
    /// <param name="unit">The unit's name; empty for the host.</param>
    /// <param name="peer">Address of the other end.</param>
    /// <param name="port"><c>tcp/80</c>, <c>icmp/8/0</c>, <c>gre</c>.</param>
    /// <param name="isOnLink">Whether the packet has hop limit 255.</param>
    public Judgement Incoming(string unit, string peer, string port, bool isOnLink = false) =>
        Judge(unit, Direction.Incoming, peer, port, isOnLink);

    /// <summary>What the unit's policy says of a connection that it opens.</summary>
    public Judgement Outgoing(string unit, string peer, string port, bool isOnLink = false) =>
        Judge(unit, Direction.Outgoing, peer, port, isOnLink);

    private Judgement Judge(string name, Direction direction, string peer, string port, bool isOnLink)
    {
        CompiledPolicy compiled = Compile();
        LocalUnit unit = compiled.Units.Single(one => name.Length == 0 ? one.Number == LocalUnit.HostNumber : one.Name == name);
        int[] parts = [.. port.Split('/').Skip(1).Select(part => int.Parse(part, CultureInfo.InvariantCulture))];
        int protocol = Written.Port(port.Split('/')[0]).Protocol;
        PortTable table = CompiledPolicyReader.TableOf(protocol, isOnLink);
        ushort key = (ushort)(
            table switch
            {
                PortTable.Other => protocol,
                PortTable.Tcp or PortTable.Udp => parts[0],
                _ => (parts[0] << 8) | parts[1],
            }
        );
        var address = AddressKey.From(IPAddress.Parse(peer));
        var question = new Question(new UnitName(unit.Namespace, unit.Name), direction, address, table, key);
        Judgement expected = new PolicyEvaluator(Policy, Inventory, Options).Judge(question);
        Assert.Equal(expected, new CompiledPolicyReader(compiled).Judge(unit.Number, direction, address, table, key));
        return expected;
    }
}
