using System.Globalization;
using System.Net.Sockets;

namespace Datapath.Agent.Service;

/// <summary>Tells whoever started the agent what it is at: systemd's notification protocol.</summary>
/// <remarks>
/// sd_notify(3): a datagram of <c>KEY=value</c> lines to the Unix socket of <c>NOTIFY_SOCKET</c>, whose name begins with <c>@</c> in the abstract
/// namespace. Written here because libsystemd is one more library that a host may lack, for thirty lines.
/// </remarks>
internal sealed class ServiceManager : IDisposable
{
    private readonly Socket? _socket;
    private readonly UnixDomainSocketEndPoint? _address;
    private readonly TimeProvider _clock;

    private ServiceManager(UnixDomainSocketEndPoint? address, TimeSpan? watchdog, TimeProvider clock)
    {
        _address = address;
        _socket = address is null ? null : new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        _clock = clock;
        Watchdog = address is null ? null : watchdog;
    }

    /// <summary>Whether anybody listens.</summary>
    public bool IsThere => _socket is not null;

    /// <summary>After this long without <see cref="Alive"/> the agent is killed and started again; null when nobody watches.</summary>
    public TimeSpan? Watchdog { get; }

    /// <summary>The manager that the environment names; one that nobody hears when it names none.</summary>
    /// <param name="variables">Looks up a variable of the environment.</param>
    /// <param name="clock">A monotonic clock.</param>
    public static ServiceManager Of(Func<string, string?> variables, TimeProvider clock)
    {
        // Sockets of other kinds (vsock:…) are for virtual machines that report to their host.
        UnixDomainSocketEndPoint? address = variables("NOTIFY_SOCKET") switch
        {
            ['@', .. var name] => new UnixDomainSocketEndPoint("\0" + name),
            ['/', ..] path => new UnixDomainSocketEndPoint(path),
            _ => null,
        };

        // sd_watchdog_enabled(3): the process that it is meant for is named, so that children do not take it for theirs.
        bool isOurs = variables("WATCHDOG_PID") is not { Length: > 0 } pid || pid == Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        bool isTime = long.TryParse(variables("WATCHDOG_USEC"), NumberStyles.None, CultureInfo.InvariantCulture, out long microseconds);
        return new ServiceManager(address, isOurs && isTime && microseconds > 0 ? TimeSpan.FromMicroseconds(microseconds) : null, clock);
    }

    /// <summary>What it was started for is done: the confirmed policy judges at every interface that there is.</summary>
    /// <param name="status">One sentence for people.</param>
    public void Ready(string status) => Send($"READY=1\nSTATUS={status}");

    /// <summary>It is not ready yet, and at work.</summary>
    /// <param name="patience">How long to wait for the next message, if the time for a start is over before.</param>
    public void Starting(TimeSpan patience) => Send(string.Create(CultureInfo.InvariantCulture, $"EXTEND_TIMEOUT_USEC={(long)patience.TotalMicroseconds}"));

    /// <summary>It takes in its configuration anew; <see cref="Ready"/> ends that.</summary>
    public void Reloading() =>
        // TimeProvider.System counts CLOCK_MONOTONIC, which is what systemd compares with its own.
        Send(string.Create(CultureInfo.InvariantCulture, $"RELOADING=1\nMONOTONIC_USEC={(long)(_clock.GetTimestamp() * 1e6 / _clock.TimestampFrequency)}"));

    /// <summary>It ends, as it was asked to.</summary>
    public void Stopping() => Send("STOPPING=1");

    /// <summary>It does its work.</summary>
    public void Alive() => Send("WATCHDOG=1");

    /// <summary>What it is at.</summary>
    /// <param name="status">One sentence for people.</param>
    public void Status(string status) => Send($"STATUS={status}");

    /// <inheritdoc/>
    public void Dispose() => _socket?.Dispose();

    private void Send(string state)
    {
        try
        {
            _socket?.SendTo(System.Text.Encoding.UTF8.GetBytes(state), _address!);
        }
        catch (SocketException)
        {
            // A manager that does not listen draws its own conclusions; packets are to be judged all the same.
        }
    }
}
