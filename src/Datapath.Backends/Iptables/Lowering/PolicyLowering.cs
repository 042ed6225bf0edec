using System.Collections.Immutable;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Iptables.Lowering;

/// <summary>From a compiled policy to chains and sets. Pure: every case is a test without a kernel.</summary>
/// <remarks>
/// PREROUTING sees destinations before DNAT and POSTROUTING after it, as the programs at tc do; to a pod packets go out of the host, and
/// from it they come in. Whoever sends is judged before whoever receives.
/// </remarks>
internal static class PolicyLowering
{
    /// <summary>Lowers a policy.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="places">Where its units are.</param>
    /// <param name="options">Names and marks.</param>
    /// <exception cref="PolicyTooLargeException">More classes than the packet mark has numbers for.</exception>
    public static LoweredPolicy Lower(CompiledPolicy policy, UnitPlaces places, IptablesOptions options)
    {
        var classes = new AddressClasses(policy);
        var layout = new MarkLayout(options.PacketMarkMask, classes.Members.Count);
        var names = new ObjectNames(options.Instance);
        LoweredFamily Lowered(Family family) => Lower(policy, places, family, classes, layout, names, options);
        return new LoweredPolicy(names, Lowered(Family.V4), Lowered(Family.V6));
    }

    private static LoweredFamily Lower(
        CompiledPolicy policy,
        UnitPlaces places,
        Family family,
        AddressClasses classes,
        MarkLayout layout,
        ObjectNames names,
        IptablesOptions options
    )
    {
        var book = new ChainBook();
        var runs = new PortRuns(policy);
        // Networks are of one family mostly: the rules for them need not stand in the other's table.
        HashSet<int> present = [.. classes.Ranges(policy, family.IsIPv6).Select(range => range.Id)];
        UnitChains Units(CgroupPart part)
        {
            var leaves = new LeafChains(policy, book, family, layout, options) { Cgroups = part };
            RowChains Rows(bool isAnswer) => new(runs, leaves, book, family, isAnswer);
            return new UnitChains(policy, classes, present, layout, Rows(isAnswer: false), Rows(isAnswer: true), leaves, book);
        }

        CgroupPart beside = places.Cgroups.IsEmpty ? CgroupPart.None : CgroupPart.Beside;
        UnitChains units = Units(beside);
        int Judge(LocalUnit unit, Direction direction) => units.Of(unit, direction);

        var input = ImmutableArray.CreateBuilder<ChainRule>();
        var output = ImmutableArray.CreateBuilder<ChainRule>();
        foreach (string untouched in policy.ExcludedInterfaces.Where(name => UnitPlaces.IsPlainName(name) && name != "lo"))
        {
            input.Add(ChainRule.Return($"-i {untouched} "));
            output.Add(ChainRule.Return($"-o {untouched} "));
        }

        // 1. From pods, then for the host.
        input.AddRange(places.Pods.Select(pod => ChainRule.Jump(Judge(pod.Unit, Direction.Outgoing), UnitNote.Matches(pod.Interface.Name, pod.Unit.Number))));
        if (places.Host is { } host)
        {
            int incoming = (beside == CgroupPart.None ? units : Units(CgroupPart.Host)).Of(host, Direction.Incoming);
            // To look an address up in the kernel's tables costs ten times what comparing it does; who compares unequal is looked up.
            string[] usual = [.. places.UsualAddresses(family.IsIPv6).Select(address => $"{address}/{family.AddressBits} ")];
            input.AddRange(usual.Select(address => ChainRule.Goto(incoming, $"-d {address}! -i lo ")));
            input.AddRange(family.LocalDestinations.Select(matches => ChainRule.Goto(incoming, "! -i lo " + matches)));
            // 2. From the host: what is forwarded still has a foreign source here. Without an address yet (DHCP, duplicate address detection)
            // it is the host too; such packets are never forwarded.
            int outgoing = book.Add(
                [
                    .. places.Cgroups.Select(one => ChainRule.Goto(Units(new CgroupPart(one.Unit.Number)).Of(one.Unit, Direction.Outgoing), CgroupPlaces.Matches(one.Cgroup))),
                    .. classes.HostAddresses(family.IsIPv6).Select(address => ChainRule.Goto(units.Own, $"-d {AddressText.Of(address, family)} ")),
                    ChainRule.Goto(Judge(host, Direction.Outgoing)),
                ]
            );
            string[] own = ["! -o lo -m addrtype --src-type LOCAL ", (family.IsIPv6 ? "-s ::/128 " : "-s 0.0.0.0/32 ") + "! -o lo "];
            // Where pods are asked next, the packet comes back from here, and would be the host's a second time.
            output.AddRange(usual.Where(_ => places.Pods.IsEmpty).Select(address => ChainRule.Goto(outgoing, $"-s {address}! -o lo ")));
            output.AddRange(own.Select(matches => places.Pods.IsEmpty ? ChainRule.Goto(outgoing, matches) : ChainRule.Jump(outgoing, matches)));
        }

        // 3. For pods.
        output.AddRange(places.Pods.Select(pod => ChainRule.Goto(Judge(pod.Unit, Direction.Incoming), $"-o {pod.Interface.Name} ")));
        return new LoweredFamily(names, family, PrefixCover.Of(classes.Ranges(policy, family.IsIPv6), family.AddressBits), layout)
        {
            Numbered = book.Chains,
            Input = input.ToImmutable(),
            Output = output.ToImmutable(),
        };
    }
}
