using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Options;

/// <summary>A port of the host that stays open where no rule decides, so that a policy cannot lock its author out.</summary>
/// <param name="Direction">Who opens the connection.</param>
/// <param name="Protocol">6 for TCP, 17 for UDP.</param>
/// <param name="Port">The destination port.</param>
/// <param name="Network">The peers that it holds for; null means everybody.</param>
public sealed record FailsafePort(Direction Direction, int Protocol, ushort Port, IpPrefix? Network)
{
    /// <summary>SSH and DHCP towards the host, DNS and DHCP from it.</summary>
    public static ImmutableArray<FailsafePort> Defaults { get; } =
        [
            new(Direction.Incoming, IanaProtocol.Tcp, 22, null),
            new(Direction.Incoming, IanaProtocol.Udp, 68, null),
            new(Direction.Incoming, IanaProtocol.Udp, 546, null),
            new(Direction.Outgoing, IanaProtocol.Udp, 53, null),
            new(Direction.Outgoing, IanaProtocol.Udp, 67, null),
            new(Direction.Outgoing, IanaProtocol.Udp, 547, null),
        ];

    /// <summary>The port as options and events write it: <c>tcp/22</c> or <c>tcp/22@10.0.0.0/8</c>.</summary>
    public override string ToString()
    {
        string port = string.Create(CultureInfo.InvariantCulture, $"{(Protocol == IanaProtocol.Tcp ? "tcp" : "udp")}/{Port}");
        return Network is { } network ? $"{port}@{network}" : port;
    }

    /// <summary>Reads <c>tcp/22</c>, <c>udp/53</c> or <c>tcp/22@10.0.0.0/8</c>.</summary>
    /// <param name="direction">Whether the option was for incoming or outgoing ports.</param>
    /// <param name="text">What was written; case does not matter.</param>
    public static FailsafePortReading Parse(Direction direction, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] halves = text.Split('@', 2);
        string[] parts = halves[0].Split('/', 2);
        int protocol = parts[0].ToUpperInvariant() switch
        {
            "TCP" => IanaProtocol.Tcp,
            "UDP" => IanaProtocol.Udp,
            _ => 0,
        };
        if (protocol == 0 || parts.Length != 2)
        {
            return Refused($"'{text}' is not a failsafe port: write tcp/PORT or udp/PORT, with @NETWORK after it if it is for one network");
        }
        if (!ushort.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out ushort port))
        {
            return Refused($"'{parts[1]}' in failsafe port '{text}' is not a port: 0 to 65535");
        }
        if (halves.Length == 1)
        {
            return new FailsafePortReading(new FailsafePort(direction, protocol, port, null), null);
        }
        return NetworkOf(halves[1]) is { } network
            ? new FailsafePortReading(new FailsafePort(direction, protocol, port, network), null)
            : Refused($"'{halves[1]}' in failsafe port '{text}' is not a network: write an address or a CIDR");
    }

    private static FailsafePortReading Refused(string problem) => new(null, problem);

    private static IpPrefix? NetworkOf(string text)
    {
        string[] parts = text.Split('/', 2);
        if (!IPAddress.TryParse(parts[0], out IPAddress? address))
        {
            return null;
        }
        var key = AddressKey.From(address);
        int width = key.IsIPv6 ? 128 : 32;
        int length = width;
        if (parts.Length == 2 && (!int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out length) || length > width))
        {
            return null;
        }
        return IpPrefix.Around(key, length);
    }
}

/// <summary>What <see cref="FailsafePort.Parse"/> found.</summary>
/// <param name="Port">The port, or null when the text is refused.</param>
/// <param name="Problem">Why it is refused, one sentence; null when it is not.</param>
public sealed record FailsafePortReading(FailsafePort? Port, string? Problem);
