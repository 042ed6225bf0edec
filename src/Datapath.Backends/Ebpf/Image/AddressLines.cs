namespace Datapath.Backends.Ebpf.Image;

/// <summary>
/// The address tries of both families: most of an image, and what changes least. Policies with the same addresses have the same object, by
/// which it is known that kernel memory has these lines already.
/// </summary>
/// <param name="words">The lines, from line 0 on.</param>
/// <param name="ip4Root">The line of the root of IPv4.</param>
/// <param name="ip6Root">The line of the root of IPv6.</param>
internal sealed class AddressLines(ReadOnlyMemory<uint> words, int ip4Root, int ip6Root)
{
    /// <summary>The lines.</summary>
    public ReadOnlyMemory<uint> Words { get; } = words;

    /// <summary>How many.</summary>
    public int Lines => Words.Length / PolicyImage.LineWords;

    /// <summary>The line of the root of IPv4.</summary>
    public int IPv4Root { get; } = ip4Root;

    /// <summary>The root of IPv4, and what follows.</summary>
    public ReadOnlySpan<uint> IPv4RootWords => Words.Span[(IPv4Root * PolicyImage.LineWords)..];

    /// <summary>The line of the root of IPv6.</summary>
    public int IPv6Root { get; } = ip6Root;
}
