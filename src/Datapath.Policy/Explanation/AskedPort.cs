using System.Diagnostics.CodeAnalysis;
using Datapath.Policy.Compilation;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Explanation;

/// <summary>The one port, or type and code, or protocol, that a question is about.</summary>
/// <param name="Text">As asked, in lower case.</param>
/// <param name="Table">What the key means.</param>
/// <param name="Key">The key.</param>
public sealed record AskedPort(string Text, PortTable Table, ushort Key)
{
    /// <summary>Reads <c>tcp/443</c>, <c>icmp/8/0</c> or <c>gre</c>.</summary>
    /// <param name="text">As <c>protocolPorts</c> would have it, of one connection only.</param>
    /// <param name="port">What it means.</param>
    /// <param name="problem">Otherwise what is wrong, one sentence.</param>
    /// <remarks>Neighbour discovery is asked as it is sent, with hop limit 255: with another it is no neighbour discovery (RFC 4861, section 6.1).</remarks>
    public static bool TryParse(string text, [NotNullWhen(true)] out AskedPort? port, [NotNullWhen(false)] out string? problem)
    {
        port = null;
        if (!ProtocolPortParser.TryParse(text, out ProtocolPort? written, out string? wrong))
        {
            problem = $"'{text}' {wrong}";
            return false;
        }
        PortTable table = CompiledPolicyReader.TableOf(written.Protocol, isOnLink: false);
        if (table == PortTable.Other && written.Protocol >= 0)
        {
            (port, problem) = (new AskedPort(written.Text, table, (ushort)written.Protocol), null);
            return true;
        }
        if (written.Ranges is not [var only] || only.First != only.Last)
        {
            problem = $"'{text}' is more than one kind of connection: write one, such as tcp/443, icmp/8/0 or gre";
            return false;
        }
        bool isDiscovery = table == PortTable.Icmp6 && (only.First >> 8) is 133 or 134 or 135 or 136 or 141 or 142;
        port = new AskedPort(written.Text, isDiscovery ? PortTable.Icmp6OnLink : table, only.First);
        problem = null;
        return true;
    }

    /// <summary>Whether the protocol belongs to a family: ICMP is of IPv4, ICMPv6 of IPv6, the others of both.</summary>
    /// <param name="isIPv6">The family.</param>
    public bool IsOf(bool isIPv6) =>
        Table switch
        {
            PortTable.Icmp => !isIPv6,
            PortTable.Icmp6 or PortTable.Icmp6OnLink => isIPv6,
            _ => true,
        };
}
