using System.Net;
using Datapath.Backends.Iptables.Kernel;
using Datapath.Flows;
using Datapath.Interop.Netlink;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Iptables;

/// <content>What connections carry, as connection tracking counts it.</content>
public sealed partial class IptablesBackend
{
    // Whether it was us: who ends puts back what was not so before.
    private bool _turnedCountingOn;

    /// <inheritdoc/>
    public IReadOnlyCollection<FlowAccount> ReadAccounts()
    {
        if (!configuration.KeepsAccounts || _judged is not { } judged)
        {
            return [];
        }

        CountTraffic();
        var openers = new OpenerJudge(judged.Policy, judged.Places, judged.Host, configuration.CgroupMarkBit);
        List<FlowAccount> accounts = [];
        Guard(() =>
        {
            Conntrack.Read(entry =>
            {
                // Without counters it is older than they are.
                if (entry is { Sent: { } sent, Answered: { } answered })
                {
                    accounts.AddRange(openers.JudgesOf(entry).Select(one => Account(one, Traffic(sent), Traffic(answered))));
                }
            });
            return accounts.Count;
        });
        return accounts;
    }

    /// <summary>Has the kernel count, before the first packet is judged and again when somebody has ended it.</summary>
    private void CountTraffic()
    {
        if (configuration.KeepsAccounts && !Conntrack.CountsTraffic)
        {
            // The setting comes with the first question, also where the kernel loads nothing by itself.
            ProbeConnections();
            _turnedCountingOn = Guard(() =>
            {
                new TrafficCounting(_names, Variant()).Begin();
                return true;
            });
        }
    }

    // An agent that was killed could not put it back: we do, now or when we end.
    private void AdoptCounting(InstalledRules present)
    {
        _turnedCountingOn = TrafficCounting.IsOurs(present);
        if (!configuration.KeepsAccounts)
        {
            StopCounting();
        }
    }

    private void StopCounting()
    {
        if (!_turnedCountingOn)
        {
            return;
        }

        try
        {
            _turnedCountingOn = Guard(() =>
            {
                new TrafficCounting(_names, Variant()).End();
                return false;
            });
        }
        catch (BackendException)
        {
            // Whoever comes after us finds the chain that says so.
        }
    }

    private static FlowAccount Account(JudgedOpener judged, FlowTraffic sent, FlowTraffic answered)
    {
        ConntrackTuple tuple = judged.AsSeen;
        bool isEcho = tuple.IcmpTypeAndCode != 0 || tuple.EchoIdentifier != 0;
        var flow = AccountedFlow.Between(
            judged.Unit,
            tuple.Protocol,
            End(tuple.Source, isEcho ? tuple.EchoIdentifier : tuple.SourcePort),
            End(tuple.Destination, isEcho ? tuple.EchoIdentifier : tuple.DestinationPort)
        );
        return judged.Direction == Direction.Incoming ? new FlowAccount(flow, sent, answered) : new FlowAccount(flow, answered, sent);
    }

    private static FlowEnd End(IPAddress address, ushort port) => FlowEnd.From(new IPEndPoint(address, port));

    private static FlowTraffic Traffic((long Packets, long Bytes) counted) => new(counted.Packets, counted.Bytes);
}
