using System.Net;
using Datapath.Policy.Inventory;
using Datapath.Policy.Rulesets;

namespace Datapath.Flows;

/// <summary>What a flow of a unit has carried since the kernel counts it.</summary>
/// <param name="Flow">Which.</param>
/// <param name="Incoming">What the unit was sent.</param>
/// <param name="Outgoing">What the unit sent.</param>
public readonly record struct FlowAccount(AccountedFlow Flow, FlowTraffic Incoming, FlowTraffic Outgoing);

/// <summary>A flow as accounts know it: both ends, whoever began.</summary>
/// <param name="Unit">Number of the unit that judges it.</param>
/// <param name="Protocol">IP protocol number.</param>
/// <param name="Low">The lower of the two ends.</param>
/// <param name="High">The other.</param>
public readonly record struct AccountedFlow(int Unit, byte Protocol, FlowEnd Low, FlowEnd High)
{
    /// <summary>The flow between two ends, in any order.</summary>
    /// <param name="unit">Number of the unit that judges it.</param>
    /// <param name="protocol">IP protocol number.</param>
    /// <param name="one">One end.</param>
    /// <param name="other">The other.</param>
    public static AccountedFlow Between(int unit, byte protocol, FlowEnd one, FlowEnd other)
    {
        int order = one.Address.CompareTo(other.Address);
        return order < 0 || (order == 0 && one.Port <= other.Port) ? new AccountedFlow(unit, protocol, one, other) : new AccountedFlow(unit, protocol, other, one);
    }

    /// <summary>The flow that an event is about.</summary>
    /// <param name="flow">The event.</param>
    public static AccountedFlow Of(FlowEvent flow)
    {
        ArgumentNullException.ThrowIfNull(flow);
        // An echo has its identifier at both ends; what has no ports has 0.
        ushort answering = flow.Protocol is IanaProtocol.Tcp or IanaProtocol.Udp ? flow.DestinationKey : flow.SourcePort;
        return Between(
            flow.Unit,
            flow.Protocol,
            new FlowEnd(AddressKey.From(flow.Source), flow.SourcePort),
            new FlowEnd(AddressKey.From(flow.Destination), answering)
        );
    }
}

/// <summary>An end of a flow.</summary>
/// <param name="Address">Its address.</param>
/// <param name="Port">Its port; the identifier of an echo; 0 where there is none.</param>
public readonly record struct FlowEnd(AddressKey Address, ushort Port)
{
    /// <summary>An end as the framework has it.</summary>
    /// <param name="end">Address and port.</param>
    public static FlowEnd From(IPEndPoint end)
    {
        ArgumentNullException.ThrowIfNull(end);
        return new FlowEnd(AddressKey.From(end.Address), (ushort)end.Port);
    }
}
