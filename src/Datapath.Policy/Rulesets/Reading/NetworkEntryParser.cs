namespace Datapath.Policy.Rulesets.Reading;

/// <summary>Reads one entry of a list of networks (specification a.4).</summary>
internal static class NetworkEntryParser
{
    private const int LongestLabel = 63;

    /// <summary>Reads an entry.</summary>
    /// <param name="text">As written.</param>
    /// <param name="takesNames">Whether host names and bare IPv4 addresses are allowed.</param>
    /// <param name="kind">Network, hole or name.</param>
    /// <param name="network">The network with its host bits masked away; default for a name.</param>
    /// <param name="help">What was probably meant; null when that is not clear.</param>
    public static bool TryParse(string text, bool takesNames, out NetworkEntryKind kind, out IpPrefix network, out string? help)
    {
        kind = NetworkEntryKind.Network;
        help = null;
        if (takesNames && !text.Contains(':') && IpText.TryParseAddress(text, out network))
        {
            return true;
        }

        if (takesNames && IsHostName(text))
        {
            (kind, network) = (NetworkEntryKind.HostName, default);
            return true;
        }

        bool isHole = text.StartsWith('!');
        kind = isHole ? NetworkEntryKind.Exclusion : NetworkEntryKind.Network;
        if (IpText.TryParseNetwork(text.AsSpan(isHole ? 1 : 0), out network))
        {
            return true;
        }

        help = HelpFor(text);
        return false;
    }

    /// <summary>An optional <c>*.</c>, labels joined by dots, and an optional <c>.</c> or <c>_</c> at the end.</summary>
    private static bool IsHostName(string text)
    {
        ReadOnlySpan<char> labels = text.StartsWith("*.", StringComparison.Ordinal) ? text.AsSpan(2) : text;
        labels = labels.EndsWith(".") ? labels[..^1] : labels;
        if (labels.IsEmpty)
        {
            return false;
        }

        foreach (Range range in labels.Split('.'))
        {
            // A last label of 63 characters may have one more `_` after it: the one that may end a name.
            ReadOnlySpan<char> label = labels[range];
            bool endsName = range.End.Value == labels.Length && label.EndsWith("_") && label.Length > 1;
            if (!IsLabel(endsName ? label[..^1] : label))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsLabel(ReadOnlySpan<char> label)
    {
        if (label.Length is 0 or > LongestLabel || label[0] == '-')
        {
            return false;
        }

        foreach (char character in label)
        {
            if (!char.IsAsciiLetterOrDigit(character) && character is not ('-' or '_'))
            {
                return false;
            }
        }

        return true;
    }

    private static string? HelpFor(string text)
    {
        string bare = text.TrimStart('!');
        string mark = text.StartsWith('!') ? "!" : "";
        if (IpText.TryParseAddress(bare, out IpPrefix address))
        {
            return $"write '{mark}{bare}/{address.Width}'";
        }

        if (text.StartsWith("!!", StringComparison.Ordinal))
        {
            return "write one `!`";
        }

        if (mark.Length > 0 && IsHostName(bare))
        {
            return "a host name cannot be a hole";
        }

        if (text.Contains('*'))
        {
            return "a `*` stands only alone before the first dot: `*.example.com`";
        }

        return text.Contains("::ffff:", StringComparison.OrdinalIgnoreCase) ? "write the IPv4 network itself" : null;
    }
}
