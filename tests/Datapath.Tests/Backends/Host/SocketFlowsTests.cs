using System.Globalization;
using System.Net;
using Datapath.Backends.Ebpf.OlderFlows;
using Datapath.Backends.Host;
using Datapath.Interop.Netlink;
using Xunit;

namespace Datapath.Tests.Backends.Host;

/// <summary>Who opened a connection, by the sockets of one end.</summary>
public sealed class SocketFlowsTests
{
    [Theory]
    [InlineData("0.0.0.0:80", false, "192.0.2.1:80", "Incoming")]
    [InlineData("192.0.2.1:80", false, "192.0.2.1:80", "Incoming")]
    [InlineData("192.0.2.2:80", false, "192.0.2.1:80", "Outgoing")]
    [InlineData("0.0.0.0:81", false, "192.0.2.1:80", "Outgoing")]
    [InlineData("[::]:80", false, "192.0.2.1:80", "Incoming")]
    [InlineData("[::]:80", true, "192.0.2.1:80", "Outgoing")]
    [InlineData("[::]:80", true, "[2001:db8::1]:80", "Incoming")]
    [InlineData("0.0.0.0:80", false, "[2001:db8::1]:80", "Outgoing")]
    public void Who_has_a_listener_on_the_local_port_was_called(string listener, bool isForIPv6Only, string local, string expected)
    {
        IPEndPoint own = IPEndPoint.Parse(local);
        IPEndPoint other = IPEndPoint.Parse(own.Address.GetAddressBytes().Length == 4 ? "198.51.100.7:4000" : "[2001:db8::7]:4000");
        OlderFlow flow = Assert.Single(SocketFlows.Of([Listener(listener, isForIPv6Only), new TcpSocket(own, other, TcpSocketState.Established, false)]).Select(one => OlderFlow.Of(3, one)));
        (IPEndPoint opener, IPEndPoint answerer) = expected == "Incoming" ? (other, own) : (own, other);
        Assert.Equal((3, expected, opener, answerer, (ushort)answerer.Port), (flow.Unit, flow.Direction.ToString(), flow.Opener, flow.Answerer, flow.Key));
    }

    [Theory]
    [InlineData("127.0.0.1:80", "127.0.0.1:4000")]
    [InlineData("192.0.2.1:80", "192.0.2.2:4000")]
    public void A_connection_of_the_unit_with_itself_is_no_flow(string one, string other)
    {
        (IPEndPoint first, IPEndPoint second) = (IPEndPoint.Parse(one), IPEndPoint.Parse(other));
        Assert.Empty(SocketFlows.Of([new TcpSocket(first, second, TcpSocketState.Established, false), new TcpSocket(second, first, TcpSocketState.Established, false)]));
    }

    [Theory]
    [InlineData(TcpSocketState.Established, "Established")]
    [InlineData(TcpSocketState.FinWait2, "FinWait")]
    [InlineData(TcpSocketState.CloseWait, "FinWait")]
    [InlineData(TcpSocketState.LastAck, "LastAck")]
    public void What_is_about_to_end_does_not_stay_for_days(TcpSocketState state, string expected)
    {
        OlderFlow flow = Assert.Single(SocketFlows.Of([new TcpSocket(IPEndPoint.Parse("192.0.2.1:80"), IPEndPoint.Parse("198.51.100.7:4000"), state, false)]).Select(one => OlderFlow.Of(1, one)));
        Assert.Equal(string.Create(CultureInfo.InvariantCulture, $"{expected} True"), string.Create(CultureInfo.InvariantCulture, $"{flow.State} {flow.IsProved}"));
    }

    private static TcpSocket Listener(string local, bool isForIPv6Only) =>
        new(IPEndPoint.Parse(local), new IPEndPoint(IPAddress.Any, 0), TcpSocketState.Listen, isForIPv6Only);
}
