using System.Collections.Immutable;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Evaluation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Explanation;

/// <summary>Who may be meant by one end of a question.</summary>
/// <param name="Unit">The processing unit; null for anybody else.</param>
/// <param name="Addresses">Addresses to ask about: all of a unit, or one of each part of a network that the policy tells apart.</param>
internal sealed record AskedEnd(WrittenUnit? Unit, ImmutableArray<AddressKey> Addresses);

/// <summary>Finds the ends of a question: an address, the name of a unit, or tags.</summary>
internal sealed class AskedEnds(PolicyEvaluator evaluator, WrittenPolicy written, PolicyOptions options)
{
    // More answers than this nobody reads, and each costs a walk over all rules.
    private const int MostParts = 1000;

    /// <summary>The ends that a text stands for.</summary>
    /// <param name="text"><c>10.1.2.3</c>, <c>web</c>, <c>/shop/web</c>, <c>host</c>, or <c>app=web and env=p or app=db</c>.</param>
    /// <param name="problem">Why there are none, one sentence; null when there are.</param>
    public ImmutableArray<AskedEnd> Find(string text, out string? problem)
    {
        problem = null;
        if (IpText.TryParseAddress(text, out IpPrefix address))
        {
            var key = AddressKey.From(IpText.ToIPAddress(address));
            return [new AskedEnd(Owner(key), [key])];
        }
        return text.Contains('=', StringComparison.Ordinal) ? ByTags(text, out problem) : ByName(text, out problem);
    }

    /// <summary>The unit that has an address.</summary>
    public WrittenUnit? Owner(AddressKey address) => evaluator.Units.FirstOrDefault(unit => unit.Addresses.Contains(address));

    private ImmutableArray<AskedEnd> ByName(string text, out string? problem)
    {
        int slash = text.LastIndexOf('/');
        string name = text[(slash + 1)..];
        string? path = slash < 0 ? null : slash == 0 ? "/" : text[..slash];
        WrittenUnit[] named = [.. evaluator.Units.Where(unit => unit.Name.Name == name && (path is null || unit.Name.Namespace == path))];
        if (named.Length == 0 && text == "host")
        {
            named = [.. evaluator.Units.Where(unit => unit.IsHost)];
        }
        problem = named.Length > 0 ? null : Unknown(text);
        return [.. named.Select(End)];
    }

    private string Unknown(string text)
    {
        string? near = Spelling.Closest(text, evaluator.Units.Select(unit => unit.Name.Name).Order(StringComparer.Ordinal));
        return $"no processing unit is called '{text}'" + (near is null ? ": write a name, an address, or tags such as app=web" : $": is '{near}' meant?");
    }

    private ImmutableArray<AskedEnd> ByTags(string text, out string? problem)
    {
        problem = null;
        var expression = new TagExpression(
            [.. text.Split(" or ", StringSplitOptions.TrimEntries).Select(clause => clause.Split(" and ", StringSplitOptions.TrimEntries).ToImmutableArray())]
        );
        var ends = ImmutableArray.CreateBuilder<AskedEnd>();
        ends.AddRange(evaluator.Units.Where(unit => WrittenMatch.Tags(expression, unit.Tags)).Select(End));
        foreach ((ExternalNetwork network, HashSet<string> tags) in evaluator.Networks.Where(one => WrittenMatch.Tags(expression, one.Tags)))
        {
            ImmutableArray<AddressKey> parts = Parts(network, out problem);
            if (problem is not null)
            {
                return [];
            }
            ends.Add(new AskedEnd(null, parts));
        }
        problem = ends.Count > 0 ? null : $"no processing unit and no external network has '{text}'";
        return ends.ToImmutable();
    }

    private static AskedEnd End(WrittenUnit unit) => new(unit, [.. unit.Addresses.Order()]);

    /// <summary>One address of each part of a network that the policy may tell from the others: nothing changes between two edges.</summary>
    private ImmutableArray<AddressKey> Parts(ExternalNetwork network, out string? problem)
    {
        problem = null;
        AddressSpan[] spans = [.. network.Entries.Where(entry => entry.Kind == NetworkEntryKind.Network).Select(entry => AddressSpan.Of(entry.Network))];
        SortedSet<AddressKey> edges = [.. Edges().Concat(spans.Select(span => new AddressKey(span.IsIPv6, span.First)))];
        var parts = ImmutableArray.CreateBuilder<AddressKey>();
        foreach (AddressKey edge in edges.Where(edge => Array.Exists(spans, span => span.Contains(edge)) && WrittenMatch.Network(network.Entries, edge)))
        {
            if (Owner(edge) is null)
            {
                parts.Add(edge);
            }
            if (parts.Count > MostParts)
            {
                problem = $"the policy tells more than {MostParts} parts of external network '{network.Name}' apart: ask about an address";
                return [];
            }
        }
        if (parts.Count == 0)
        {
            problem = $"external network '{network.Name}' has no address that is known and not a unit's: ask about an address";
        }
        return parts.ToImmutable();
    }

    private IEnumerable<AddressKey> Edges()
    {
        IEnumerable<NetworkEntry> entries = written
            .ExternalNetworks.SelectMany(network => network.Entries)
            .Concat(written.EnforcerProfiles.SelectMany(profile => profile.ExcludedNetworks.Concat(profile.TargetNetworks)))
            .Where(entry => entry.Kind != NetworkEntryKind.HostName);
        IEnumerable<AddressSpan> spans = entries
            .Select(entry => AddressSpan.Of(entry.Network))
            .Concat(options.Failsafe.Select(port => port.Network).OfType<IpPrefix>().Select(AddressSpan.Of))
            .Concat(evaluator.Units.SelectMany(unit => unit.Addresses).Select(key => new AddressSpan(key.IsIPv6, key.Value, key.Value)));
        foreach (AddressSpan span in spans)
        {
            yield return new AddressKey(span.IsIPv6, span.First);
            if (span.Last != AddressSpan.Whole(span.IsIPv6).Last)
            {
                yield return new AddressKey(span.IsIPv6, span.Last + 1);
            }
        }
    }
}
