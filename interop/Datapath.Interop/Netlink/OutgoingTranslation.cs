using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Datapath.Interop.Libc;

namespace Datapath.Interop.Netlink;

/// <summary>
/// Whether something may translate the destination of what this host sends, in the network namespace of the calling thread: then the address that a
/// program connects to is not the one on the wire. Loads no module.
/// </summary>
public static unsafe class OutgoingTranslation
{
    // Not /proc/net, which is the namespace of the thread that the process began with.
    private const string LegacyTables4 = "/proc/thread-self/net/ip_tables_names";
    private const string LegacyTables6 = "/proc/thread-self/net/ip6_tables_names";
    private const string VirtualServers = "/proc/thread-self/net/ip_vs";
    private const string NatTable = "nat";

    // linux/netfilter/nf_tables.h: NFNL_SUBSYS_NFTABLES, NFT_MSG_GETCHAIN, NFTA_CHAIN_* and NFTA_HOOK_HOOKNUM.
    private const int Subsystem = 10;
    private const int GetChain = 4;
    private const int ChainTable = 1;
    private const int ChainName = 3;
    private const int ChainHook = 4;
    private const int ChainUse = 6;
    private const int ChainType = 7;
    private const int HookNumber = 1;
    private const uint LocalOut = 3; // NF_INET_LOCAL_OUT

    // IPT_SO_GET_INFO, and struct ipt_getinfo: name, valid hooks, first rule and policy of each of five hooks, rules, bytes.
    private const int GetInfo = 64;
    private const int InfoBytes = 84;
    private const int NameBytes = 32;
    private const int FirstRulesAt = 36;
    private const int PoliciesAt = 56;
    private const int LevelIp = 0;
    private const int LevelIp6 = 41;

    /// <summary>What may, to follow "because of"; null when nothing does.</summary>
    /// <exception cref="KernelException">The kernel refused to tell.</exception>
    public static string? Find() =>
        FindVirtualServers() ?? FindLegacy(LegacyTables4, LibcApi.AF_INET, LevelIp, "iptables") ?? FindLegacy(LegacyTables6, 10, LevelIp6, "ip6tables") ?? FindChain();

    /// <summary>The chain that a message describes, where it is a nat chain of outgoing packets with a rule in it; else null.</summary>
    /// <param name="body">From <c>struct nfgenmsg</c> on; any bytes are survived.</param>
    internal static string? ChainOf(ReadOnlySpan<byte> body)
    {
        if (body.Length < NetfilterSocket.HeaderBytes)
        {
            return null;
        }

        (string table, string name, string type, uint hook, uint use) = ("", "", "", uint.MaxValue, 0);
        var attributes = new AttributeReader(body[NetfilterSocket.HeaderBytes..]);
        while (attributes.MoveNext())
        {
            switch (attributes.Type)
            {
                case ChainTable:
                    table = attributes.Text;
                    break;
                case ChainName:
                    name = attributes.Text;
                    break;
                case ChainType:
                    type = attributes.Text;
                    break;
                case ChainUse:
                    use = Number(attributes.Value);
                    break;
                case ChainHook:
                    hook = HookOf(attributes.Value);
                    break;
            }
        }

        return type == NatTable && hook == LocalOut && use != 0 ? $"chain {name} of nftables' table {table}" : null;
    }

    private static uint HookOf(ReadOnlySpan<byte> nested)
    {
        var attributes = new AttributeReader(nested);
        while (attributes.MoveNext())
        {
            if (attributes.Type == HookNumber)
            {
                return Number(attributes.Value);
            }
        }

        return uint.MaxValue;
    }

    private static uint Number(ReadOnlySpan<byte> value) => value.Length >= sizeof(uint) ? BinaryPrimitives.ReadUInt32BigEndian(value) : 0;

    private static string? FindChain()
    {
        string? found = null;
        using var socket = new NetfilterSocket();
        try
        {
            socket.Dump(NetfilterSocket.Type(Subsystem, GetChain), new byte[NetfilterSocket.HeaderBytes], message => found ??= ChainOf(message.Body));
        }
        catch (KernelException refusal) when (refusal.Number is Errno.Invalid or Errno.NotSupported)
        {
            // No nf_tables in this kernel.
        }

        return found;
    }

    // Three lines of headings, then one for each service.
    private static string? FindVirtualServers() =>
        File.Exists(VirtualServers) && File.ReadLines(VirtualServers).Skip(3).Any() ? "virtual servers of IPVS" : null;

    private static string? FindLegacy(string tables, int family, int level, string program)
    {
        // Asking for a table that is not there would make it.
        if (!File.Exists(tables) || !File.ReadLines(tables).Contains(NatTable))
        {
            return null;
        }

        int descriptor = LibcApi.socket(family, LibcApi.SOCK_RAW | LibcApi.SOCK_CLOEXEC, 255);
        if (descriptor < 0)
        {
            throw new KernelException("open", "raw socket", Marshal.GetLastPInvokeError());
        }

        using var socket = new FileDescriptor(descriptor);
        byte* info = stackalloc byte[InfoBytes];
        new Span<byte>(info, InfoBytes).Clear();
        Encoding.ASCII.GetBytes(NatTable, new Span<byte>(info, NameBytes));
        uint length = InfoBytes;
        if (LibcApi.getsockopt(descriptor, level, GetInfo, info, &length) < 0)
        {
            throw new KernelException("ask for", $"{program}'s table nat", Marshal.GetLastPInvokeError());
        }

        int output = (int)LocalOut * sizeof(uint);
        bool hasRules = *(uint*)(info + FirstRulesAt + output) != *(uint*)(info + PoliciesAt + output);
        return hasRules ? $"chain OUTPUT of {program}'s table nat" : null;
    }
}
