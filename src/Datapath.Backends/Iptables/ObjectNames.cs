using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Datapath.Backends.Iptables;

/// <summary>
/// Names of chains and sets. A chain has 28 characters at most (XT_EXTENSION_MAXNAMELEN - 1), which are too few for the longest instance:
/// it carries a digest. A set has 31 and carries the instance as it is.
/// </summary>
/// <param name="Instance">Name of the agent's instance.</param>
internal sealed record ObjectNames(string Instance)
{
    /// <summary>Every chain and set of every instance begins so.</summary>
    public const string Prefix = "dp.";

    private const int DigestBytes = 6;

    /// <summary>What all chains of this instance begin with.</summary>
    public string Chains { get; } = $"{Prefix}{Digest(Instance)}.";

    /// <summary>The chain that nobody asks: its rules keep what those of earlier generations have counted.</summary>
    public string TotalsChain => $"{Chains}total";

    /// <summary>The chain, in mangle of IPv4, whose one rule tells of a lease; no hook leads to it.</summary>
    public string LeaseChain => $"{Chains}lease";

    /// <summary>The chain, in mangle of IPv4, that is there while connection tracking counts because of us; no hook leads to it.</summary>
    public string AccountsChain => $"{Chains}acct";

    /// <summary>What all sets of this instance begin with.</summary>
    public string Sets { get; } = $"{Prefix}{Instance}.";

    /// <summary>Group of NFLOG by which the kernel hands events over: one agent listens to a group, so that instances need different ones.</summary>
    public int LogGroup { get; } = 0x4000 | (SHA256.HashData(Encoding.UTF8.GetBytes(Instance))[0] << 6) | (SHA256.HashData(Encoding.UTF8.GetBytes(Instance))[1] & 0x3f);

    /// <summary>A chain.</summary>
    /// <param name="generation">The policy that it belongs to.</param>
    /// <param name="part">Which one, up to 8 characters.</param>
    public string Chain(uint generation, string part) => $"{Chains}{Hexadecimal(generation)}.{part}";

    /// <summary>The set of classes.</summary>
    /// <param name="generation">The policy that it belongs to.</param>
    /// <param name="isIPv6">The family of its addresses.</param>
    public string Set(uint generation, bool isIPv6) => $"{Sets}{Hexadecimal(generation)}.{(isIPv6 ? '6' : '4')}";

    /// <summary>The generation of a chain or set of this instance.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="generation">Its generation; 0 when it is not one of ours.</param>
    public bool TryGeneration(string name, out uint generation)
    {
        string start = name.StartsWith(Chains, StringComparison.Ordinal) ? Chains : Sets;
        generation = 0;
        return name.StartsWith(start, StringComparison.Ordinal)
            && name.AsSpan(start.Length) is var rest
            && rest.IndexOf('.') is var dot and > 0
            && uint.TryParse(rest[..dot], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out generation);
    }

    /// <summary>The instance whose set this is; null when the name is none of ours.</summary>
    /// <param name="set">Name of a set.</param>
    [SuppressMessage("Performance", "CA1865:Use char overload", Justification = "the dots are counted from the end")]
    public static string? InstanceOfSet(string set)
    {
        string[] parts = set.Split('.');
        return parts is ["dp", var instance, _, "4" or "6"] ? instance : null;
    }

    private static string Hexadecimal(uint generation) => generation.ToString("x", CultureInfo.InvariantCulture);

    private static string Digest(string instance) =>
        Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(instance)).AsSpan(0, DigestBytes));
}
