using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Xunit;

namespace Datapath.Tests.Agent.Support;

/// <summary>The other end of systemd's notification protocol: a real datagram socket.</summary>
internal sealed class NotifySocket : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);

    /// <summary>Listens.</summary>
    /// <param name="name">As in <c>NOTIFY_SOCKET</c>.</param>
    public NotifySocket(string name)
    {
        Name = name;
        _socket.Bind(new UnixDomainSocketEndPoint(name.StartsWith('@') ? $"\0{name[1..]}" : name));
    }

    public string Name { get; }

    /// <summary>The variables of a service with a watchdog.</summary>
    public Dictionary<string, string> Variables(TimeSpan watchdog) =>
        new(StringComparer.Ordinal)
        {
            ["NOTIFY_SOCKET"] = Name,
            ["WATCHDOG_USEC"] = ((long)watchdog.TotalMicroseconds).ToString(CultureInfo.InvariantCulture),
            ["WATCHDOG_PID"] = Environment.ProcessId.ToString(CultureInfo.InvariantCulture),
        };

    /// <summary>Waits for a message that begins so; those before it are skipped.</summary>
    public async Task<string> UntilAsync(string beginning)
    {
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(RunningAgent.Patience);
        while (true)
        {
            string message = await ReceiveAsync(patience.Token);
            if (message.StartsWith(beginning, StringComparison.Ordinal))
            {
                return message;
            }
        }
    }

    /// <summary>Every message that is waiting.</summary>
    public List<string> Waiting()
    {
        List<string> messages = [];
        byte[] buffer = new byte[4096];
        while (_socket.Available > 0)
        {
            messages.Add(Encoding.UTF8.GetString(buffer, 0, _socket.Receive(buffer)));
        }

        return messages;
    }

    public void Dispose()
    {
        _socket.Dispose();
        File.Delete(Name);
    }

    private async Task<string> ReceiveAsync(CancellationToken cancellation)
    {
        byte[] buffer = new byte[4096];
        int length = await _socket.ReceiveAsync(buffer, SocketFlags.None, cancellation);
        return Encoding.UTF8.GetString(buffer, 0, length);
    }
}
