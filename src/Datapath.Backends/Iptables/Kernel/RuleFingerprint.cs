using System.Security.Cryptography;
using System.Text;
using Datapath.Backends.Iptables.Lowering;

namespace Datapath.Backends.Iptables.Kernel;

/// <summary>All rules of mangle and all sets, whoever made them, as one hash: as long as it is the same nobody has changed anything.</summary>
/// <remarks>To take a thousand rules apart every few seconds, to find them as they were, would be most of what an idle agent does.</remarks>
internal static class RuleFingerprint
{
    /// <summary>Looks.</summary>
    /// <param name="variant">Where.</param>
    /// <exception cref="BackendException">Refused.</exception>
    public static string Read(XtablesVariant variant)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string text in Family.Both.Select(family => new Xtables(variant, family).SaveRules()).Append(IpSets.ListHeads()))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(text));
        }

        return Convert.ToHexString(hash.GetCurrentHash());
    }
}
