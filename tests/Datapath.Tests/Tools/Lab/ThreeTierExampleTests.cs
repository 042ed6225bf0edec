using System.Collections.Immutable;
using System.Net.Sockets;
using Datapath.Lab.Demo;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;
using Datapath.Tests.Architecture;
using Xunit;
using Judgement = Datapath.Lab.Demo.Judgement;

namespace Datapath.Tests.Tools.Lab;

/// <summary>The checked-in table of the example against its policy files, without a kernel: the demo then shows that packets agree.</summary>
public sealed class ThreeTierExampleTests
{
    private const string Example = "examples/three-tier";

    private readonly CompiledPolicy _policy = Compile();

    public static TheoryData<int> Rows => [.. Enumerable.Range(0, Table().Length)];

    [Theory, MemberData(nameof(Rows))]
    public void Every_row_is_what_the_policy_says(int row)
    {
        var attempt = Table()[row];
        var judgements = Judge(attempt).ToList();
        var isAllowed = judgements.TrueForAll(judgement => judgement.IsAllowed);
        Assert.Equal(attempt.IsAllowed, isAllowed);
        Assert.Equal(attempt.Judgements, judgements.Where(judgement => judgement.IsAllowed == isAllowed).Select(judgement => judgement.Judgement));
    }

    [Fact]
    public void The_table_shows_both_verdicts_in_both_families_for_every_protocol()
    {
        var shown = Table().Select(row => (row.IsAllowed, row.Family, row.What.Protocol)).ToHashSet();
        foreach (var protocol in (ProtocolType[])[ProtocolType.Tcp, ProtocolType.Udp])
        {
            Assert.Contains((true, AddressFamily.InterNetwork, protocol), shown);
            Assert.Contains((true, AddressFamily.InterNetworkV6, protocol), shown);
            Assert.Contains((false, AddressFamily.InterNetwork, protocol), shown);
            Assert.Contains((false, AddressFamily.InterNetworkV6, protocol), shown);
        }

        Assert.Contains((true, AddressFamily.InterNetwork, ProtocolType.Icmp), shown);
        Assert.Contains((false, AddressFamily.InterNetwork, ProtocolType.Icmp), shown);
        Assert.Contains((true, AddressFamily.InterNetworkV6, ProtocolType.IcmpV6), shown);
        Assert.Contains((false, AddressFamily.InterNetworkV6, ProtocolType.IcmpV6), shown);
    }

    private static ImmutableArray<Attempt> Table() => ExpectedTable.Read("expected.txt", Repository.Read($"{Example}/expected.txt"));

    private static CompiledPolicy Compile()
    {
        var reading = PolicyReader.ReadAll(
            Repository.Written($"{Example}/", ".yaml").Select(path => (path, Repository.Read(path)))
        );
        Assert.Empty(reading.Diagnostics);
        var inventory = new HostInventory("router", [EndpointAddresses.ThreeTier["router"].Ip4, EndpointAddresses.ThreeTier["router"].Ip6], []);
        var resolution = PolicyResolver.Resolve(reading.Policy, inventory, new PolicyOptions());
        Assert.Empty(resolution.Diagnostics);
        return PolicyCompiler.Compile(resolution.Policy, RuleIndexes.Empty).Policy!;
    }

    /// <summary>The opener's side first; what it rejects never reaches the other side.</summary>
    private IEnumerable<(bool IsAllowed, Judgement Judgement)> Judge(Attempt attempt)
    {
        if (UnitNumber(attempt.From) is { } opener)
        {
            var sent = Judge(opener, attempt.From, Direction.Outgoing, attempt.To, attempt);
            yield return sent;
            if (!sent.IsAllowed)
            {
                yield break;
            }
        }

        if (UnitNumber(attempt.To) is { } receiver)
        {
            yield return Judge(receiver, attempt.To, Direction.Incoming, attempt.From, attempt);
        }
    }

    private int? UnitNumber(string name) => _policy.Units.FirstOrDefault(unit => unit.Name == name)?.Number;

    private (bool IsAllowed, Judgement Judgement) Judge(int unit, string name, Direction direction, string peer, Attempt attempt)
    {
        var what = attempt.What;
        var key = what.Protocol is ProtocolType.Icmp or ProtocolType.IcmpV6 ? (ushort)((what.Port << 8) | what.Code) : what.Port;
        var judgement = new CompiledPolicyReader(_policy).Judge(
            unit,
            direction,
            AddressKey.From(EndpointAddresses.ThreeTier[peer].Of(attempt.Family)),
            CompiledPolicyReader.TableOf((int)what.Protocol, isOnLink: false),
            key
        );
        var (ruleset, rule) = judgement.Rule.Kind switch
        {
            RuleKind.Ruleset => (judgement.Rule.Ruleset, $"{judgement.Rule.Position} {judgement.Rule.RuleName}"),
            RuleKind.Default => ("default", judgement.Rule.Namespace),
            _ => ("failsafe", judgement.Rule.Ruleset),
        };
        var way = direction == Direction.Incoming ? "incoming" : "outgoing";
        return (judgement.Verdict == Verdict.Allow, new Judgement(name, way, ruleset, rule));
    }
}
