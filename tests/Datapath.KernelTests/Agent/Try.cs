using System.Net.Sockets;

namespace Datapath.KernelTests.Agent;

/// <summary>Who tries what, and whether an answer must come back.</summary>
/// <param name="From">Name of the end that tries.</param>
/// <param name="To">Name of the end that it tries to reach.</param>
/// <param name="What"><c>ping</c>, or protocol and port such as <c>tcp/80</c>.</param>
/// <param name="IsAllowed">Whether an answer must come back.</param>
internal sealed record Try(string From, string To, string What, bool IsAllowed)
{
    /// <summary>What the hosts of <see cref="AgentLab"/> may do under <see cref="AgentPolicies.Friends"/>, in either family.</summary>
    public static IReadOnlyList<Try> UnderFriends { get; } =
        [
            new("client", "web", "tcp/80", IsAllowed: true),
            new("client", "web", "udp/53", IsAllowed: true),
            new("client", "web", "ping", IsAllowed: true),
            new("client", "web", "tcp/81", IsAllowed: false),
            new("client", "web", "udp/54", IsAllowed: false),
            new("client", "router", "tcp/80", IsAllowed: true),
            new("client", "router", "udp/53", IsAllowed: true),
            new("client", "router", "ping", IsAllowed: true),
            new("client", "router", "tcp/81", IsAllowed: false),
            new("client", "router", "udp/54", IsAllowed: false),
            // Nobody's friend; what is left is the failsafe port of the host.
            new("stranger", "web", "tcp/80", IsAllowed: false),
            new("stranger", "web", "udp/53", IsAllowed: false),
            new("stranger", "web", "ping", IsAllowed: false),
            new("stranger", "router", "tcp/80", IsAllowed: false),
            new("stranger", "router", "ping", IsAllowed: false),
            new("stranger", "router", "tcp/22", IsAllowed: true),
            // Outwards, and between the two that are judged.
            new("web", "client", "tcp/443", IsAllowed: true),
            new("web", "client", "tcp/444", IsAllowed: false),
            new("web", "client", "ping", IsAllowed: false),
            new("router", "client", "tcp/443", IsAllowed: true),
            new("router", "client", "udp/54", IsAllowed: false),
            new("web", "router", "tcp/80", IsAllowed: false),
            new("router", "web", "tcp/80", IsAllowed: false),
        ];

    /// <summary>One of them: an attempt that must be answered.</summary>
    public static Try Allowed { get; } = new("client", "web", "tcp/80", IsAllowed: true);

    /// <summary>One of them: an attempt that must not.</summary>
    public static Try Denied { get; } = new("client", "web", "tcp/81", IsAllowed: false);

    /// <summary>The line of a table.</summary>
    /// <param name="family">IPv4 or IPv6.</param>
    /// <param name="isAnswered">What the socket saw, or ought to see.</param>
    public string Line(AddressFamily family, bool isAnswered) =>
        $"{From} -> {To} {What} {(family == AddressFamily.InterNetwork ? "IPv4" : "IPv6")}: {(isAnswered ? "answered" : "nothing")}";
}
