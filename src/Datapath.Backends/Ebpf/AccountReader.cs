using System.Net;
using System.Runtime.InteropServices;
using Datapath.Flows;
using Datapath.Interop.Libbpf;
using Datapath.Policy.Inventory;

namespace Datapath.Backends.Ebpf;

/// <summary>Reads what flows have carried: <c>struct dp_account</c> of bpf/include/dp_abi_account.h.</summary>
internal static class AccountReader
{
    private const int Batch = 4096;

    /// <summary>Reads all of them.</summary>
    /// <param name="loaded">The loaded object.</param>
    public static List<FlowAccount> Read(BpfObject loaded)
    {
        List<FlowAccount> accounts = [];
        var walk = new BpfMapWalk<DpFlowKey6, DpAccount>(loaded.Map(DpMaps.Accounts).Map, Batch);
        do
        {
            foreach ((DpFlowKey6 key, DpAccount account) in walk.Next())
            {
                accounts.Add(Account(key, account));
            }
        } while (!walk.IsAtStart);

        return accounts;
    }

    private static FlowAccount Account(DpFlowKey6 key, DpAccount account) =>
        new(
            AccountedFlow.Between(key.Zone, key.Protocol, End(key.LowAddressBigEndian, key.LowPortBigEndian), End(key.HighAddressBigEndian, key.HighPortBigEndian)),
            Traffic(account.Incoming),
            Traffic(account.Outgoing)
        );

    private static FlowTraffic Traffic(DpCounter counter) => new((long)counter.Packets, (long)counter.Bytes);

    private static FlowEnd End(ReadOnlySpan<uint> address, ushort port) =>
        new(AddressKey.From(new IPAddress(MemoryMarshal.AsBytes(address))), (ushort)IPAddress.NetworkToHostOrder((short)port));
}
