using Datapath.Backends.Iptables.Lowering;

namespace Datapath.Backends.Iptables;

/// <summary>A policy and the generation under whose name the kernel has it, or is to have it.</summary>
/// <param name="Policy">The policy.</param>
/// <param name="Generation">The generation.</param>
internal sealed record PlacedPolicy(LoweredPolicy Policy, uint Generation);

/// <summary>What the kernel is to have: one policy that judges and, while a lease is pending, one to go back to.</summary>
/// <param name="New">Those of them that are not there yet.</param>
/// <param name="Active">The one that judges.</param>
/// <param name="Lease">What is pending; null for nothing. Names the other one.</param>
internal sealed record Installation(IReadOnlyList<PlacedPolicy> New, PlacedPolicy Active, IptablesLease? Lease)
{
    /// <summary>The generations that stay.</summary>
    public uint[] Kept => Lease is null ? [Active.Generation] : [Active.Generation, Lease.Back];
}
