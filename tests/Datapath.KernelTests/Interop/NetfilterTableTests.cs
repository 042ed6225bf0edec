using Datapath.Interop.Netlink;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Interop;

/// <summary>What the kernel says of rules and sets, by which it is seen that somebody changed them.</summary>
public sealed class NetfilterTableTests
{
    [KernelFact]
    public void Every_transaction_has_another_generation_and_looking_makes_none()
    {
        using var lab = new VethLab();
        lab.Run(() =>
        {
            uint? empty = Nftables.Generation();
            Assert.NotNull(empty);
            CommandRunner.Run("iptables-nft", "-t", "mangle", "-N", "dpi-one");
            uint? one = Nftables.Generation();
            CommandRunner.Run("iptables-nft-save");
            CommandRunner.Run("ip6tables-nft-save");
            Assert.Equal(one, Nftables.Generation());
            CommandRunner.Run("iptables-nft", "-t", "mangle", "-A", "dpi-one", "-j", "ACCEPT");
            uint? two = Nftables.Generation();
            CommandRunner.Run("iptables-nft", "-t", "mangle", "-F", "dpi-one");
            uint?[] all = [empty, one, two, Nftables.Generation()];
            Assert.Equal(all.Length, all.Distinct().Count());
        });
    }

    [KernelFact]
    public void The_head_of_a_set_changes_with_its_entries_and_with_nothing_else()
    {
        using var lab = new VethLab();
        lab.Run(() =>
        {
            CommandRunner.Run("ipset", "create", "dpi-one", "hash:net");
            CommandRunner.Run("ipset", "create", "dpi-two", "hash:net");
            var empty = Heads();
            Assert.Equal(["dpi-one", "dpi-two"], empty.Keys.Order(StringComparer.Ordinal));
            CommandRunner.Run("ipset", "add", "dpi-one", "192.0.2.0/24");
            var filled = Heads();
            Assert.NotEqual(empty["dpi-one"], filled["dpi-one"]);
            Assert.Equal(empty["dpi-two"], filled["dpi-two"]);
            Assert.Equal(filled, Heads());
            CommandRunner.Run("ipset", "flush", "dpi-one");
            Assert.NotEqual(filled["dpi-one"], Heads()["dpi-one"]);
        });
    }

    private static Dictionary<string, string> Heads()
    {
        Dictionary<string, string> heads = [];
        IpSetHeads.Read((set, head) => heads.Add(set, Convert.ToHexString(head)));
        return heads;
    }
}
