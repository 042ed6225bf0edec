using Datapath.Interop.Netlink;

namespace Datapath.Backends.Iptables;

/// <content>The socket that packets are logged to. Enforcement does not wait for it: somebody else may listen to the group.</content>
public sealed partial class IptablesBackend
{
    // From the IP header on: enough for its options or extension headers and the ports behind them.
    private const int LoggedBytes = 256;

    private static readonly TimeSpan BetweenAttempts = TimeSpan.FromSeconds(3);

    private long? _deafSince;

    private void TryListen()
    {
        try
        {
            Listen();
        }
        catch (BackendException)
        {
            // Told with the next events, and tried again.
            _deafSince = null;
        }
    }

    // Without it there are no events, and whoever reads them says why.
    private void ListenAgain()
    {
        if (_log is not null || _active is null || _deafSince is { } since && configuration.Time.GetElapsedTime(since) < BetweenAttempts)
        {
            return;
        }

        _deafSince = configuration.Time.GetTimestamp();
        Listen();
        _deafSince = null;
    }

    private void Listen() => _log ??= Guard(() => new PacketLog((ushort)_names.LogGroup, LoggedBytes));
}
