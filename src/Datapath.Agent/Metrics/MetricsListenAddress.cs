using System.Net;

namespace Datapath.Agent.Metrics;

/// <summary>Where <c>--metrics-listen</c> lets the page be read besides the agent's socket.</summary>
/// <param name="Place">Address and port; null for nowhere.</param>
internal sealed record MetricsListenAddress(IPEndPoint? Place)
{
    /// <summary>The port that is used where nothing else is said; free in Prometheus' list of default ports.</summary>
    public const int DefaultPort = 9469;

    /// <summary>The word for nowhere.</summary>
    public const string NoneWord = "none";

    /// <summary>This host alone.</summary>
    public static MetricsListenAddress Default { get; } = new(new IPEndPoint(IPAddress.Loopback, DefaultPort));

    /// <summary>Reads what a user has written; null when it cannot be read.</summary>
    /// <param name="text"><c>10.0.0.1:9469</c>, <c>[::]:9469</c> or <c>none</c>; 0 lets the kernel choose the port.</param>
    public static MetricsListenAddress? Parse(string text)
    {
        if (text == NoneWord)
        {
            return new MetricsListenAddress((IPEndPoint?)null);
        }

        // Without a port the framework's parser gives 0, and takes an IPv6 address without brackets.
        int colon = text.LastIndexOf(':');
        bool hasPort = colon > 0 && (text[colon - 1] == ']' || text.IndexOf(':', StringComparison.Ordinal) == colon) && colon < text.Length - 1;
        return hasPort && IPEndPoint.TryParse(text, out IPEndPoint? place) ? new MetricsListenAddress(place) : null;
    }
}
