using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Datapath.Backends.Iptables.Lowering;
using Datapath.Interop.Netlink;

namespace Datapath.Backends.Iptables.Kernel;

/// <summary>All rules and our sets, as one text: as long as it is the same nobody has changed anything.</summary>
/// <remarks>
/// To run three programs every few seconds, and to take a thousand rules apart, to find them as they were, would be most of what an idle agent does.
/// The newer variant has a number that changes with every transaction; of the older one the rules have to be printed.
/// </remarks>
internal static class RuleFingerprint
{
    /// <summary>Looks.</summary>
    /// <param name="names">The instance's names.</param>
    /// <param name="variant">Where.</param>
    /// <exception cref="BackendException">Refused.</exception>
    /// <exception cref="Interop.KernelException">Refused.</exception>
    public static string Read(ObjectNames names, XtablesVariant variant)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        IpSetHeads.Read(
            (set, head) =>
            {
                if (set.StartsWith(names.Sets, StringComparison.Ordinal))
                {
                    hash.AppendData(head);
                }
            }
        );
        uint? generation = variant == XtablesVariant.Nft ? Nftables.Generation() : null;
        if (generation is null)
        {
            foreach (Family family in Family.Both)
            {
                hash.AppendData(Encoding.UTF8.GetBytes(new Xtables(variant, family).SaveRules()));
            }
        }

        return string.Create(CultureInfo.InvariantCulture, $"{generation}/{Convert.ToHexString(hash.GetCurrentHash())}");
    }
}
