using System.Collections.Immutable;
using Datapath.Flows;
using Datapath.Policy.Compilation;
using Datapath.Shared.Oracle;
using Datapath.Shared.Sequences;

namespace Datapath.KernelTests.Wire;

/// <summary>One packet after the other through real iptables, beside an oracle that is asked the same.</summary>
internal sealed class DifferenceLab : IDisposable
{
    private const int Zone = 1;

    private readonly WireHost _host = new();
    private readonly CompiledCase _compiled;
    private readonly SequenceCase _case;
    private ushort _name;

    /// <summary>Enforces the first policy of a scenario.</summary>
    /// <param name="scenario">Its text.</param>
    public DifferenceLab(string scenario)
    {
        _case = ScenarioText.Read(scenario);
        _compiled = new CompiledCase(_case.Versions);
        Oracle = new FlowOracle(_compiled.Places, _compiled.HostAddresses);
        _host.Begin(_compiled);
        Enforce(0);
    }

    /// <summary>Says what ought to become of a packet.</summary>
    public FlowOracle Oracle { get; }

    /// <summary>Enforces another policy of the scenario.</summary>
    public void Enforce(int version) =>
        Oracle.Enforce(new RuleBook(_case.Versions[version]), _host.Network.OnHost(() => _host.Enforce(_compiled, version)));

    /// <summary>The rule with a number of one policy of the scenario.</summary>
    public RuleIdentity Rule(int version, int index) => _compiled.Versions[version].Rules.Single(one => one.Index == index).Rule;

    /// <summary>What is reported since the last look.</summary>
    /// <param name="expected">How many events are waited for.</param>
    public ImmutableArray<FlowEvent> Events(int expected) => _host.Network.OnHost(() => _host.TakeEvents(expected));

    /// <summary>Whether a packet is seen beyond those who judge it.</summary>
    public bool Crosses(PacketStep step, Func<WirePacket, ushort, byte[][]>? bytes = null)
    {
        bytes ??= new WireBytes().Of;
        _name = WireShot.NameAfter(_name);
        return _host.Network.OnHost(() =>
        {
            WireDriver.StayOnThisProcessor();
            return _host.Driver.Cross([new WireShot(step, Zone, _name)], shot => bytes(shot.Step.Packet, shot.Name)).Contains(_name);
        });
    }

    /// <summary>Whether the packet goes out by its interface when it is sent as a frame.</summary>
    public bool IsSentUnjudged(PacketStep step)
    {
        using WireSocket world = _host.Network.InWorld(WireSocket.ForFrames);
        byte[] frame = WireBytes.Frame(new WireBytes().Of(step.Packet, WireShot.FirstName)[0], mark: 0);
        using WireSocket own = _host.Network.OnHost(WireSocket.ForFrames);
        own.SendFrame(_host.Network.HostLinks[step.Interface], frame);
        var buffer = new byte[2 * frame.Length];
        // What is sent by a veth is at its other end when the call returns, or soon after.
        return SpinWait.SpinUntil(() => world.Receive(buffer, out int link) == frame.Length && link == _host.Network.WorldLinks[step.Interface], TimeSpan.FromSeconds(10));
    }

    public void Dispose() => _host.Dispose();
}
