using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Rulesets;
using Datapath.Tests.Support;

namespace Datapath.Shared.Sequences;

/// <summary>Policies that a host might have next: rules revoked, rules allowed, defaults turned; units and networks stay.</summary>
internal sealed class PolicyVariants(Random random)
{
    private const int MostChanges = 4;

    /// <summary>The policy after a few changes.</summary>
    public PolicyCase Next(PolicyCase one)
    {
        for (int left = 1 + random.Next(MostChanges); left > 0; left--)
        {
            one = one with { Written = Change(one.Written) };
        }
        return one;
    }

    private WrittenPolicy Change(WrittenPolicy written)
    {
        int choice = random.Next(8);
        if (choice == 0 && !written.Namespaces.IsEmpty)
        {
            return written with { Namespaces = One(written.Namespaces, Turned) };
        }
        if (written.Rulesets.IsEmpty)
        {
            return written;
        }
        return choice switch
        {
            1 => written with { Rulesets = written.Rulesets.RemoveAt(random.Next(written.Rulesets.Length)) },
            2 => written with { Rulesets = One(written.Rulesets, one => one with { IncomingRules = [] }) },
            3 => written with { Rulesets = One(written.Rulesets, one => one with { OutgoingRules = [] }) },
            4 or 5 => written with { Rulesets = One(written.Rulesets, one => one with { IncomingRules = One(one.IncomingRules, Turned) }) },
            _ => written with { Rulesets = One(written.Rulesets, one => one with { OutgoingRules = One(one.OutgoingRules, Turned) }) },
        };
    }

    private static NetworkRule Turned(NetworkRule rule) => rule with { Action = rule.Action == Verdict.Allow ? Verdict.Reject : Verdict.Allow };

    private NamespaceDefinition Turned(NamespaceDefinition one) =>
        random.Next(2) == 0 ? one with { DefaultIncoming = Turned(one.DefaultIncoming) } : one with { DefaultOutgoing = Turned(one.DefaultOutgoing) };

    private static DefaultAction Turned(DefaultAction action) => action == DefaultAction.Allow ? DefaultAction.Reject : DefaultAction.Allow;

    private ImmutableArray<T> One<T>(ImmutableArray<T> all, Func<T, T> change)
    {
        if (all.IsEmpty)
        {
            return all;
        }
        int at = random.Next(all.Length);
        return all.SetItem(at, change(all[at]));
    }
}
