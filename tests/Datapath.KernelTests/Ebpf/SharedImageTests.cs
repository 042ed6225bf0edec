using Datapath.Backends;
using Datapath.KernelTests.Support;
using Xunit;
using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf;

/// <summary>
/// Generations that have their address tries in common, patched or not, and whole ones that a successor writes among them: each judges by its
/// own policy, and a successor knows it.
/// </summary>
public sealed class SharedImageTests(ITestOutputHelper output)
{
    // The smallest policy takes 1.2 MB: two whole ones, and what is shared beside them.
    private const int ArenaBytes = 4 << 20;
    private const int Policies = 60;

    [KernelFact]
    public void Many_policies_with_addresses_that_come_and_go_judge_each_by_itself()
    {
        int seed = Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        using var lab = new ProgramLab(options => options with { ArenaBytes = ArenaBytes });
        var joined = new SortedSet<int>();
        for (int i = 0; i < Policies; i++)
        {
            int number = random.Next(1, 5);
            if (random.Next(2) == 0 && !joined.Remove(number))
            {
                joined.Add(number);
            }

            ushort open = (ushort)random.Next(80, 83);
            string policy = PolicyOf(open, joined);
            lab.Apply(policy);
            for (int peer = 1; peer <= 5; peer++)
            {
                // A managed unit is not meant by the network that its address lies in.
                Assert.True(joined.Contains(peer) != Passes(lab, peer, open), $"policy {i}: 10.9.3.{peer} to {open}, joined {string.Join(' ', joined)}");
                Assert.False(Passes(lab, peer, (ushort)(open + 1)), $"policy {i}: 10.9.3.{peer} to {open + 1}");
            }

            if (random.Next(10) == 0)
            {
                uint generation = lab.Restart();
                Assert.NotEqual(0u, generation);
                Assert.False(lab.Apply(policy).Changed, $"policy {i} is not known again");
            }
        }
    }

    [KernelFact]
    public void A_policy_that_fits_but_for_holes_gets_its_room_in_one_piece()
    {
        using var lab = new ProgramLab(options => options with { ArenaBytes = ArenaBytes });
        lab.Apply(PolicyOf(80, []));
        uint generation = lab.Apply(PolicyOf(81, [1])).Generation;
        // Two nodes of one line for each: 1.4 MB.
        string many = string.Concat(Enumerable.Range(0, 11_000).Select(i => $"{20 + (i >> 8)}.{i & 0xff}.7.7, "));
        ApplyReport large = lab.Apply(PolicyOf(82, [2]).Replace("entries: [", $"entries: [{many}", StringComparison.Ordinal));
        Assert.True(large.BytesUsed > large.BytesAvailable, $"{large.BytesUsed} bytes had room in {large.BytesAvailable}");
        // The one before was written anew, and then there was room.
        Assert.Equal(generation + 2, large.Generation);
        Assert.True(Passes(lab, 1, 82));
        Assert.False(Passes(lab, 2, 82));
        Assert.False(Passes(lab, 1, 81));
        Assert.Equal(large.Generation, lab.Restart());
        Assert.True(Passes(lab, 1, 82));
    }

    private static string PolicyOf(ushort open, IEnumerable<int> joined) =>
        Ebpf.Policies.Friends
            .Replace("tcp/80", $"tcp/{open}", StringComparison.Ordinal)
            .Replace("addresses: [10.1.0.2,", $"addresses: [10.1.0.2, {string.Concat(joined.Select(peer => $"10.9.3.{peer}, "))}", StringComparison.Ordinal);

    private static bool Passes(ProgramLab lab, int peer, ushort port) =>
        lab.Passes("up0", ingress: true, Ethernet(IPv4($"10.9.3.{peer}", "10.0.0.1", Tcp, TcpHeader(40000, port, Syn))));
}
