using System.Collections.Immutable;
using System.Threading.Channels;
using Datapath.Agent.Loops;
using Datapath.Policy.Options;
using Microsoft.Extensions.Logging;

namespace Datapath.Agent.Service;

/// <summary>What came of reading the configuration again.</summary>
/// <param name="Options">What decides the meaning of the policy now; null when the configuration is wrong.</param>
/// <param name="Problems">What is wrong with it, one sentence each.</param>
/// <param name="AtNextStart">Settings that have changed and cannot change while the agent runs.</param>
internal sealed record RereadSettings(PolicyOptions? Options, ImmutableArray<string> Problems, ImmutableArray<string> AtNextStart);

/// <summary>Takes in configuration and policy directory anew whenever it is asked to (SIGHUP).</summary>
/// <param name="reread">Reads the configuration again.</param>
/// <param name="give">Hands the policy loop an order.</param>
/// <param name="manager">Is told when it begins.</param>
/// <param name="service">Tells when it is done.</param>
/// <param name="log">Where it says what came of it.</param>
internal sealed class ReloadLoop(Func<RereadSettings> reread, Action<PolicyOrder> give, ServiceManager manager, ServiceLoop service, ILogger log)
{
    // One place: asked twice before it begins is asked once.
    private readonly Channel<byte> _asked = Channel.CreateBounded<byte>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite }
    );

    /// <summary>Asks for it; never waits. Any thread.</summary>
    public void Ask() => _asked.Writer.TryWrite(0);

    /// <summary>Runs until it is stopped.</summary>
    /// <param name="stop">Stops it.</param>
    public async Task RunAsync(CancellationToken stop)
    {
        try
        {
            await foreach (byte _ in _asked.Reader.ReadAllAsync(stop))
            {
                manager.Reloading();
                await ReloadAsync(stop);
                service.Ready();
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Nothing to leave behind.
        }
    }

    private async Task ReloadAsync(CancellationToken stop)
    {
        RereadSettings settings = reread();
        foreach (string problem in settings.Problems)
        {
            log.ConfigurationWrong(problem);
        }

        foreach (string option in settings.AtNextStart)
        {
            log.SettingOfNextStart(option);
        }

        // The directory is looked at whatever the configuration says.
        PolicyOrder order = new(OrderKind.Reload) { Options = settings.Options };
        give(order);
        OrderOutcome outcome = await order.Outcome.WaitAsync(stop);
        log.Reloaded(outcome.Message);
    }
}
