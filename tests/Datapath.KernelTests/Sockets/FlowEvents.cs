using System.Collections.Immutable;
using System.Text.Json;
using Datapath.Lab.Agents;

namespace Datapath.KernelTests.Sockets;

/// <summary>The agent's stream of flow events, read up to a mark that the test makes itself.</summary>
internal sealed class FlowEvents : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly StreamReader _reader;

    private FlowEvents(StreamReader reader) => _reader = reader;

    /// <summary>Opens the stream: what happens after this returns is in it.</summary>
    public static async Task<FlowEvents> OpenAsync(RunningAgent agent, CancellationToken cancellation) =>
        new(await agent.Api.OpenEventsAsync(cancellation));

    /// <summary>All events before the first one that is the mark. The kernel's ring keeps their order.</summary>
    /// <param name="isMark">Which one.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="IOException">The stream ended.</exception>
    /// <exception cref="TimeoutException">The mark never came.</exception>
    public async Task<ImmutableArray<JsonElement>> UntilAsync(Func<JsonElement, bool> isMark, CancellationToken cancellation)
    {
        var events = ImmutableArray.CreateBuilder<JsonElement>();
        while (true)
        {
            string line = await _reader.ReadLineAsync(cancellation).AsTask().WaitAsync(Patience, cancellation) ?? throw new IOException("the agent ended the stream of events");
            if (line.Length == 0)
            {
                continue;
            }

            using JsonDocument one = JsonDocument.Parse(line);
            if (isMark(one.RootElement))
            {
                return events.ToImmutable();
            }

            events.Add(one.RootElement.Clone());
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _reader.Dispose();
}
