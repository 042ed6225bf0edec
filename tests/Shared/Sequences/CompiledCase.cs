using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Evaluation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Resolution;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Shared.Sequences;

/// <summary>The policies of a case as a backend gets them: compiled one after the other, so that a rule keeps its number.</summary>
internal sealed class CompiledCase
{
    /// <summary>The host's uplink; a unit's interface has the name that the policy gives it.</summary>
    public const string Uplink = "up0";

    public CompiledCase(ImmutableArray<PolicyCase> versions)
    {
        RuleIndexes indexes = RuleIndexes.Empty;
        var compiled = ImmutableArray.CreateBuilder<CompiledPolicy>();
        foreach (PolicyCase version in versions)
        {
            PolicyResolution resolution = PolicyResolver.Resolve(version.Written, version.Inventory, version.Options);
            Assert.False(resolution.HasErrors, string.Join('\n', resolution.Diagnostics));
            PolicyCompilation compilation = PolicyCompiler.Compile(resolution.Policy, indexes);
            Assert.Empty(compilation.Diagnostics);
            indexes = compilation.Indexes;
            compiled.Add(compilation.Policy!);
        }
        Versions = compiled.ToImmutable();
        HostAddresses = [.. versions[0].Inventory.Addresses.Select(AddressKey.From)];
        Places = [new Place(Uplink, null, [.. HostAddresses.Concat(WrittenOfHost(versions[0])).Distinct()]), .. Versions[0].Units.Where(IsPod).Select(unit => PlaceOf(unit, versions[0]))];
    }

    public ImmutableArray<CompiledPolicy> Versions { get; }

    public ImmutableArray<AddressKey> HostAddresses { get; }

    /// <summary>Whether the host is judged. A profile may have it ignored; then nobody attaches to its uplink.</summary>
    public static bool JudgesHost(PolicyCase policy) =>
        Resolved(policy).Units.Any(unit => unit is { IsHost: true, IsJudged: true });

    /// <summary>Whether the host's profile lets packets of some networks pass untouched.</summary>
    public static bool Excludes(PolicyCase policy) => Resolved(policy).Profile is { ExcludedNetworks.IsEmpty: false };

    /// <summary>Where packets may cross.</summary>
    public ImmutableArray<Place> Places { get; }

    /// <summary>
    /// Whether some address is listed nowhere, in every version. Where none is, the compiler still counts the class of such addresses when it
    /// asks whether ports matter, and is stricter with fragments than the evaluator, who knows addresses only.
    /// </summary>
    public bool HasStrangers =>
        Versions.All(one => one.Peers.IPv4.Any(range => range.Class == 0) || one.Peers.IPv6.Any(range => range.Class == 0));

    /// <summary>The number by which kernel state knows a unit; null is the host.</summary>
    public int NumberOf(UnitName? unit) =>
        unit is null ? LocalUnit.HostNumber : Versions[0].Units.Single(one => new UnitName(one.Namespace, one.Name) == unit).Number;

    private static ResolvedPolicy Resolved(PolicyCase policy) => PolicyResolver.Resolve(policy.Written, policy.Inventory, policy.Options).Policy;

    private static bool IsPod(LocalUnit unit) => unit.Attach.Kind == AttachmentKind.Interface;

    // What is written as the host has its addresses besides those that the host knows of.
    private static IEnumerable<AddressKey> WrittenOfHost(PolicyCase policy) =>
        policy
            .Written.ProcessingUnits.Where(one => !one.Archived && (one.Attach.Kind == AttachmentKind.Host || one.Addresses.Any(policy.Inventory.Addresses.Contains)))
            .SelectMany(one => one.Addresses)
            .Select(AddressKey.From);

    private static Place PlaceOf(LocalUnit unit, PolicyCase policy)
    {
        IEnumerable<AddressKey> addresses = policy
            .Written.ProcessingUnits.Where(one => one.Attach == unit.Attach && !one.Archived)
            .SelectMany(one => one.Addresses)
            .Select(AddressKey.From);
        return new Place(unit.Attach.Target, new UnitName(unit.Namespace, unit.Name), [.. addresses]);
    }
}
