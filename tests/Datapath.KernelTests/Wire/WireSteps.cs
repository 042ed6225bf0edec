using System.Collections.Immutable;
using Datapath.Policy.Inventory;
using Datapath.Policy.Rulesets;
using Datapath.Shared.Sequences;

namespace Datapath.KernelTests.Wire;

/// <summary>What of a sequence real packets can do.</summary>
internal static class WireSteps
{
    /// <summary>
    /// The steps that can be sent. A first fragment is followed by the one that completes it, and later ones without a first are left out:
    /// connection tracking judges whole datagrams. Time does not pass, and a memory that loses one flow loses all. Left out besides: what no
    /// stack sends, and what decision 0020 says that iptables sees otherwise.
    /// </summary>
    public static ImmutableArray<Step> Sendable(IEnumerable<Step> steps, CompiledCase one)
    {
        var sendable = ImmutableArray.CreateBuilder<Step>();
        foreach (Step step in steps)
        {
            switch (step)
            {
                case PacketStep { Packet.Fragment: FragmentPart.Later }:
                    break;
                case PacketStep packet when IsSendable(packet, one.HostAddresses) && !IsElsewhere(packet, one.Places) && !IsErrorOfUnknown(packet, one.Places):
                    sendable.Add(packet with { Packet = OnTheWire(packet) });
                    if (packet.Packet.Fragment == FragmentPart.First)
                    {
                        sendable.Add(packet with { Packet = OnTheWire(packet) with { Fragment = FragmentPart.Later } });
                    }
                    break;
                case EvictStep:
                    sendable.Add(new EvictStep(null));
                    break;
                case PolicyStep:
                    sendable.Add(step);
                    break;
                default:
                    break;
            }
        }
        return sendable.ToImmutable();
    }

    private static bool IsSendable(PacketStep step, ImmutableArray<AddressKey> hostAddresses) =>
        step.Packet.Damage == Damage.None
        // Both directions of such a connection look alike.
        && step.Packet.Source != step.Packet.Destination
        // A packet that turns back is judged twice at its interface.
        && (step.IsInwards || step.Origin != Origin.SameInterface)
        // iptables knows the host's own packets by their source.
        && hostAddresses.Contains(step.Packet.Source) == IsOfHost(step, hostAddresses)
        && (step.IsInwards || step.Origin != Origin.Host || !IsHeardBySender(step.Packet))
        && !IsReserved(step.Packet);

    // What another unit sends or receives crosses that unit's interface too.
    private static bool IsElsewhere(PacketStep step, ImmutableArray<Place> places) =>
        places.Any(one => one.Unit is not null && one.Interface != step.Interface && (one.Addresses.Contains(step.Packet.Source) || one.Addresses.Contains(step.Packet.Destination)));

    // Marks of connections follow the addresses that policy knows of units.
    private static bool IsErrorOfUnknown(PacketStep step, ImmutableArray<Place> places) =>
        step.Packet.About is not null
        && places.Single(one => one.Interface == step.Interface) is { Unit: not null } place
        && !place.Addresses.Contains(step.IsInwards ? step.Packet.Source : step.Packet.Destination);

    // The kernel gives a copy of a broadcast back to the host, which is judged as well.
    private static bool IsHeardBySender(WirePacket packet) => !packet.IsIPv6 && packet.Destination.Value == uint.MaxValue;

    private static bool IsOfHost(PacketStep step, ImmutableArray<AddressKey> hostAddresses) =>
        step.IsInwards ? hostAddresses.Contains(step.Packet.Source) && hostAddresses.Contains(step.Packet.Destination) : step.Origin == Origin.Host;

    private static bool IsReserved(WirePacket packet) =>
        packet.Protocol == 0
        || packet.Protocol == (packet.IsIPv6 ? IanaProtocol.Icmp : IanaProtocol.IcmpV6)
        || (packet.Protocol == IanaProtocol.Icmp && packet.IcmpKind >> 8 == byte.MaxValue);

    // Whoever forwards takes one off the hop limit.
    private static WirePacket OnTheWire(PacketStep step) => step.Packet with { IsOnLink = step.Packet.IsOnLink && (step.IsInwards || step.Origin == Origin.Host) };
}
