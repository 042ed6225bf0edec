using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Datapath.Policy.Compilation;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Inventory;
using Datapath.Policy.Rulesets;

namespace Datapath.Tests.Support;

/// <summary>Written objects in one line each, without a file. Expressions: <c>a=1 &amp; b=2 | c=3</c>.</summary>
internal static class Written
{
    private static int _line;

    /// <summary>A place that no other object has, so that messages can be told apart.</summary>
    public static SourceSpan At() => new("policy.yaml", Interlocked.Increment(ref _line), 1);

    public static TagExpression Tags(string text) =>
        new([.. text.Split(" | ").Select(clause => clause.Split(" & ").ToImmutableArray())]);

    public static ExternalNetwork Network(string name, params string[] entries) =>
        new()
        {
            At = At(),
            Name = name,
            AssociatedTags = [$"externalnetwork:name={name}"],
            Entries = [.. entries.Select(Entry)],
        };

    public static NetworkEntry Entry(string text)
    {
        if (char.IsAsciiLetter(text[^1]) && !text.Contains(':', StringComparison.Ordinal))
        {
            return new NetworkEntry(At(), text, NetworkEntryKind.HostName, default);
        }
        NetworkEntryKind kind = text[0] == '!' ? NetworkEntryKind.Exclusion : NetworkEntryKind.Network;
        return new NetworkEntry(At(), text, kind, Prefix(text.TrimStart('!')));
    }

    public static IpPrefix Prefix(string text)
    {
        string[] parts = text.Split('/');
        var key = AddressKey.From(IPAddress.Parse(parts[0]));
        int length = parts.Length == 2 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : key.IsIPv6 ? 128 : 32;
        return IpPrefix.Around(key, length);
    }

    public static NetworkRuleset Ruleset(string name, string subject) => new() { At = At(), Name = name, Subject = Tags(subject) };

    public static NetworkRule Allow(string peers, params string[] ports) => Rule(Verdict.Allow, peers, ports);

    public static NetworkRule Reject(string peers, params string[] ports) => Rule(Verdict.Reject, peers, ports);

    public static ProtocolPort Port(string text)
    {
        string[] parts = text.Split('/');
        int protocol = parts[0] switch
        {
            "any" => ProtocolPort.AnyProtocol,
            "tcp" => IanaProtocol.Tcp,
            "udp" => IanaProtocol.Udp,
            "icmp" => IanaProtocol.Icmp,
            "icmp6" => IanaProtocol.IcmpV6,
            "gre" => 47,
            "sctp" => 132,
            "hopopt" => 0,
            _ => throw new ArgumentException($"no such protocol in tests: {text}", nameof(text)),
        };
        return new ProtocolPort(text, protocol, parts.Length == 1 ? [] : Ranges(parts));
    }

    public static ProcessingUnit Unit(string name, string tags, params string[] addresses) =>
        new()
        {
            At = At(),
            Name = name,
            AssociatedTags = [.. tags.Split(' ', StringSplitOptions.RemoveEmptyEntries)],
            Addresses = [.. addresses.Select(IPAddress.Parse)],
        };

    public static ProcessingUnit On(this ProcessingUnit unit, string link) =>
        unit with
        {
            Attach = new Attachment(AttachmentKind.Interface, link),
        };

    private static NetworkRule Rule(Verdict action, string peers, string[] ports) =>
        new()
        {
            At = At(),
            Action = action,
            Object = Tags(peers),
            ProtocolPorts = [.. ports.Select(Port)],
        };

    private static ImmutableArray<KeyRange> Ranges(string[] parts)
    {
        bool isIcmp = parts[0].StartsWith("icmp", StringComparison.Ordinal);
        if (!isIcmp)
        {
            return [Range(parts[1], ':', 0)];
        }
        int type = int.Parse(parts[1], CultureInfo.InvariantCulture) << 8;
        return parts.Length == 2
            ? [new KeyRange((ushort)type, (ushort)(type | 0xff))]
            : [.. parts[2].Split(',').Select(codes => Range(codes, ':', type))];
    }

    private static KeyRange Range(string text, char separator, int offset)
    {
        int[] ends = [.. text.Split(separator).Select(end => int.Parse(end, CultureInfo.InvariantCulture))];
        return new KeyRange((ushort)(offset + ends[0]), (ushort)(offset + ends[^1]));
    }
}
