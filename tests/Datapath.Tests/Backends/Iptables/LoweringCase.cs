using System.Collections.Immutable;
using System.Net;
using Datapath.Backends.Host;
using Datapath.Backends.Iptables;
using Datapath.Backends.Iptables.Lowering;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Backends.Iptables;

/// <summary>The way from a written policy to chains, for a host with an uplink and whatever else it has.</summary>
internal static class LoweringCase
{
    /// <summary>The interface that every host of these tests has.</summary>
    public const string Uplink = "up0";

    /// <summary>The host's address where a test does not say another.</summary>
    public static readonly IPAddress HostAddress = IPAddress.Parse("10.9.0.1");

    /// <summary>Options of the instance whose chains these are.</summary>
    public static readonly IptablesOptions Options = new() { Instance = "default" };

    /// <summary>Compiles a policy of a host that rejects what no rule allows.</summary>
    public static CompiledPolicy CompileClosed(WrittenPolicy written) =>
        Compile(new PolicyCase(written, new HostInventory("box", [HostAddress], []), new PolicyOptions { RootDefault = DefaultAction.Reject }));

    /// <summary>Compiles a policy.</summary>
    public static CompiledPolicy Compile(PolicyCase one)
    {
        PolicyResolution resolution = PolicyResolver.Resolve(one.Written, one.Inventory, one.Options);
        return Assert.IsType<CompiledPolicy>(PolicyCompiler.Compile(resolution.Policy, RuleIndexes.Empty).Policy);
    }

    /// <summary>A host with interfaces of its own beside the uplink, which comes last.</summary>
    public static HostSnapshot Host(IEnumerable<string> interfaces, params IEnumerable<IPAddress> addresses) =>
        new([.. interfaces.Append(Uplink).Select((name, i) => new HostInterface(i + 2, name, IsLoopback: false, Master: 0, HasMacHeader: true))], [.. addresses], []);

    /// <summary>Lowers a policy for a host.</summary>
    public static LoweredPolicy Lower(CompiledPolicy policy, HostSnapshot host, Func<string, ImmutableArray<HostCgroup>>? findCgroups = null) =>
        PolicyLowering.Lower(policy, findCgroups is null ? UnitPlaces.Of(policy, host) : UnitPlaces.Of(policy, host, findCgroups), Options);
}
