using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Datapath.Policy.Rulesets;

/// <summary>Reads one entry of <c>protocolPorts</c> (specification b.6).</summary>
public static class ProtocolPortParser
{
    private const int HighestPort = 65535;
    private const int HighestIcmp = 255;

    /// <summary>Reads one entry.</summary>
    /// <param name="text">The entry as written, in any case.</param>
    /// <param name="port">What it means.</param>
    /// <param name="problem">Otherwise what is wrong with it, to follow the quoted entry in a sentence.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out ProtocolPort? port, [NotNullWhen(false)] out string? problem)
    {
        string entry = text.ToLowerInvariant();
        (port, problem) = Parse(entry);
        return port is not null;
    }

    private static (ProtocolPort? Port, string? Problem) Parse(string entry)
    {
        if (entry == "any")
        {
            return (new ProtocolPort(entry, ProtocolPort.AnyProtocol, []), null);
        }

        // The whole entry comes first: one protocol has a slash in its name.
        if (ProtocolNames.TryGetNumber(entry, out int protocol))
        {
            return protocol is ProtocolNames.Tcp or ProtocolNames.Udp
                ? (null, $"needs a port: `{entry}/443`, or `{entry}/0:65535` for all")
                : (new ProtocolPort(entry, protocol, []), null);
        }

        int slash = entry.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0)
        {
            return (null, IsNumber(entry) ? "is a number, and protocols are written by name" : "is not the name of a protocol");
        }

        string name = entry[..slash];
        if (!ProtocolNames.TryGetNumber(name, out protocol))
        {
            return (null, IsNumber(name) ? "begins with a number, and protocols are written by name" : "does not begin with the name of a protocol");
        }

        return protocol switch
        {
            ProtocolNames.Tcp or ProtocolNames.Udp => ParsePorts(entry, protocol, entry.AsSpan(slash + 1)),
            ProtocolNames.Icmp or ProtocolNames.Icmp6 => ParseIcmp(entry, protocol, entry[(slash + 1)..]),
            _ => (null, $"has a port, and {name} has none"),
        };
    }

    private static (ProtocolPort? Port, string? Problem) ParsePorts(string entry, int protocol, ReadOnlySpan<char> ports)
    {
        if (ports.IndexOfAny(',', '-') > 0)
        {
            return (null, "has a list or a dash: write `80:100` for a range and one entry for each single port");
        }

        return TryParseRange(ports, HighestPort, out KeyRange range, out string? problem)
            ? (new ProtocolPort(entry, protocol, [range]), null)
            : (null, problem);
    }

    private static (ProtocolPort? Port, string? Problem) ParseIcmp(string entry, int protocol, string rest)
    {
        int slash = rest.IndexOf('/', StringComparison.Ordinal);
        string typeText = slash < 0 ? rest : rest[..slash];
        if (!TryParseNumber(typeText, HighestIcmp, out ushort type))
        {
            return (null, "has an ICMP type that is not one number from 0 to 255");
        }

        if (slash < 0)
        {
            return (new ProtocolPort(entry, protocol, [Codes(type, new KeyRange(0, HighestIcmp))]), null);
        }

        ImmutableArray<KeyRange>.Builder ranges = ImmutableArray.CreateBuilder<KeyRange>();
        foreach (string code in rest[(slash + 1)..].Split(','))
        {
            if (!TryParseRange(code, HighestIcmp, out KeyRange range, out _))
            {
                return (null, "has ICMP codes that are not numbers from 0 to 255 or rising ranges, as in `icmp/3/0,1,4:6`");
            }

            ranges.Add(Codes(type, range));
        }

        return (new ProtocolPort(entry, protocol, ranges.ToImmutable()), null);
    }

    private static KeyRange Codes(ushort type, KeyRange codes) => new((ushort)((type << 8) | codes.First), (ushort)((type << 8) | codes.Last));

    /// <summary>A number, or two with a colon between them of which the second is higher.</summary>
    private static bool TryParseRange(ReadOnlySpan<char> text, int highest, out KeyRange range, [NotNullWhen(false)] out string? problem)
    {
        range = default;
        problem = null;
        int colon = text.IndexOf(':');
        if (colon < 0)
        {
            if (TryParseNumber(text, highest, out ushort single))
            {
                range = new KeyRange(single, single);
                return true;
            }

            problem = $"has a port that is not a number from 0 to {highest}";
            return false;
        }

        if (!TryParseNumber(text[..colon], highest, out ushort first) || !TryParseNumber(text[(colon + 1)..], highest, out ushort last))
        {
            problem = $"has a range whose ends are not numbers from 0 to {highest}";
            return false;
        }

        if (first >= last)
        {
            problem = "has a range that does not rise: write the lower port first, and a single port without `:`";
            return false;
        }

        range = new KeyRange(first, last);
        return true;
    }

    /// <summary>Digits after an optional plus; leading zeros pass, as they did in the product.</summary>
    private static bool TryParseNumber(ReadOnlySpan<char> text, int highest, out ushort number)
    {
        ReadOnlySpan<char> digits = text.StartsWith("+") ? text[1..] : text;
        bool isNumber = int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value <= highest;
        number = isNumber ? (ushort)value : default;
        return isNumber;
    }

    private static bool IsNumber(string text) => text.Length > 0 && text.AsSpan().IndexOfAnyExceptInRange('0', '9') < 0;
}
