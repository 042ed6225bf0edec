using Microsoft.Extensions.Hosting;

namespace Datapath.Agent.Hosting;

/// <summary>Runs a loop for as long as the host runs.</summary>
/// <param name="run">The loop, until its token says stop.</param>
internal sealed class AgentLoop(Func<CancellationToken, Task> run) : BackgroundService
{
    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => run(stoppingToken);
}
