using System.Globalization;
using System.Net;
using Datapath.Agent.Documents;
using Datapath.Flows;

namespace Datapath.Agent.Records;

/// <summary>Which records are wanted. What is null says nothing.</summary>
internal sealed record FlowFilter
{
    private static readonly (string Name, int Number)[] Protocols = [("icmp", 1), ("tcp", 6), ("udp", 17), ("icmp6", 58), ("sctp", 132)];

    /// <summary>Every record.</summary>
    public static FlowFilter None { get; } = new();

    /// <summary>Name or path of a unit or network at either end.</summary>
    public string? Unit { get; init; }

    /// <summary>A network that one end is in.</summary>
    public IPNetwork? Address { get; init; }

    /// <summary>Protocol number.</summary>
    public int? Protocol { get; init; }

    /// <summary>Destination ports, first and last.</summary>
    public (int First, int Last)? Ports { get; init; }

    /// <summary><see cref="FlowWords.Accept"/> or <see cref="FlowWords.Reject"/>.</summary>
    public string? Action { get; init; }

    /// <summary>Name of the ruleset that decided or observed, or its namespace and name as a path.</summary>
    public string? Ruleset { get; init; }

    /// <summary>Reads what a user has written.</summary>
    /// <param name="question">The texts; null for what is not asked.</param>
    /// <param name="problem">Why it is refused, one sentence; null when it is not.</param>
    public static FlowFilter Parse(FlowQuestion question, out string? problem)
    {
        FlowFilter filter = new() { Unit = question.Unit, Ruleset = question.Ruleset };
        problem = null;
        if (question.Address is { } address)
        {
            filter = filter with { Address = NetworkOf(address) };
            problem ??= filter.Address is null ? $"'{address}' is not an address or network: write 10.1.2.3 or 10.0.0.0/8" : null;
        }

        if (question.Action is { } action)
        {
            filter = filter with { Action = ActionOf(action) };
            problem ??= filter.Action is null ? $"'{action}' is neither accept nor reject" : null;
        }

        return question.Port is { } port ? filter.WithPort(port, ref problem) : filter;
    }

    /// <summary>Whether a record is wanted.</summary>
    /// <param name="record">The record.</param>
    public bool Matches(FlowRecordDocument record) =>
        (Unit is null || IsNamed(record.SourceName, record.SourceId, Unit) || IsNamed(record.DestinationName, record.DestinationId, Unit))
        && (Address is null || IsIn(record.SourceIp) || IsIn(record.DestinationIp))
        && (Protocol is null || record.Protocol == Protocol)
        && (Ports is not { } ports || (record.DestinationPort >= ports.First && record.DestinationPort <= ports.Last))
        && (Action is null || record.Action == Action)
        && (Ruleset is null || Decided(record, Ruleset));

    private static bool Decided(FlowRecordDocument record, string ruleset) =>
        IsNamed(record.PolicyId, FlowEndpoint.Path(record.PolicyNamespace, record.PolicyId), ruleset)
        || (
            record is { ObservedPolicyId: { } observed, ObservedPolicyNamespace: { } space }
            && IsNamed(observed, FlowEndpoint.Path(space, observed), ruleset)
        );

    private static bool IsNamed(string name, string path, string wanted) => name == wanted || path == wanted;

    private bool IsIn(string address) => IPAddress.TryParse(address, out IPAddress? parsed) && Address!.Value.Contains(parsed);

    private FlowFilter WithPort(string text, ref string? problem)
    {
        string[] parts = text.Split('/', 2);
        int? protocol = Array.Find(Protocols, one => string.Equals(one.Name, parts[0], StringComparison.OrdinalIgnoreCase)) is { Name: not null } known ? known.Number : null;
        string ports = parts.Length == 2 ? parts[1] : protocol is null ? parts[0] : "";
        (int First, int Last)? range = ports.Length == 0 ? null : RangeOf(ports);
        if ((parts.Length == 2 && (protocol is null || range is null)) || (protocol is null && range is null))
        {
            problem ??= $"'{text}' is not a port: write 443, tcp/443, udp/1000-2000 or icmp";
        }

        return this with { Protocol = protocol, Ports = range };
    }

    private static (int First, int Last)? RangeOf(string text)
    {
        string[] ends = text.Split('-', 2);
        return ushort.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out ushort first)
            && ushort.TryParse(ends[^1], NumberStyles.None, CultureInfo.InvariantCulture, out ushort last)
            && first <= last
            ? (first, last)
            : null;
    }

    private static IPNetwork? NetworkOf(string text)
    {
        if (IPAddress.TryParse(text, out IPAddress? address))
        {
            return new IPNetwork(address, address.GetAddressBytes().Length * 8);
        }

        string[] parts = text.Split('/', 2);
        bool isNetwork =
            parts.Length == 2
            && IPAddress.TryParse(parts[0], out address)
            && byte.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out _);
        return isNetwork && byte.Parse(parts[1], CultureInfo.InvariantCulture) <= address!.GetAddressBytes().Length * 8
            ? IPNetwork.Parse(Prefix(address, int.Parse(parts[1], CultureInfo.InvariantCulture)))
            : null;
    }

    // The framework's type refuses bits behind the prefix; a person who writes 10.1.2.3/8 means the network around it.
    private static string Prefix(IPAddress address, int length)
    {
        byte[] bytes = address.GetAddressBytes();
        for (int bit = length; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        }

        return string.Create(CultureInfo.InvariantCulture, $"{new IPAddress(bytes)}/{length}");
    }

    private static string? ActionOf(string text) =>
        text.ToLowerInvariant() switch
        {
            "accept" or "allow" => FlowWords.Accept,
            "reject" or "deny" => FlowWords.Reject,
            _ => null,
        };
}

/// <summary>Which records are wanted, in a user's own words; null for what is not asked.</summary>
internal sealed record FlowQuestion
{
    /// <summary>A unit or network.</summary>
    public string? Unit { get; init; }

    /// <summary>An address or network.</summary>
    public string? Address { get; init; }

    /// <summary>A port, a range, a protocol.</summary>
    public string? Port { get; init; }

    /// <summary>Accept or reject.</summary>
    public string? Action { get; init; }

    /// <summary>A ruleset.</summary>
    public string? Ruleset { get; init; }

    /// <summary>The names of the texts as the socket has them.</summary>
    public IEnumerable<(string Name, string? Text)> Texts =>
        [("unit", Unit), ("address", Address), ("port", Port), ("action", Action), ("ruleset", Ruleset)];
}
