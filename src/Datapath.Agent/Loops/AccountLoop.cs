using Datapath.Agent.Records;
using Datapath.Backends;
using Microsoft.Extensions.Logging;

namespace Datapath.Agent.Loops;

/// <summary>Brings what flows have carried from the kernel to their records, on a timer.</summary>
/// <param name="backend">What counts.</param>
/// <param name="records">What makes records.</param>
/// <param name="log">Where it says that it cannot read.</param>
/// <param name="clock">Times the reads.</param>
internal sealed class AccountLoop(SharedBackend backend, RecordLoop records, ILogger log, TimeProvider clock)
{
    /// <summary>
    /// Shorter than connection tracking keeps a connection that is over (ten seconds after a reset, net/netfilter/nf_conntrack_proto_tcp.c): none goes
    /// without having been read at its end.
    /// </summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private bool _isRefused;

    /// <summary>Runs until it is stopped, and then reads once more.</summary>
    /// <param name="stop">Stops it.</param>
    public async Task RunAsync(CancellationToken stop)
    {
        using PeriodicTimer timer = new(Interval, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stop))
            {
                Read();
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            Read();
        }
    }

    private void Read()
    {
        try
        {
            records.Account(backend.Ask(kernel => kernel.ReadAccounts()));
            _isRefused = false;
        }
        catch (BackendException refusal)
        {
            // Said once, not every five seconds. What is counted meanwhile is read later.
            if (!_isRefused)
            {
                _isRefused = true;
                log.AccountsNotRead(refusal.Message);
            }
        }
    }
}
