using System.Collections.Immutable;
using System.Net.Sockets;
using System.Text.Json;

namespace Datapath.Lab.Agents;

/// <summary>What the agent says on its socket: HTTP/1.1 and JSON over a Unix socket.</summary>
public sealed class AgentApi : IDisposable
{
    private static readonly Uri StatusPage = new("http://agent/v1/status");
    private static readonly Uri EventsPage = new("http://agent/v1/events");

    private static readonly Uri CountersPage = new("http://agent/v1/counters");

    private readonly HttpClient _client;

    /// <summary>Talks to one agent.</summary>
    /// <param name="socketPath">Its socket; need not exist yet.</param>
    public AgentApi(string socketPath) =>
        _client = new HttpClient(
            new SocketsHttpHandler
            {
                ConnectCallback = async (_, cancellation) =>
                {
                    var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancellation);
                    return new NetworkStream(socket, ownsSocket: true);
                },
            }
        );

    /// <summary>The answer to <c>GET /v1/status</c>.</summary>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="HttpRequestException">Nobody listens.</exception>
    public async Task<JsonElement> StatusAsync(CancellationToken cancellation)
    {
        using var status = JsonDocument.Parse(await _client.GetStringAsync(StatusPage, cancellation));
        return status.RootElement.Clone();
    }

    /// <summary>How many packets were dropped for a reason since the kernel objects were made, from <c>GET /v1/counters</c>.</summary>
    /// <param name="reason">As events name it, such as <c>policy</c>.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<long> DropsAsync(string reason, CancellationToken cancellation)
    {
        using var counters = JsonDocument.Parse(await _client.GetStringAsync(CountersPage, cancellation));
        return counters.RootElement.GetProperty("drops").TryGetProperty(reason, out JsonElement drops) ? drops.GetProperty("packets").GetInt64() : 0;
    }

    /// <summary>One of the other counts of <c>GET /v1/counters</c>; 0 when the backend does not have it.</summary>
    /// <param name="name">Such as <c>events_suppressed</c>.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<long> StatisticAsync(string name, CancellationToken cancellation)
    {
        using var counters = JsonDocument.Parse(await _client.GetStringAsync(CountersPage, cancellation));
        return counters.RootElement.GetProperty("statistics").TryGetProperty(name, out JsonElement count) ? count.GetInt64() : 0;
    }

    /// <summary>Whether the agent answers and says that the kernel enforces its policy.</summary>
    /// <param name="cancellation">Gives up.</param>
    public async Task<bool> IsEnforcingAsync(CancellationToken cancellation)
    {
        try
        {
            return (await StatusAsync(cancellation)).GetProperty("state").ValueEquals("enforcing");
        }
        catch (HttpRequestException)
        {
            // Nobody listens yet.
            return false;
        }
    }

    /// <summary>Names of the judged units by their number.</summary>
    /// <param name="cancellation">Gives up.</param>
    public async Task<ImmutableDictionary<int, string>> UnitNamesAsync(CancellationToken cancellation)
    {
        var status = await StatusAsync(cancellation);
        return status
            .GetProperty("units")
            .EnumerateArray()
            .ToImmutableDictionary(unit => unit.GetProperty("number").GetInt32(), unit => unit.GetProperty("name").GetString()!);
    }

    /// <summary>Opens the stream of flow events: what happens after this returns is in it.</summary>
    /// <param name="cancellation">Gives up.</param>
    public async Task<StreamReader> OpenEventsAsync(CancellationToken cancellation) =>
        new(await _client.GetStreamAsync(EventsPage, cancellation));

    /// <inheritdoc />
    public void Dispose() => _client.Dispose();
}
